"""The pause of automatic approval, per portfolio: set by monitoring or a person, read by the service as context.

A pause is a row that stays: lifting one only notes when and by whom. Its cause makes it unique, so that a month that is
monitored twice pauses once, and does not pause again what a person has lifted since.
Setting and lifting are acts in the log's chain.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from serving.log.act import deed
from serving.log.canonical import Json
from serving.log.database import Database, LogUnavailable, Row, Session, open_tables
from serving.log.ledger import Ledger
from serving.log.record import Record, time_text
from serving.log.vault import Vault

LATER = "lift_reason"
"""The column that the first tables did not have."""
_NULLABLE = ("until", "lifted_at", "lifted_by", LATER)
COLUMNS = ("portfolio", "as_of", "cause", "reason", "paused_by", "since", *_NULLABLE)
_COLUMN_LIST = ", ".join(f"{name} TEXT{'' if name in _NULLABLE else ' NOT NULL'}" for name in COLUMNS)
_CREATE = f"CREATE TABLE IF NOT EXISTS approval_pauses ({_COLUMN_LIST}, PRIMARY KEY (portfolio, as_of, cause))"
_SELECT = f"SELECT {', '.join(COLUMNS)} FROM approval_pauses WHERE portfolio = ?"
_ORDER = " ORDER BY since, as_of, cause"


@dataclass(frozen=True, slots=True)
class Pause:
    """Automatic approval of a portfolio stands still from `since` until `until` (None: open) or `lifted_at`.

    All three are in the time of decisions: a replay pauses and lifts in the months it replays.
    """

    portfolio: str
    as_of: date  # the business date of what was seen
    cause: str  # what was seen, such as the name of a metric: one pause for each (portfolio, as_of, cause)
    reason: str  # for people
    paused_by: str
    since: datetime
    until: datetime | None = None
    lifted_at: datetime | None = None
    lifted_by: str | None = None
    lift_reason: str | None = None


class Pauses:
    """The pauses in the database of the decision log; every method blocks and may be called from any thread."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def set_pause(self, pause: Pause) -> Pause:
        """Pause; when its (portfolio, as_of, cause) is there already, change nothing and return what is there."""
        same = f"{_SELECT} AND as_of = ? AND cause = ?"

        def work(session: Session) -> tuple[Row, list[Record]]:
            found = session.rows(same, [pause.portfolio, pause.as_of.isoformat(), pause.cause])
            if found:
                return found[0], []
            row = tuple(_row(pause))
            session.insert("approval_pauses", COLUMNS, [row])
            more: dict[str, Json] = {"reason": pause.reason, "cause": pause.cause, "as_of": pause.as_of.isoformat()}
            more["until"] = _time(pause.until)
            return row, [_act("set_pause", pause.portfolio, pause.paused_by, pause.since, more)]

        return _pause(self._ledger.enact(pause.portfolio, pause.since, work))

    def lift_pause(self, portfolio: str, *, lifted_by: str, at: datetime, reason: str | None = None) -> list[Pause]:
        """Lift every pause that is active at `at`; those that were lifted, none when nothing was paused."""
        lifting = [time_text(at), lifted_by, reason]
        update = (
            "UPDATE approval_pauses SET lifted_at = ?, lifted_by = ?, lift_reason = ?"
            " WHERE portfolio = ? AND as_of = ? AND cause = ?"
        )

        def work(session: Session) -> tuple[list[Row], list[Record]]:
            found = session.rows(*_active(portfolio, at, session.for_update))
            for row in found:
                session.run(update, [*lifting, *row[:3]])
            causes: list[Json] = [row[2] for row in found]
            days: list[Json] = [row[1] for row in found]  # of the causes, in their order
            act = _act("lift_pause", portfolio, lifted_by, at, {"reason": reason, "causes": causes, "as_of": days})
            return [(*row[:7], *lifting) for row in found], [act] if found else []

        return [_pause(row) for row in self._ledger.enact(portfolio, at, work)]

    def active_pause(self, portfolio: str, at: datetime) -> Pause | None:
        """The earliest pause that holds at `at`."""
        rows = self._ledger.read(lambda session: session.rows(*_active(portfolio, at)))
        return _pause(rows[0]) if rows else None

    def history(self, portfolio: str) -> list[Pause]:
        """Every pause there ever was, by its start."""
        rows = self._ledger.read(lambda session: session.rows(_SELECT + _ORDER, [portfolio]))
        return [_pause(row) for row in rows]

    def close(self) -> None:
        """Close the database."""
        self._ledger.close()


def open_pauses(url: str, vault: Vault | None = None) -> Pauses:
    """The pauses at the decision log's URL, to be read, or with the log's `vault` to be changed; or `LogUnavailable`.

    Their table is made or migrated where needed.
    """
    database = open_tables(url, "approval_pauses", [_CREATE])
    try:
        _migrate(database)
    except LogUnavailable:
        database.close()
        raise
    return Pauses(Ledger(database, vault))


def _act(act: str, portfolio: str, by: str, at: datetime, more: dict[str, Json]) -> Record:
    return deed("staff", act, by, at, more, portfolio=portfolio)


def _migrate(database: Database) -> None:
    def look(session: Session) -> list[Row]:
        return session.rows(f"SELECT {LATER} FROM approval_pauses LIMIT 1")

    try:
        database.read(look)
    except LogUnavailable:
        with suppress(LogUnavailable):  # another process may have added it in between
            database.create([f"ALTER TABLE approval_pauses ADD COLUMN {LATER} TEXT"])
        database.read(look)


def _active(portfolio: str, at: datetime, lock: str = "") -> tuple[str, list[str]]:
    now = time_text(at)
    holds = " AND since <= ? AND (until IS NULL OR until > ?) AND (lifted_at IS NULL OR lifted_at > ?)"
    return _SELECT + holds + _ORDER + lock, [portfolio, now, now, now]


def _row(pause: Pause) -> list[str | None]:
    who = [pause.portfolio, pause.as_of.isoformat(), pause.cause, pause.reason, pause.paused_by]
    when = [time_text(pause.since), _time(pause.until), _time(pause.lifted_at)]
    return [*who, *when, pause.lifted_by, pause.lift_reason]


def _time(when: datetime | None) -> str | None:
    return None if when is None else time_text(when)


def _pause(row: Row) -> Pause:
    portfolio, as_of, cause, reason, paused_by, *times, lifted_by, lift_reason = row
    since, until, lifted_at = (_parsed(text) for text in times)
    assert since is not None  # NOT NULL in the table
    day = date.fromisoformat(as_of)
    return Pause(portfolio, day, cause, reason, paused_by, since, until, lifted_at, lifted_by, lift_reason)


def _parsed(text: Any) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
