"""The negative lists in the database of the decision log: every change is a version and an act in the chain; nothing is
deleted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Literal

from serving.lists.entry import BadEntry, Entry, Kind, Match, checked, hashed
from serving.lists.index import Index
from serving.lists.index import Row as IndexRow
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
STATEMENTS = (
    "CREATE TABLE IF NOT EXISTS list_versions (number BIGINT PRIMARY KEY, at TEXT NOT NULL, changed_by TEXT NOT NULL,"
    " action TEXT NOT NULL, entries BIGINT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS list_entries (id TEXT PRIMARY KEY, digest TEXT NOT NULL, list TEXT NOT NULL,"
    " kind TEXT NOT NULL, portfolio TEXT NOT NULL, match TEXT NOT NULL, hash TEXT NOT NULL, source TEXT NOT NULL,"
    " reason TEXT NOT NULL, valid_from TEXT, valid_until TEXT, added_by TEXT NOT NULL, added_at TEXT NOT NULL,"
    " since_version BIGINT NOT NULL, ended_by TEXT, ended_at TEXT, ended_version BIGINT)",
    "CREATE INDEX IF NOT EXISTS list_entries_digest ON list_entries (digest)",
    "CREATE INDEX IF NOT EXISTS list_entries_since ON list_entries (since_version)",
    "CREATE INDEX IF NOT EXISTS list_entries_ended ON list_entries (ended_version)",
)


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

        def work(session: Session) -> tuple[int, list[Record]]:
            among, value = session.among(list(found))
            sql = f"SELECT digest FROM list_entries WHERE ended_version IS NULL AND digest IN {among}"
            there = {digest for (digest,) in session.rows(sql, [value])}
            new = {digest: row for digest, row in found.items() if digest not in there}
            if not new:
                return 0, []
            version = _next(session, act, len(new), by, at)
            added = (by, time_text(at), version, None, None, None)
            rows = [(_digest((digest, version))[:20], digest, *row, *added) for digest, row in new.items()]
            session.insert("list_entries", _COLUMNS, rows)
            lists: list[Json] = [*sorted({str(row[2]) for row in rows})]
            more: dict[str, Json] = {"lists": lists, "entries": len(rows), "digest": _digest(tuple(sorted(new)))}
            return len(new), [deed("list", act, by, at, {"version": version, **more})]

        return self._ledger.enact(EVERYWHERE, at, work)

    def expire(self, name: str, *, by: str, at: datetime) -> None:
        """End an entry, named by its id or the first characters of it; it stays in the book."""

        def work(session: Session) -> tuple[None, list[Record]]:
            sql = "SELECT id, list, hash FROM list_entries WHERE substr(id, 1, ?) = ? AND ended_version IS NULL"
            rows = session.rows(sql, [len(name), name])
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
        """Bring an index up to the last version, reading only what changed."""

        def work(session: Session) -> tuple[int, list[Row]]:
            version = int(session.rows("SELECT coalesce(max(number), 0) FROM list_versions")[0][0])
            if version == index.version:
                return version, []
            columns = "id, list, kind, match, hash, valid_from, valid_until, ended_version"
            # Up to the version read above: on Postgres the second statement may see later ones.
            changed = f"SELECT {columns} FROM list_entries WHERE (since_version > ? OR ended_version > ?)"
            rows = session.rows(f"{changed} AND since_version <= ?", [index.version, index.version, version])
            return version, rows

        version, rows = self._ledger.read(work)
        index.apply(version, [_index_row(*row) for row in rows])

    def index(self) -> Index:
        """All open entries in memory."""
        found = Index(self._secret)
        self.refresh(found)
        return found

    def show(self, name: str = "") -> list[Shown]:
        """Every entry there ever was, of one list or of all, by list and time."""
        columns = ", ".join(one for one in _COLUMNS if one not in ("digest", "hash", "since_version", "ended_version"))
        sql = f"SELECT {columns} FROM list_entries WHERE ? IN ('', list) ORDER BY list, added_at, id"
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
    return ListBook(open_ledger(url, "list_entries", STATEMENTS, vault), secret)


def _next(session: Session, action: str, entries: int, by: str, at: datetime) -> int:
    number = int(session.rows("SELECT coalesce(max(number), 0) + 1 FROM list_versions")[0][0])
    columns = ("number", "at", "changed_by", "action", "entries")
    session.insert("list_versions", columns, [(number, time_text(at), by, action, entries)])
    return number


def _digest(row: Row) -> str:
    """What an entry says, so that one added again, as by an import that is repeated, is known."""
    return sha256("\x00".join(map(str, row)).encode()).hexdigest()


def _index_row(
    name: str, of: str, kind: Kind, match: Match, found: str, first: str | None, last: str | None, ended: int | None
) -> IndexRow:
    return IndexRow(name, of, kind, match, found, _day(first), _day(last), ended is not None)


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
