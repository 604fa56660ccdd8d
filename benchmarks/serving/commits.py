"""`python -m benchmarks.serving.commits`: what a commit of a few records costs SQLite in a log of many.

For each layout: pages that the commit adds to the write-ahead log, and in milliseconds the statements, writing the
pages and syncing them, of 1, 3 and 8 records; medians, layouts in turn. What syncing costs is the difference between a
commit that waits for the disk and one that does not; once while the write-ahead log grows, and once where it is
overwritten, as after a checkpoint.
"""

import argparse
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from serving.log.decision_log import DecisionLog, open_log
from serving.log.entry import encode
from tests.serving.log.examples import make_record
from tests.serving.log.keyring import KEYS

Change = Callable[[sqlite3.Connection], object]
RECORDS = (1, 3, 8)
TIMES = 60
SYNCS = 300
FRAME = 24  # bytes before each page in the write-ahead log


def _drop(index: str) -> Change:
    return lambda connection: connection.execute(f"DROP INDEX {index}")


LAYOUTS: dict[str, tuple[int, Change, bool]] = {
    "as it is, keys of partners random": (8192, lambda _: None, True),
    "as it is, keys of partners in order of time": (8192, lambda _: None, False),
    "pages of 4096": (4096, lambda _: None, True),
    "pages of 16384": (16384, lambda _: None, True),
    "without the index of persons (could not erase)": (8192, _drop("decisions_person"), True),
    "without the index by time (could not list)": (8192, _drop("decisions_time"), True),
}
"""Page size, what is changed about the tables, and whether the idempotency keys are random."""


def make(file: Path, rows: int) -> None:
    """A log of `rows` records: real ones, and copies of them under ids, keys and persons of their own."""
    with closing(open_log(f"sqlite:///{file}", KEYS)) as log:
        log.commit([encode(make_record(second)) for second in range(1000)])
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        names = [name for (name,) in connection.execute("SELECT name FROM pragma_table_info('decisions')")]
        anew = {
            "sequence": "sequence + ?",
            "decision_id": "substr(decision_id, 1, 14) || hex(randomblob(11))",
            "idempotency_key": "hex(randomblob(16))",
            "person": "lower(hex(randomblob(16)))",
        }
        values = ", ".join(anew.get(name, name) for name in names)
        sql = f"INSERT INTO decisions ({', '.join(names)}) SELECT {values} FROM decisions WHERE sequence <= 1000"
        for first in range(1000, rows, 1000):
            connection.execute(sql, [first])
        connection.execute("UPDATE decision_head SET records = ?", [rows])
        connection.commit()


def lay_out(made: Path, file: Path, page_bytes: int, change: Change) -> None:
    """A copy in another layout."""
    with closing(sqlite3.connect(made)) as connection:
        connection.execute(f"PRAGMA page_size={page_bytes}")
        connection.execute("VACUUM INTO ?", [str(file)])
    with closing(sqlite3.connect(file)) as connection:
        change(connection)
        connection.commit()


def measure(log: DecisionLog, wal: Path, page_bytes: int, records: int, random: bool, sync: bool) -> tuple[float, ...]:
    """Pages, and milliseconds of the statements and of the commit."""
    second = 2000  # after those that are there, on their day
    made = [make_record(second, entity_id=os.urandom(8).hex()) for _ in range(records)]
    keys = [os.urandom(16).hex() if random else record.decision_id for record in made]
    entries = [encode(make_record(second, idempotency_key=key, entity_id=key)) for key in keys]
    writer = log._database._writer  # type: ignore[attr-defined]
    writer.execute(f"PRAGMA synchronous={'FULL' if sync else 'NORMAL'}")
    writer.execute("PRAGMA wal_autocheckpoint=0")
    before, began = wal.stat().st_size, time.perf_counter()
    staged = log.stage(entries)
    assert staged is not None
    between = time.perf_counter()
    staged.commit()
    ended = time.perf_counter()
    pages = (wal.stat().st_size - before) / (page_bytes + FRAME)
    return pages, 1e3 * (between - began), 1e3 * (ended - between)


def bare(file: Path, kilobytes: int) -> tuple[float, float]:
    """Milliseconds to overwrite a part of a file and sync it: what the disk alone takes."""
    file.write_bytes(bytes(2**25))
    spent, part = [], os.urandom(kilobytes * 1024)
    with file.open("r+b", buffering=0) as opened:
        os.fsync(opened.fileno())
        for place in range(SYNCS):
            opened.seek(place * len(part) % 2**25)
            began = time.perf_counter()
            opened.write(part)
            os.fdatasync(opened.fileno())
            spent.append(1e3 * (time.perf_counter() - began))
            time.sleep(0.002)
    return median(spent), sorted(spent)[len(spent) * 99 // 100]


def paced(file: Path, pages: int, commits: int = 1500) -> tuple[float, ...]:
    """Milliseconds of commits of three records, some 150 a second, with a checkpoint every `pages` pages (0: never)."""
    spent = []
    with closing(open_log(f"sqlite:///{file}", KEYS)) as log:
        log._database._writer.execute(f"PRAGMA wal_autocheckpoint={pages}")  # type: ignore[attr-defined]
        for _ in range(commits):
            entries = [encode(make_record(2000, idempotency_key=os.urandom(16).hex())) for _ in range(3)]
            began = time.perf_counter()
            log.commit(entries)
            spent.append(1e3 * (time.perf_counter() - began))
            time.sleep(0.003)
    spent.sort()
    return spent[len(spent) // 2], spent[len(spent) * 99 // 100], spent[len(spent) * 999 // 1000]


def main() -> None:
    """Measure the layouts in turn and print them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving.commits", description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    given = parser.parse_args()
    console = Console(width=140, highlight=False)
    with TemporaryDirectory(dir=".") as folder:
        for kilobytes in (32, 64, 128, 256):
            half, most = bare(Path(folder, "bare"), kilobytes)
            console.print(f"a bare file, {kilobytes} KB overwritten and synced: p50 {half:.2f} ms, p99 {most:.2f} ms")
        made = Path(folder, "made.db")
        make(made, given.rows)
        for pages in (4000, 1000, 0):
            lay_out(made, Path(folder, "paced.db"), 8192, lambda _: None)
            half, most, longest = paced(Path(folder, "paced.db"), pages)
            said = f"p50 {half:.2f} ms, p99 {most:.2f} ms, p99.9 {longest:.2f} ms"
            console.print(f"commits of 3 records, a checkpoint every {pages} pages: {said}")
            _remove(Path(folder, "paced.db"))
        found = {name: _layout(made, Path(folder, "other.db"), name) for name in LAYOUTS}
    table = Table("layout", "records", "pages", "KB", "statements", "written", "synced", "synced in place", box=None)
    for name, rows in found.items():
        for records, (added, *spent) in rows.items():
            size = added * LAYOUTS[name][0] / 1024
            times = [f"{one:.2f}" for one in spent]
            table.add_row(name, str(records), f"{added:.1f}", f"{size:.0f}", *times)
    console.print(table)


def _layout(made: Path, file: Path, name: str) -> dict[int, tuple[float, ...]]:
    page_bytes, change, random = LAYOUTS[name]
    lay_out(made, file, page_bytes, change)
    found: dict[int, tuple[float, ...]] = {}
    wal = Path(f"{file}-wal")
    with closing(open_log(f"sqlite:///{file}", KEYS)) as log:
        log.append(make_record())
        for records in RECORDS:
            turns = [
                [measure(log, wal, page_bytes, records, random, sync) for sync in (True, False)] for _ in range(TIMES)
            ]
            log._database._writer.execute("PRAGMA wal_checkpoint(RESTART)")  # type: ignore[attr-defined]
            again = [measure(log, wal, page_bytes, records, random, True) for _ in range(TIMES)]
            log._database.tidy()
            synced, written = ([turn[place] for turn in turns] for place in (0, 1))
            pages, wrote = median(one[0] for one in synced), median(one[2] for one in written)
            statements, grown = median(one[1] for one in synced), median(one[2] for one in synced)
            found[records] = (pages, statements, wrote, grown - wrote, median(one[2] for one in again) - wrote)
    _remove(file)
    return found


def _remove(file: Path) -> None:
    for ending in ("", "-wal", "-shm"):
        Path(f"{file}{ending}").unlink(missing_ok=True)


if __name__ == "__main__":
    main()
