"""Backup and restore: one SQLite file holds the log of either database, and the tables that are kept beside it.

A backup is one consistent state, read page by page while the service writes. It appears whole under its name, or not at
all; a restore is one transaction on an empty database. Both are verified before they are said to be good.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from infra.files import keep
from serving.log.anchors import Anchor
from serving.log.database import LogUnavailable, Row, Session, open_database
from serving.log.decision_log import open_log
from serving.log.entry import COLUMNS
from serving.log.keys import KeyRing
from serving.log.schema import HEAD, LINKS, READABLE, STATEMENTS, VERSION
from serving.log.sqlite import SqliteDatabase
from serving.log.verify import Verification

PAGE = 1000
LOG = {
    "decisions": ("sequence", *COLUMNS),
    "decision_batches": LINKS,
    "decision_head": ("one", *HEAD),
    "decision_keys": ("portfolio", "day", "master", "wrapped"),
    "decision_schema": ("version",),
}
KEYS = {
    "decisions": "sequence",
    "decision_batches": "number",
    "shadow_decisions": "sequence",
}  # the large ones are copied in pages by their key
BESIDE = (
    *("approval_pauses", "partners", "partner_keys", "list_versions", "list_entries", "list_imports"),
    *("consents", "batch_keys", "staff", "reviews", "review_refusals", "shadow_decisions"),
)
"""Tables of others in the same database: without its pauses, a restored service would approve again."""


class BackupError(LogUnavailable):
    """A backup cannot be made, is not good, or cannot be restored here; the message says why."""


def back_up(url: str, to: Path, keys: KeyRing | None, anchors: Sequence[Anchor]) -> Verification:
    """Write the log at `url` into the file `to`, verify it, and only then give it its name; an older one is replaced.

    `anchors` must be read before this is called. Without `keys`, what is sealed is copied but not opened.
    """
    part = to.with_name(f".{to.name}.part")
    _remove(part)
    with (
        closing(open_database(url, read_only=True)) as source,
        closing(SqliteDatabase(str(part), one_file=True)) as target,
    ):
        source.snapshot(lambda taken: target.write(lambda made: _archive(taken, made)))
    found = verify_file(part, keys, anchors)
    if not found.valid:
        _remove(part)
        raise BackupError(f"the log itself does not verify: {found.broken}; nothing was kept: `lendloop log verify`")
    keep(part, to)
    return found


def restore(file: Path, url: str, keys: KeyRing | None, anchors: Sequence[Anchor]) -> Verification:
    """Bring the backup `file` into the empty database at `url`, in one transaction.

    It is verified before a row is written, and once more as it stands in the database. Anchors made after the backup
    are not held against it: the caller says what is missing.
    """
    if not file.is_file():
        raise BackupError(f"{file}: no such file; expected what `lendloop log backup FILE` wrote")
    found = verify_file(file, keys, anchors)
    if not found.valid:
        raise BackupError(f"{file}: not as it was backed up: {found.broken}; nothing was restored: use another backup")
    with closing(open_database(f"sqlite:///{file}", read_only=True)) as source, closing(open_database(url)) as target:
        source.snapshot(lambda kept: target.alone(lambda made: _bring_back(kept, made)))
    return _verified(url, keys, anchors, found.head.number)


def verify_file(file: Path, keys: KeyRing | None, anchors: Sequence[Anchor]) -> Verification:
    """Verify a backup where it lies, reading only."""
    with closing(open_database(f"sqlite:///{file}", read_only=True)) as database:
        rows = database.read(lambda session: session.rows("SELECT version, number FROM decision_schema, decision_head"))
    if not rows or rows[0][0] not in READABLE:
        raise BackupError(f"{file}: found version {rows[0][0] if rows else 'none'} of the log, expected {VERSION}")
    return _verified(f"sqlite:///{file}", keys, anchors, int(rows[0][1]))


def _verified(url: str, keys: KeyRing | None, anchors: Sequence[Anchor], last: int) -> Verification:
    held = [anchor for anchor in anchors if anchor.number <= last]
    with closing(open_log(url, keys or KeyRing([bytes(32)]), read_only=True)) as log:
        return log.verify(anchors=held, sealed=keys is not None)


def _archive(source: Session, target: Session) -> None:
    for statement in STATEMENTS:
        target.run(statement)
    target.run("DELETE FROM decision_head")
    if source.columns("decisions") and not source.columns("decision_schema"):
        raise BackupError("found a log of an earlier version; expected one that was opened, and so migrated, before")
    for table, columns in LOG.items():
        _copy(source, target, table, columns)
    for table in BESIDE:
        if found := source.columns(table):
            target.run(f"CREATE TABLE {table} ({', '.join(found)})")
            _copy(source, target, table, found)


def _bring_back(source: Session, target: Session) -> None:
    for statement in STATEMENTS:
        target.run(statement)
    beside = [table for table in BESIDE if source.columns(table) and target.columns(table)]
    for table in ("decisions", "decision_batches", *beside):
        if target.rows(f"SELECT 1 FROM {table} LIMIT 1"):
            raise BackupError(f"found rows in {table}; expected an empty database: a restore never overwrites a log")
    for table, columns in LOG.items():
        target.run(f"DELETE FROM {table}")
        _copy(source, target, table, columns)
    for table in beside:
        _copy(source, target, table, source.columns(table))


def _copy(source: Session, target: Session, table: str, columns: Sequence[str]) -> None:
    for page in _pages(source, table, columns):
        target.insert(table, columns, page)


def _pages(source: Session, table: str, columns: Sequence[str]) -> Iterator[list[Row]]:
    names = ", ".join(columns)
    if table not in KEYS:
        if rows := source.rows(f"SELECT {names} FROM {table}"):
            yield rows
        return
    sql = f"SELECT {names} FROM {table} WHERE {KEYS[table]} > ? ORDER BY {KEYS[table]} LIMIT {PAGE}"
    after = -(2**63)
    while page := source.rows(sql, [after]):
        yield page
        after = page[-1][0]


def _remove(part: Path) -> None:
    for ending in ("", "-wal", "-shm", "-journal"):
        part.with_name(part.name + ending).unlink(missing_ok=True)
