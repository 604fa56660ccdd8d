"""The staff in the database of the decision log: every change is one transaction with its record in the chain."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from serving.log.act import EVERYWHERE, deed
from serving.log.canonical import Json
from serving.log.database import Database, Row, Session, open_tables
from serving.log.decision_log import DecisionLog
from serving.log.record import Record, time_text
from serving.staff.member import BadStaff, Member, make_member

_COLUMNS = (
    "name", "roles", "portfolios", "password", "issuer", "subject", "generation", "failures", "locked_until",
    "added_at", "added_by", "ended_at", "ended_by", "signed_in_at",
)  # fmt: skip
STATEMENTS = (
    "CREATE TABLE IF NOT EXISTS staff (name TEXT PRIMARY KEY, roles TEXT NOT NULL, portfolios TEXT NOT NULL,"
    " password TEXT, issuer TEXT, subject TEXT, generation BIGINT NOT NULL, failures BIGINT NOT NULL,"
    " locked_until TEXT, added_at TEXT NOT NULL, added_by TEXT NOT NULL, ended_at TEXT, ended_by TEXT,"
    " signed_in_at TEXT)",
    "CREATE UNIQUE INDEX IF NOT EXISTS staff_subject ON staff (issuer, subject)",
)
Changes = dict[str, str | int | None]


@dataclass(frozen=True, slots=True)
class Listed:
    """A member with their history; `account`: local, or the provider who vouches for them."""

    member: Member
    account: str
    added_at: str
    added_by: str
    ended_at: str | None
    signed_in_at: str | None
    locked_until: str | None


class StaffBook:
    """The staff; every method blocks and may be called from any thread. A name is never used twice."""

    def __init__(self, log: DecisionLog, database: Database) -> None:
        self.database = database
        self._log = log

    def add(
        self,
        member: Member,
        *,
        by: str,
        at: datetime,
        password: str | None = None,
        identity: tuple[str, str] | None = None,
    ) -> None:
        """Add a member with the hash of a password, or with (issuer, subject) of a provider."""
        issuer, subject = identity or (None, None)
        described = (member.name, *_described(member), password, issuer, subject)

        def rule(session: Session) -> list[Record]:
            if session.rows("SELECT 1 FROM staff WHERE name = ?", [member.name]):
                raise BadStaff(f"{member.name!r} is or was on the staff; a name is never given to another person")
            row = (*described, member.generation, 0, None, time_text(at), by, None, None, None)
            session.insert("staff", _COLUMNS, [row])
            told = {**_shown(member), "account": issuer or "local"}
            return [self._act(session, "add", member.name, by, at, told)]

        self._log.settle(EVERYWHERE, at, rule)

    def change(self, member: Member, *, by: str, at: datetime) -> None:
        """Give a member other roles and portfolios; they hold from the next request."""
        roles, portfolios = _described(member)

        def rule(session: Session) -> list[Record]:
            before = _active(session, member.name)
            if _described(before) == (roles, portfolios):
                return []
            _update(session, member.name, {"roles": roles, "portfolios": portfolios})
            return [self._act(session, "change", member.name, by, at, _shown(member))]

        self._log.settle(EVERYWHERE, at, rule)

    def set_password(self, name: str, password: str, *, by: str, at: datetime) -> None:
        """Give a member the hash of another password; their sessions end, and a lock is taken off."""

        def changed(member: Member) -> Changes:
            return {"password": password, "failures": 0, "locked_until": None, "generation": member.generation + 1}

        self._change(name, "password", changed, by, at)

    def end(self, name: str, *, by: str, at: datetime) -> None:
        """End a member for good, and their sessions at once."""

        def changed(member: Member) -> Changes:
            ended: Changes = {"ended_at": time_text(at), "ended_by": by, "password": None}
            return {**ended, "generation": member.generation + 1}

        self._change(name, "end", changed, by, at)

    def signed_in(self, name: str, how: str, *, at: datetime) -> Member:
        """Note that a member has proved who they are; what is known of them then, or `BadStaff`."""
        self._change(
            name,
            "sign_in",
            lambda _: {"failures": 0, "locked_until": None, "signed_in_at": time_text(at)},
            name,
            at,
            how,
        )
        found = self.find(name)
        if found is None:
            raise BadStaff(f"{name!r} was ended")
        return found

    def note(self, act: str, name: str, *, by: str, at: datetime, more: dict[str, Json] | None = None) -> None:
        """Put an act about a member into the chain that changes nothing in the book."""
        self._log.settle(EVERYWHERE, at, lambda session: [_act(act, name, by, at, more or {})])

    def find(self, name: str) -> Member | None:
        """A member who is active."""
        return self._one("name = ?", name)

    def find_subject(self, issuer: str, subject: str) -> Member | None:
        """The active member whom a provider knows by this name of its own."""
        return self._one("issuer = ? AND subject = ?", issuer, subject)

    def has_subject(self, issuer: str, subject: str) -> bool:
        """Whether a provider's name for somebody is or was on the staff."""
        sql = "SELECT 1 FROM staff WHERE issuer = ? AND subject = ?"
        return bool(self.database.read(lambda session: session.rows(sql, [issuer, subject])))

    def history(self) -> list[Listed]:
        """Everyone who is or was on the staff, by name."""
        columns = (
            "name, roles, portfolios, generation, issuer, added_at, added_by, ended_at, signed_in_at, locked_until"
        )
        rows = self.database.read(lambda session: session.rows(f"SELECT {columns} FROM staff ORDER BY name"))
        return [Listed(_member(row[:4]), row[4] or "local", *row[5:]) for row in rows]

    def close(self) -> None:
        """Close the database; the log stays open."""
        self.database.close()

    def _change(
        self, name: str, act: str, changed: Callable[[Member], Changes], by: str, at: datetime, how: str = ""
    ) -> None:
        def rule(session: Session) -> list[Record]:
            _update(session, name, changed(_active(session, name)))
            return [self._act(session, act, name, by, at, {"how": how} if how else {})]

        self._log.settle(EVERYWHERE, at, rule)

    def _act(self, session: Session, act: str, name: str, by: str, at: datetime, more: dict[str, Json]) -> Record:
        """An act that changed a member's row, with a mark of how their password and account stand after it."""
        (row,) = session.rows("SELECT name, password, issuer, subject FROM staff WHERE name = ?", [name])
        return _act(act, name, by, at, {**more, "mark": self._log.vault.mark(secrets(*row))})

    def _one(self, where: str, *values: str) -> Member | None:
        sql = f"SELECT name, roles, portfolios, generation FROM staff WHERE {where} AND ended_at IS NULL"
        rows = self.database.read(lambda session: session.rows(sql, values))
        return _member(rows[0]) if rows else None


def open_staff(url: str, log: DecisionLog) -> StaffBook:
    """The staff at the decision log's URL, their table made when missing; or `LogUnavailable`."""
    return StaffBook(log, open_tables(url, "staff", STATEMENTS))


def _active(session: Session, name: str) -> Member:
    """The active member of a name, their row locked; or `BadStaff`."""
    sql = f"SELECT name, roles, portfolios, generation, ended_at FROM staff WHERE name = ?{session.for_update}"
    rows = session.rows(sql, [name])
    if not rows or rows[0][4]:
        state = "was ended; a name is never used again" if rows else "is not known; `lendloop staff list` shows all"
        raise BadStaff(f"{name[:80]!r} {state}")
    return _member(rows[0][:4])


def _update(session: Session, name: str, changes: Changes) -> None:
    columns = ", ".join(f"{column} = ?" for column in changes)
    session.run(f"UPDATE staff SET {columns} WHERE name = ?", [*changes.values(), name])


def secrets(name: str, password: str | None, issuer: str | None, subject: str | None) -> list[Json]:
    """What the mark of a member is made of: the hash of their password, and who a provider says they are."""
    return ["staff", name, password, issuer, subject]


def _act(act: str, name: str, by: str, at: datetime, more: dict[str, Json]) -> Record:
    return deed("staff", act, by, at, {"staff": name, **more})


def _member(row: Row) -> Member:
    return make_member(*row)


def _described(member: Member) -> tuple[str, str]:
    return ",".join(sorted(member.roles)), ",".join(sorted(member.portfolios))


def _shown(member: Member) -> dict[str, Json]:
    return {"roles": sorted(member.roles), "portfolios": sorted(member.portfolios)}
