"""The negative lists in the database of the decision log: every change is a version and an act in the chain; nothing is
deleted."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal

from serving.lists.entry import BadEntry, Entry, checked, hashed
from serving.lists.imports import HIDDEN, SMALL, TABLE, Import, abandon, held
from serving.lists.index import Index
from serving.lists.reading import catch_up, last_version, read_ahead
from serving.log.act import EVERYWHERE, deed
from serving.log.canonical import Json
from serving.log.database import Row, Session
from serving.log.ledger import Ledger, open_ledger
from serving.log.record import Record, time_text
from serving.log.vault import Vault

_COLUMNS = (
    "id", "digest", "list", "kind", "portfolio", "match", "hash", "source", "reason", "valid_from", "valid_until",
    "added_by", "added_at", "since_version", "ended_by", "ended_at", "ended_version",
)  # fmt: skip
_SAID = _COLUMNS[2:11]
STATEMENTS = (
    "CREATE TABLE IF NOT EXISTS list_versions (number BIGINT PRIMARY KEY, at TEXT NOT NULL, changed_by TEXT NOT NULL,"
    " action TEXT NOT NULL, entries BIGINT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS list_entries (id TEXT PRIMARY KEY, digest TEXT NOT NULL, list TEXT NOT NULL,"
    " kind TEXT NOT NULL, portfolio TEXT NOT NULL, match TEXT NOT NULL, hash TEXT NOT NULL, source TEXT NOT NULL,"
    " reason TEXT NOT NULL, valid_from TEXT, valid_until TEXT, added_by TEXT NOT NULL, added_at TEXT NOT NULL,"
    " since_version BIGINT NOT NULL, ended_by TEXT, ended_at TEXT, ended_version BIGINT)",
    "CREATE INDEX IF NOT EXISTS list_entries_digest ON list_entries (digest)",
    # With the id, in whose order an import is written and read ahead: each look reads on where the last one ended.
    "CREATE INDEX IF NOT EXISTS list_entries_of ON list_entries (since_version, id)",
    "DROP INDEX IF EXISTS list_entries_since",  # of an earlier version
    "CREATE INDEX IF NOT EXISTS list_entries_ended ON list_entries (ended_version)",
    TABLE,
)
NEWEST = "list_imports"
"""The table that homes of earlier versions lack."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An entry as a person sees it: all but whom it names, which is kept nowhere."""

    id: str
    list: str
    kind: str
    portfolio: str
    match: str
    source: str
    reason: str
    valid_from: str | None
    valid_until: str | None
    added_by: str
    added_at: str
    ended_by: str | None
    ended_at: str | None


class ListBook:
    """The lists; every method blocks and may be called from any thread."""

    def __init__(self, ledger: Ledger, secret: bytes) -> None:
        self._ledger, self._secret = ledger, secret

    def add(self, entries: Sequence[Entry], *, by: str, at: datetime, act: Literal["add", "import"] = "add") -> int:
        """Add entries as one version; how many were not there already. All of them are put in or none."""
        found = {_digest(row): row for row in (self._row(checked(entry)) for entry in entries)}
        if len(found) > SMALL:
            return self._add_many(found, act, by, at)

        def work(session: Session) -> tuple[int, list[Record]]:
            there = held(session, list(found))
            new = {digest: row for digest, row in found.items() if digest not in there}
            if not new:
                return 0, []
            version = _next(session, act, len(new), by, at)
            session.insert("list_entries", _COLUMNS, [*_rows(new, version, by, at)])
            return len(new), [deed("list", act, by, at, {"version": version, **_told(new)})]

        return self._ledger.enact(EVERYWHERE, at, work)

    def _add_many(self, found: Mapping[str, Row], act: str, by: str, at: datetime) -> int:
        """The same with nobody held up: written a few at a time, and then made current."""
        whole, ordered = Import(self._ledger, at), dict(sorted(found.items()))
        whole.begin()
        try:
            return self._bring(whole, ordered, act, by)
        except BaseException:
            with suppress(Exception):  # what keeps it from being given up now, the next import finds silent
                whole.give_up(whole.batch)
            raise

    def _bring(self, whole: Import, found: Mapping[str, Row], act: str, by: str) -> int:
        seen, at = self._ledger.read(last_version), whole.at
        there = whole.current(list(found))
        new = {digest: row for digest, row in found.items() if digest not in there}
        whole.write(_COLUMNS, _rows(new, whole.batch, by, at))
        told = _told(new)
        whole.live()

        def work(session: Session) -> tuple[int, list[Record]]:
            if version := whole.ended(session):
                return _entries(session, version), []
            left, more = new, told
            if twice := _since(session, seen) & new.keys():  # others added them meanwhile
                left = {digest: row for digest, row in new.items() if digest not in twice}
                more = _told(left)
                among, value = session.among([entry_id(digest, whole.batch) for digest in twice])
                session.run(f"DELETE FROM list_entries WHERE id IN {among}", [value])
            if not left:
                abandon(session, whole.batch)
                return 0, []
            version = _next(session, act, len(left), by, at)
            whole.end(session, version)
            return len(left), [deed("list", act, by, at, {"version": version, "batch": whole.batch, **more})]

        return self._ledger.enact(EVERYWHERE, at, work)

    def expire(self, name: str, *, by: str, at: datetime) -> None:
        """End an entry, named by its id or the first characters of it; it stays in the book."""

        def work(session: Session) -> tuple[None, list[Record]]:
            sql = "SELECT id, list, hash FROM list_entries WHERE substr(id, 1, ?) = ? AND ended_version IS NULL"
            rows = session.rows(f"{sql} AND NOT {HIDDEN}", [len(name), name])
            if len(rows) != 1 or not name:
                raise BadEntry(f"found {len(rows)} open entries {name!r}; expected one; `lendloop list show` has them")
            version = _next(session, "expire", 1, by, at)
            change = "UPDATE list_entries SET ended_by = ?, ended_at = ?, ended_version = ? WHERE id = ?"
            entry, of, keyed = rows[0]
            session.run(change, [by, time_text(at), version, entry])
            more: dict[str, Json] = {"lists": [of], "entries": 1, "entry": entry, "hash": keyed}
            return None, [deed("list", "expire", by, at, {"version": version, **more})]

        self._ledger.enact(EVERYWHERE, at, work)

    def refresh(self, index: Index) -> None:
        """Bring an index up to the last version, reading only what changed, and read ahead of an import that runs."""
        self._ledger.read(lambda session: catch_up(session, index))
        self._ledger.read(lambda session: read_ahead(session, index))

    def index(self) -> Index:
        """All open entries in memory."""
        found = Index(self._secret)
        self.refresh(found)
        return found

    def show(self, name: str = "") -> list[Shown]:
        """Every entry there ever was, of one list or of all, by list and time."""
        columns = ", ".join(one for one in _COLUMNS if one not in ("digest", "hash", "since_version", "ended_version"))
        sql = f"SELECT {columns} FROM list_entries WHERE ? IN ('', list) AND NOT {HIDDEN} ORDER BY list, added_at, id"
        return [Shown(*row) for row in self._ledger.read(lambda session: session.rows(sql, [name]))]

    def close(self) -> None:
        """Close the database."""
        self._ledger.close()

    def _row(self, entry: Entry) -> Row:
        first, last = (None if day is None else day.isoformat() for day in (entry.valid_from, entry.valid_until))
        found = hashed(self._secret, entry.named, entry.match)
        kind, portfolio = entry.named.kind, entry.named.portfolio
        return (entry.list, kind, portfolio, entry.match, found, entry.source, entry.reason, first, last)


def open_lists(url: str, secret: bytes, vault: Vault | None = None) -> ListBook:
    """The lists at the decision log's URL, to be read, or with the log's `vault` to be changed; or `LogUnavailable`."""
    return ListBook(open_ledger(url, NEWEST, STATEMENTS, vault), secret)


def _since(session: Session, version: int) -> set[str]:
    """The digests of entries that hold and came, a few at a time, after a version."""
    sql = "SELECT digest FROM list_entries WHERE since_version > ? AND ended_version IS NULL"
    return {digest for (digest,) in session.rows(sql, [version])}


def _entries(session: Session, version: int) -> int:
    return int(session.rows("SELECT entries FROM list_versions WHERE number = ?", [version])[0][0])


def _rows(new: Mapping[str, Row], version: int, by: str, at: datetime) -> Iterator[Row]:
    """Made one by one: an import beats as it writes them."""
    added = (by, time_text(at), version, None, None, None)
    return ((entry_id(digest, version), digest, *row, *added) for digest, row in new.items())


def _told(new: Mapping[str, Row]) -> dict[str, Json]:
    """What an act tells of the entries it adds: never whom they name or why."""
    lists: list[Json] = [*sorted({str(row[0]) for row in new.values()})]
    return {"lists": lists, "entries": len(new), "digest": digest_of([*new])}


def _next(session: Session, action: str, entries: int, by: str, at: datetime) -> int:
    number = last_version(session) + 1
    columns = ("number", "at", "changed_by", "action", "entries")
    session.insert("list_versions", columns, [(number, time_text(at), by, action, entries)])
    return number


def entry_digest(row: Mapping[str, Any]) -> str:
    """The digest of an entry by its columns."""
    return _digest(tuple(row[name] for name in _SAID))


def entry_id(digest: str, version: int) -> str:
    """The name of an entry that a version added, or an import, whose number is below nought.

    An import's are in the order of their digests, which they are written in: both indexes grow in one place at a time.
    """
    own = _digest((digest, version))
    return own[:20] if version > 0 else digest[:12] + own[:8]


def digest_of(digests: Sequence[str]) -> str:
    """What vouches for all entries that a version added, in whatever order."""
    return _digest(tuple(sorted(digests)))


def _digest(row: Row) -> str:
    """What an entry says, so that one added again, as by an import that is repeated, is known."""
    return sha256("\x00".join(map(str, row)).encode()).hexdigest()
