"""The lake: what is known when, and that nothing is ever half written or lost."""

import errno
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from features.lake import Lake, LakeError, LakeFull, NoData
from features.spec import CREATED
from tests.features.small import TIME

FIRST = date(2024, 1, 1)


def rows(*days: str, value: int = 0) -> pl.DataFrame:
    times = [datetime.fromisoformat(day).replace(tzinfo=UTC) for day in days]
    return pl.DataFrame({CREATED: times, "value": [value] * len(days)}, schema={CREATED: TIME, "value": pl.Int64})


def extend(lake: Lake, frame: pl.DataFrame, as_of: date, inputs: str = "a") -> bool:
    return lake.extend("p", "tables", "t", frame, first=FIRST, as_of=as_of, inputs=inputs)


def files(lake: Lake) -> dict[str, bytes]:
    return {str(path.relative_to(lake.root)): path.read_bytes() for path in lake.root.rglob("*.parquet")}


ROWS = rows("2024-01-05", "2024-01-31T23:59:59", "2024-02-01", "2024-03-10")


def test_rows_are_known_at_the_end_of_their_day(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    extend(lake, ROWS, date(2024, 3, 31))
    assert lake.read("p", "tables", "t", as_of=date(2024, 1, 31)).height == 2
    assert lake.read("p", "tables", "t", as_of=date(2024, 2, 1)).height == 3
    assert lake.read("p", "tables", "t").equals(ROWS)


def test_a_replay_neither_changes_nor_shrinks(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    assert extend(lake, ROWS, date(2024, 3, 31))
    before = files(lake)
    assert not extend(lake, ROWS, date(2024, 3, 31))
    assert not extend(lake, ROWS, date(2024, 1, 10))
    assert files(lake) == before


def test_a_replay_with_other_inputs_keeps_what_is_covered(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    extend(lake, ROWS, date(2024, 1, 31))
    extend(lake, ROWS, date(2024, 1, 5), inputs="b")
    assert lake.read("p", "tables", "t").height == 2
    with pytest.raises(LakeError, match="would shrink to 2024-01-05"):
        lake.write("p", "tables", "t", "2024-01", ROWS, covers=date(2024, 1, 5), inputs="c")


def test_day_by_day_is_the_same_as_at_once(tmp_path: Path) -> None:
    daily, once = Lake(tmp_path / "daily"), Lake(tmp_path / "once")
    for as_of in (date(2024, 1, 5), date(2024, 1, 31), date(2024, 2, 29), date(2024, 3, 31)):
        extend(daily, ROWS, as_of)
    extend(once, ROWS, date(2024, 3, 31))
    assert files(daily) == files(once)


def test_it_holds_a_date_only_when_all_months_are_there(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    extend(lake, ROWS, date(2024, 3, 31))
    assert lake.holds("p", "tables", "t", date(2024, 2, 10), "a")
    assert not lake.holds("p", "tables", "t", date(2024, 4, 1), "a")
    assert not lake.holds("p", "tables", "t", date(2024, 3, 31), "b")
    assert not lake.holds("p", "tables", "other", date(2024, 3, 31), "a")


def test_nothing_known_is_said_with_what_to_do(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    with pytest.raises(NoData, match=r"nothing is known of tables 't'; found no partition\. Run ingest"):
        lake.read("p", "tables", "t")
    extend(lake, ROWS, date(2024, 3, 31))
    with pytest.raises(NoData, match=r"at 2024-01-02; found partitions 2024-01 to 2024-03"):
        lake.read("p", "tables", "t", as_of=date(2024, 1, 2))


def test_a_file_that_is_none_of_ours_is_named(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    extend(lake, ROWS, date(2024, 1, 31))
    file = lake.file("p", "tables", "t", "2024-01")
    file.write_bytes(b"PAR1 no more")
    with pytest.raises(LakeError, match=r"known=2024-01.part\.parquet: .*delete it and run again"):
        extend(lake, ROWS, date(2024, 1, 31))
    with pytest.raises(LakeError, match=r"known=2024-01.part\.parquet: .*delete it and run again"):
        lake.read("p", "tables", "t")


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = Lake(tmp_path)
    extend(lake, ROWS, date(2024, 1, 31))
    before = files(lake)

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LakeFull, match=r"cannot be written: No space left on device; nothing half-written is left"):
        extend(lake, ROWS, date(2024, 2, 29), inputs="b")
    assert files(lake) == before
    assert not list(tmp_path.rglob("*.tmp"))


# It takes its rows from a file: what makes them here would import pytest in each process.
WRITER = """
import sys
from datetime import date
from pathlib import Path
import polars as pl
from features.lake import Lake
lake, frame = Lake(Path(sys.argv[1])), pl.read_parquet(sys.argv[2])
for turn in range(10_000):
    lake.extend("p", "tables", "t", frame, first=date(2024, 1, 1), as_of=date(2024, 1, 31), inputs=str(turn))
    print("written", flush=True)
"""


def test_a_writer_killed_at_any_time_leaves_a_whole_file(tmp_path: Path) -> None:
    script, many, lake = tmp_path / "writer.py", tmp_path / "rows.parquet", Lake(tmp_path / "lake")
    script.write_text(WRITER)
    pl.concat([rows("2024-01-05", value=value) for value in range(2_000)] * 100).write_parquet(many)
    environment = os.environ | {"PYTHONPATH": os.getcwd()}
    for turn in range(4):
        command = [sys.executable, script, lake.root, many]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as writer:
            assert writer.stdout
            # From here on it is always in a write, but for moments.
            assert writer.stdout.readline() == b"written\n"
            time.sleep(0.01 + 0.017 * turn)
            writer.send_signal(signal.SIGKILL)
        assert lake.read("p", "tables", "t").height == 200_000
    assert extend(lake, ROWS, date(2024, 1, 31), inputs="after")
    assert lake.read("p", "tables", "t").height == 2
