"""The book of partners and their keys, in the database of the decision log; it only ever grows."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from serving.log.database import Database, Row, Session, open_tables
from serving.log.record import time_text
from serving.partners.key import key_id, keyed_hash, make_key
from serving.partners.partner import BadPartner, Partner, make_partner

_PARTNERS = ("name", "scopes", "portfolios", "quota", "concurrency", "added_at", "added_by", "revoked_at", "revoked_by")
_KEYS = ("id", "partner", "hash", "made_at", "made_by", "ends_at")
_STATEMENTS = (
    "CREATE TABLE IF NOT EXISTS partner_keys (id TEXT PRIMARY KEY, partner TEXT NOT NULL, hash TEXT NOT NULL,"
    " made_at TEXT NOT NULL, made_by TEXT NOT NULL, ends_at TEXT)",
    "CREATE TABLE IF NOT EXISTS partners (name TEXT PRIMARY KEY, scopes TEXT NOT NULL, portfolios TEXT NOT NULL,"
    " quota TEXT NOT NULL, concurrency BIGINT NOT NULL, added_at TEXT NOT NULL, added_by TEXT NOT NULL,"
    " revoked_at TEXT, revoked_by TEXT)",
)


@dataclass(frozen=True, slots=True)
class Listed:
    """A partner with its history and the keys that open now: id → when it ends (None: open)."""

    partner: Partner
    added_at: str
    added_by: str
    revoked_at: str | None
    keys: dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Known:
    """A key that may open: its hash, whose it is and until when (None: open)."""

    hash: str
    partner: Partner
    ends_at: datetime | None


class Book:
    """The partners; every method blocks and may be called from any thread."""

    def __init__(self, database: Database, secret: bytes) -> None:
        self._database, self._secret = database, secret

    def add(self, partner: Partner, *, by: str, at: datetime, key: str = "") -> str:
        """Add a partner and return its key, new unless one is given, the only time; a name is never used twice."""
        key = key or make_key()

        def work(session: Session) -> None:
            if session.rows("SELECT 1 FROM partners WHERE name = ?", [partner.name]):
                raise BadPartner(f"partner {partner.name!r} is there already; rotate its key, or take another name")
            session.insert("partners", _PARTNERS, [(*_described(partner), time_text(at), by, None, None)])
            session.insert("partner_keys", _KEYS, [self._key_row(key, partner.name, by, at)])

        self._database.write(work)
        return key

    def ensure(self, partner: Partner, *, by: str, at: datetime, key: str) -> None:
        """Have the partner with this very key, as added before or now; one that was revoked stays so."""
        if not self._rows("SELECT 1 FROM partners WHERE name = ?", partner.name):
            try:
                self.add(partner, by=by, at=at, key=key)
            except BadPartner:  # another process was quicker
                return

    def rotate(self, name: str, *, overlap: timedelta, by: str, at: datetime) -> str:
        """A new key for a partner; those it has open for `overlap` longer."""
        key = make_key()

        def work(session: Session) -> None:
            _active(session, name)
            end = time_text(at + overlap)
            keep = "UPDATE partner_keys SET ends_at = ? WHERE partner = ? AND (ends_at IS NULL OR ends_at > ?)"
            session.run(keep, [end, name, end])
            session.insert("partner_keys", _KEYS, [self._key_row(key, name, by, at)])

        self._database.write(work)
        return key

    def revoke(self, name: str, *, by: str, at: datetime) -> None:
        """Close every key of a partner for good; workers know within a second."""

        def work(session: Session) -> None:
            _active(session, name)
            change = "UPDATE partners SET revoked_at = ?, revoked_by = ? WHERE name = ?"
            session.run(change, [time_text(at), by, name])

        self._database.write(work)

    def history(self, at: datetime) -> list[Listed]:
        """Every partner there ever was, by name."""
        keys: dict[str, dict[str, str | None]] = {}
        for name, own, end in self._rows("SELECT id, partner, ends_at FROM partner_keys ORDER BY made_at"):
            if end is None or end > time_text(at):
                keys.setdefault(own, {})[name] = end
        rows = self._rows(f"SELECT {', '.join(_PARTNERS)} FROM partners ORDER BY name")
        return [Listed(make_partner(*r[:5]), r[5], r[6], r[7], {} if r[7] else keys.get(r[0], {})) for r in rows]

    def known(self) -> dict[str, Known]:
        """Every key that may open, by its id."""
        columns = "k.id, k.hash, k.ends_at, p.name, p.scopes, p.portfolios, p.quota, p.concurrency"
        sql = f"SELECT {columns} FROM partner_keys k JOIN partners p ON p.name = k.partner WHERE p.revoked_at IS NULL"
        return {
            name: Known(found, make_partner(*partner), datetime.fromisoformat(end) if end else None)
            for name, found, end, *partner in self._rows(sql)
        }

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def _key_row(self, key: str, name: str, by: str, at: datetime) -> Row:
        return (key_id(key), name, keyed_hash(self._secret, key), time_text(at), by, None)

    def _rows(self, sql: str, *values: str) -> list[Row]:
        return self._database.read(lambda session: session.rows(sql, values))


def open_book(url: str, secret: bytes) -> Book:
    """The partners at the decision log's URL, their tables made when missing; or `LogUnavailable`."""
    return Book(open_tables(url, "partners", _STATEMENTS), secret)


def _active(session: Session, name: str) -> None:
    rows = session.rows(f"SELECT revoked_at FROM partners WHERE name = ?{session.for_update}", [name])
    if not rows or rows[0][0]:
        state = "was revoked; add another" if rows else "is not known; `lendloop partner list` shows all"
        raise BadPartner(f"partner {name!r} {state}")


def _described(partner: Partner) -> Row:
    lists = (",".join(sorted(found)) for found in (partner.scopes, partner.portfolios))
    return (partner.name, *lists, str(partner.quota), partner.concurrency)
