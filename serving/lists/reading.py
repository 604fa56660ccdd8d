"""The book read into an index: what changed since, and, ahead of the time, what an import writes that has not ended."""

import time
from collections.abc import Sequence
from datetime import date

from serving.lists.imports import SILENT_SECONDS
from serving.lists.index import Ahead, Index, Row
from serving.log.database import Row as Stored
from serving.log.database import Session

_COLUMNS = "e.id, e.list, e.kind, e.match, e.hash, e.valid_from, e.valid_until, e.ended_version"
# An import writes its entries in the order of their digests, which their ids begin with.
# By both columns of their index: for `since_version = ? ORDER BY id` Postgres may go through every entry by its id.
_PART = (
    f"SELECT {_COLUMNS} FROM list_entries e WHERE (e.since_version, e.id) > (?, ?) AND e.since_version <= ?"
    " ORDER BY e.since_version, e.id"
)
PART = 2000
PARTS = 10  # at a look, so that a look does not take long


def last_version(session: Session) -> int:
    """The version of the lists that is current."""
    return int(session.rows("SELECT coalesce(max(number), 0) FROM list_versions")[0][0])


def catch_up(session: Session, index: Index) -> None:
    """Bring an index up to the last version."""
    version, known = last_version(session), index.version
    if version == known:
        return
    # Up to the version read above: on Postgres the next statement may see later ones.
    changed = f"SELECT {_COLUMNS} FROM list_entries e WHERE (since_version > ? OR ended_version > ?)"
    rows = _rows(session.rows(f"{changed} AND since_version <= ?", [known, known, version]))
    ended = "SELECT batch FROM list_imports WHERE version > ? AND version <= ?"
    imported = [row for (batch,) in session.rows(ended, [known, version]) for row in _imported(session, index, batch)]
    index.apply(version, [*imported, *rows])  # what was ended since comes last


def read_ahead(session: Session, index: Index) -> None:
    """Read on in an import that runs; what was read of one that counts by now, or never will, is forgotten."""
    if index.ahead is not None:
        version = session.rows("SELECT version FROM list_imports WHERE batch = ?", [index.ahead.batch])
        if version != [(None,)] and not (version and version[0][0] > index.version):
            index.ahead = None
    for batch, beat in session.rows("SELECT batch, beat FROM list_imports WHERE version IS NULL"):
        if index.ahead is None:
            index.ahead = Ahead(batch)
        if index.ahead.batch == batch and _beats(index.ahead, beat):
            _read_on(session, index.ahead, PARTS)


def _beats(ahead: Ahead, beat: int) -> bool:
    """Whether the import is alive; one that was killed stays as it is until the next one gives it up."""
    now = time.monotonic()
    if beat != ahead.beat:
        ahead.beat, ahead.since = beat, now
    return now - ahead.since <= SILENT_SECONDS


def _imported(session: Session, index: Index, batch: int) -> Sequence[Row]:
    """The entries of an import that ended."""
    ahead = index.ahead
    if ahead is not None and ahead.batch == batch:
        _read_on(session, ahead)
        if session.rows("SELECT count(*) FROM list_entries WHERE since_version = ?", [batch]) == [(len(ahead.rows),)]:
            return ahead.rows
        # Who imports takes out what others added meanwhile.
        there = {name for (name,) in session.rows("SELECT id FROM list_entries WHERE since_version = ?", [batch])}
        rows = [row for row in ahead.rows if row.id in there]
        if len(rows) == len(there):
            return rows
    return _rows(session.rows(f"SELECT {_COLUMNS} FROM list_entries e WHERE since_version = ?", [batch]))


def _read_on(session: Session, ahead: Ahead, parts: int | None = None) -> None:
    while parts is None or parts > 0:
        part = session.rows(f"{_PART} LIMIT {PART}", [ahead.batch, ahead.last, ahead.batch])
        ahead.rows += _rows(part)
        if part:
            ahead.last = part[-1][0]
        if len(part) < PART:
            return
        parts = None if parts is None else parts - 1


def _rows(stored: Sequence[Stored]) -> list[Row]:
    return [
        Row(name, of, kind, match, found, _day(first), _day(last), ended is not None)
        for name, of, kind, match, found, first, last, ended in stored
    ]


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
