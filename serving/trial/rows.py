"""What the release that did not decide would have decided: a table of its own, in the database of the decision log.

A row is no decision: nothing counts it as one, it is in no chain and in no export, and holds nothing personal. It names
the decision it stands beside, and goes when that one's person is erased.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from serving.log.database import Database, Row, Session, open_tables
from serving.log.record import time_text
from serving.trial.note import Trial

Role = Literal["challenger", "champion"]
PAGE = 2_000
COLUMNS = (
    "sequence", "decision_id", "portfolio", "decided_at", "role", "release", "outcome", "probability", "score", "grade",
    "stale", "reasons",
)  # fmt: skip
_STATEMENTS = (
    "CREATE TABLE IF NOT EXISTS shadow_decisions (sequence BIGINT PRIMARY KEY, decision_id TEXT NOT NULL,"
    " portfolio TEXT NOT NULL, decided_at TEXT NOT NULL, role TEXT NOT NULL, release TEXT NOT NULL,"
    " outcome TEXT NOT NULL, probability DOUBLE PRECISION, score DOUBLE PRECISION, grade TEXT, stale SMALLINT NOT NULL,"
    " reasons TEXT NOT NULL)",
    "CREATE UNIQUE INDEX IF NOT EXISTS shadow_decisions_id ON shadow_decisions (decision_id)",
    "CREATE INDEX IF NOT EXISTS shadow_decisions_time ON shadow_decisions (portfolio, decided_at, sequence)",
    "CREATE TABLE IF NOT EXISTS shadow_places (portfolio TEXT PRIMARY KEY, release TEXT NOT NULL,"
    " began BIGINT NOT NULL, sequence BIGINT NOT NULL)",
)


@dataclass(frozen=True, slots=True)
class ShadowRow:
    """What `release` would have decided in the place of the one that did; `role` is its part in the trial.

    `reasons` are the codes of its reasons, `decided_at` the time of the decision as the log has it.
    """

    decision_id: str
    portfolio: str
    decided_at: str
    role: Role
    release: str
    outcome: str
    probability: float | None
    score: float | None
    grade: str | None
    stale: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """The places (after, last] of the log that this process is to score, and how many records it leaves out."""

    after: int
    last: int
    skipped: int = 0


class ShadowRows:
    """The table in one database; every method blocks, and several processes on several machines may."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, portfolio: str, trial: Trial, *, most: int, behind: int) -> Claim | None:
        """The next places to score, up to `most`, which no other process gets; None: nothing is new.

        A trial begins with what is logged from now on. What lies over `behind` places back is left out: scores that
        come hours late help nobody.
        """
        if not self._database.read(lambda session: _news(session, portfolio, trial)):
            return None
        return self._database.alone(lambda session: _claimed(session, portfolio, trial, most, behind))

    def write(self, rows: Sequence[ShadowRow]) -> int:
        """Keep the rows, but for those of people who were erased meanwhile; how many are new."""

        def work(session: Session) -> int:
            # No erasure overlaps an `alone`: a row that is written here is one that a later erasure finds.
            among, names = session.among([row.decision_id for row in rows])
            living = f"SELECT decision_id, sequence FROM decisions WHERE person IS NOT NULL AND decision_id IN {among}"
            places = {name: int(sequence) for name, sequence in session.rows(living, [names])}
            known = session.rows(f"SELECT decision_id FROM shadow_decisions WHERE decision_id IN {among}", [names])
            for (name,) in known:
                places.pop(name, None)
            kept = [_stored(places[row.decision_id], row) for row in rows if row.decision_id in places]
            session.insert("shadow_decisions", COLUMNS, kept)
            return len(kept)

        return self._database.alone(work) if rows else 0

    def read(self, portfolio: str, since: datetime, until: datetime) -> Iterator[ShadowRow]:
        """The rows beside the decisions made in [since, until), by time."""
        sql = (
            f"SELECT {', '.join(COLUMNS)} FROM shadow_decisions WHERE portfolio = ? AND (decided_at, sequence) > (?, ?)"
            f" AND decided_at < ? ORDER BY decided_at, sequence LIMIT {PAGE}"
        )
        place, end = (time_text(since), -1), time_text(until)
        while page := self._rows(sql, [portfolio, *place, end]):
            yield from (_row(row) for row in page)
            place = (page[-1][3], page[-1][0])

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def _rows(self, sql: str, values: Sequence[object]) -> list[Row]:
        return self._database.read(lambda session: session.rows(sql, values))


def open_shadow(url: str) -> ShadowRows:
    """The shadow's table at the decision log's URL, made when missing; or `LogUnavailable`."""
    return ShadowRows(open_tables(url, "shadow_places", _STATEMENTS))


def _place(session: Session, portfolio: str, trial: Trial) -> int | None:
    """How far the trial has come; None: it has not begun here."""
    sql = "SELECT sequence FROM shadow_places WHERE portfolio = ? AND release = ? AND began = ?"
    rows = session.rows(sql, [portfolio, trial.sha, trial.began])
    return int(rows[0][0]) if rows else None


def _head(session: Session) -> int:
    return int(session.rows("SELECT records FROM decision_head")[0][0])


def _news(session: Session, portfolio: str, trial: Trial) -> bool:
    place = _place(session, portfolio, trial)
    return place is None or place < _head(session)


def _claimed(session: Session, portfolio: str, trial: Trial, most: int, behind: int) -> Claim | None:
    place, head = _place(session, portfolio, trial), _head(session)
    if place is None:
        session.run("DELETE FROM shadow_places WHERE portfolio = ?", [portfolio])
        columns = ("portfolio", "release", "began", "sequence")
        session.insert("shadow_places", columns, [(portfolio, trial.sha, trial.began, head)])
        return None
    after = max(place, head - behind)
    last = min(head, after + most)
    session.run("UPDATE shadow_places SET sequence = ? WHERE portfolio = ?", [last, portfolio])
    skipped = 0
    if after > place:
        sql = "SELECT count(*) FROM decisions WHERE portfolio = ? AND sequence > ? AND sequence <= ?"
        skipped = int(session.rows(sql, [portfolio, place, after])[0][0])
    return Claim(after, last, skipped)


def _stored(sequence: int, row: ShadowRow) -> Row:
    figures = (row.probability, row.score, row.grade, int(row.stale), json.dumps(row.reasons))
    return (sequence, row.decision_id, row.portfolio, row.decided_at, row.role, row.release, row.outcome, *figures)


def _row(stored: Row) -> ShadowRow:
    _, name, portfolio, at, role, release, outcome, probability, score, grade, stale, reasons = stored
    figures = (probability, score, grade, bool(stale), tuple(json.loads(reasons)))
    return ShadowRow(name, portfolio, at, role, release, outcome, *figures)
