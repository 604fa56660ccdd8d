"""The book of partners and their keys, in the database of the decision log; it only grows, by acts in the chain."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from serving.log.act import EVERYWHERE, deed
from serving.log.canonical import Json
from serving.log.database import Row, Session
from serving.log.ledger import Ledger, open_ledger
from serving.log.record import Record, time_text
from serving.log.vault import Vault
from serving.partners.key import key_id, keyed_hash, make_key
from serving.partners.partner import BadPartner, Partner, make_partner

_PARTNERS = ("name", "scopes", "portfolios", "quota", "concurrency", "added_at", "added_by", "revoked_at", "revoked_by")
_KEYS = ("id", "partner", "hash", "made_at", "made_by", "ends_at")
STATEMENTS = (
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

    def __init__(self, ledger: Ledger, secret: bytes) -> None:
        self._ledger, self._secret = ledger, secret

    def add(self, partner: Partner, *, by: str, at: datetime, key: str = "") -> str:
        """Add a partner and return its key, new unless one is given, the only time; a name is never used twice."""
        key = key or make_key()

        def work(session: Session) -> tuple[None, list[Record]]:
            if session.rows("SELECT 1 FROM partners WHERE name = ?", [partner.name]):
                raise BadPartner(f"partner {partner.name!r} is there already; rotate its key, or take another name")
            session.insert("partners", _PARTNERS, [(*_described(partner), time_text(at), by, None, None)])
            row = self._key_row(key, partner.name, by, at)
            session.insert("partner_keys", _KEYS, [row])
            return None, [_act("add", partner.name, by, at, {**_shown(partner), **self._told(row)})]

        self._ledger.enact(EVERYWHERE, at, work)
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

        def work(session: Session) -> tuple[None, list[Record]]:
            _active(session, name)
            end = time_text(at + overlap)
            longer = "partner = ? AND (ends_at IS NULL OR ends_at > ?)"
            found = session.rows(f"SELECT id, partner, hash FROM partner_keys WHERE {longer}", [name, end])
            session.run(f"UPDATE partner_keys SET ends_at = ? WHERE {longer}", [end, name, end])
            row = self._key_row(key, name, by, at)
            session.insert("partner_keys", _KEYS, [row])
            others: dict[str, Json] = {one[0]: self._ledger.mark(secrets(*one)) for one in found}
            return None, [_act("rotate", name, by, at, {**self._told(row), "others_end": end, "others": others})]

        self._ledger.enact(EVERYWHERE, at, work)
        return key

    def change(
        self,
        name: str,
        *,
        by: str,
        at: datetime,
        scopes: str | None = None,
        portfolios: str | None = None,
        quota: str | None = None,
        concurrency: int | None = None,
    ) -> Partner:
        """Change what a partner may do, its keys staying as they are; what is not given stays. Known in a second."""

        def work(session: Session) -> tuple[Partner, list[Record]]:
            _active(session, name)
            (row,) = session.rows(f"SELECT {', '.join(_PARTNERS[:5])} FROM partners WHERE name = ?", [name])
            before = make_partner(*row)
            given = {"scopes": scopes, "portfolios": portfolios, "quota": quota, "concurrency": concurrency}
            told = {key: value for key, value in given.items() if value is not None}
            after = make_partner(**{**dict(zip(_PARTNERS[:5], row, strict=True)), **told})
            if after == before:
                return after, []
            assigned = ", ".join(f"{column} = ?" for column in _PARTNERS[1:5])
            session.run(f"UPDATE partners SET {assigned} WHERE name = ?", [*_described(after)[1:], name])
            return after, [_act("change", name, by, at, {**_shown(after), "before": _shown(before)})]

        return self._ledger.enact(EVERYWHERE, at, work)

    def revoke(self, name: str, *, by: str, at: datetime) -> None:
        """Close every key of a partner for good; workers know within a second."""

        def work(session: Session) -> tuple[None, list[Record]]:
            _active(session, name)
            change = "UPDATE partners SET revoked_at = ?, revoked_by = ? WHERE name = ?"
            session.run(change, [time_text(at), by, name])
            return None, [_act("revoke", name, by, at, {})]

        self._ledger.enact(EVERYWHERE, at, work)

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
        self._ledger.close()

    def _key_row(self, key: str, name: str, by: str, at: datetime) -> Row:
        return (key_id(key), name, keyed_hash(self._secret, key), time_text(at), by, None)

    def _told(self, row: Row) -> dict[str, Json]:
        """What an act tells of a key: its name, and a mark of what is stored to know it by."""
        return {"key": row[0], "mark": self._ledger.mark(secrets(*row[:3]))}

    def _rows(self, sql: str, *values: str) -> list[Row]:
        return self._ledger.read(lambda session: session.rows(sql, values))


def open_book(url: str, secret: bytes, vault: Vault | None = None) -> Book:
    """The partners at the log's URL, to be read, or with the log's `vault` to be changed; or `LogUnavailable`."""
    return Book(open_ledger(url, "partners", STATEMENTS, vault), secret)


def secrets(key: str, partner: str, found: str) -> list[Json]:
    """What the mark of a key is made of: id, whose it is, its hash."""
    return ["partner_keys", key, partner, found]


def _act(act: str, name: str, by: str, at: datetime, more: dict[str, Json]) -> Record:
    return deed("partner", act, by, at, {"partner": name, **more})


def _shown(partner: Partner) -> dict[str, Json]:
    lists: dict[str, Json] = {"scopes": sorted(partner.scopes), "portfolios": sorted(partner.portfolios)}
    return {**lists, "quota": str(partner.quota), "concurrency": partner.concurrency}


def _active(session: Session, name: str) -> None:
    rows = session.rows(f"SELECT revoked_at FROM partners WHERE name = ?{session.for_update}", [name])
    if not rows or rows[0][0]:
        state = "was revoked; add another" if rows else "is not known; `lendloop partner list` shows all"
        raise BadPartner(f"partner {name!r} {state}")


def _described(partner: Partner) -> Row:
    lists = (",".join(sorted(found)) for found in (partner.scopes, partner.portfolios))
    return (partner.name, *lists, str(partner.quota), partner.concurrency)
