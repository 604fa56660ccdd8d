"""The list of reviews: a row for each that somebody has acted on, beside the decisions that wait for somebody.

The rows are written with the acts, in their transactions, and only to find reviews by: what holds are the acts.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from serving.log.database import Row, Session
from serving.log.record import PLATFORM, time_text
from serving.log.schema import REVIEW_INDEXES
from serving.policy import Reviews
from serving.reviews.act import Act, Subject
from serving.reviews.review import WAITING, Standing, State

TABLE = (
    "CREATE TABLE IF NOT EXISTS reviews (decision_id TEXT PRIMARY KEY, state TEXT NOT NULL, holder TEXT, until TEXT,"
    " proposer TEXT, granted DOUBLE PRECISION, outcome TEXT, ended_at TEXT, decided_by TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS reviews_holder ON reviews (holder) WHERE holder IS NOT NULL",
)
REFUSALS = (
    # Whose applicant refused the machine's decision, and when: such a review is found though the machine left it to
    # nobody, and has its time from then on.
    "CREATE TABLE IF NOT EXISTS review_refusals (decision_id TEXT PRIMARY KEY, refused_at TEXT NOT NULL,"
    " people BIGINT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS review_refusals_at ON review_refusals (refused_at)",
)
NEWEST = "review_refusals"
"""The table that homes of earlier versions lack."""
STATEMENTS = (*TABLE, *REFUSALS, *REVIEW_INDEXES)
_COLUMNS = ("decision_id", "state", "holder", "until", "proposer", "granted", "outcome", "ended_at", "decided_by")
_DECISION = ("decision_id", "portfolio", "partner", "score", "grade", "offer", "sequence")
_PLACE = (
    "SELECT coalesce(f.refused_at, d.decided_at), d.sequence FROM decisions d"
    " LEFT JOIN review_refusals f ON f.decision_id = d.decision_id WHERE d.decision_id = ?"
)
_WAITS = f"(r.state IS NULL OR r.state IN {WAITING})"
_OF_DECISIONS = f"d.kind = 'decision' AND d.person IS NOT NULL AND d.partner <> '{PLATFORM}'"
_ACTED = "LEFT JOIN reviews r ON r.decision_id = d.decision_id"
_LEFT = (
    "d.decided_at",
    f"decisions d LEFT JOIN review_refusals f ON f.decision_id = d.decision_id {_ACTED}"
    f" WHERE d.outcome = 'review' AND f.decision_id IS NULL AND {_OF_DECISIONS}",
)
_REFUSED = (
    "f.refused_at",
    f"review_refusals f JOIN decisions d ON d.decision_id = f.decision_id {_ACTED} WHERE {_OF_DECISIONS}",
)
_BRANCHES = (_LEFT, _REFUSED)
"""What was left to people by a machine, and what by its applicant: when it was opened, and where it is found."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which reviews: of these portfolios with the terms of each, in a state (None: those that wait), of one partner
    (None: of all), after the review of a decision, in the order in which they were opened."""

    portfolios: Mapping[str, Reviews]
    at: datetime
    state: State | None = None
    partner: str | None = None
    after: str | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Listed:
    """A review in the list, with what tells one from another."""

    decision_id: str
    portfolio: str
    partner: str
    opened_at: datetime
    score: float | None
    grade: str | None
    confirmations: int
    standing: Standing


def page(session: Session, wanted: Wanted) -> list[Listed]:
    """The wanted reviews."""
    if not wanted.portfolios:
        return []
    after: Row = ()
    if wanted.after is not None:
        place = session.rows(_PLACE, [wanted.after])
        if not place:
            return []
        after = place[0]
    found = [_branch(opened, source, wanted, after) for opened, source in _BRANCHES]
    parts = " UNION ALL ".join(f"SELECT * FROM ({sql}) part{number}" for number, (sql, _) in enumerate(found))
    values = [value for _, values in found for value in values]
    rows = session.rows(f"{parts} ORDER BY opened, sequence LIMIT ?", [*values, wanted.limit])
    return [_listed(row, wanted) for row in rows]


def _branch(opened: str, source: str, wanted: Wanted, after: Row) -> tuple[str, list[Any]]:
    """The wanted reviews of one source, and the values of its statement."""
    state, of_state = _of_state(wanted, opened)
    conditions, values = [state], [*of_state]
    if wanted.partner is not None:
        conditions.append("d.partner = ?")
        values.append(wanted.partner)
    if after:
        conditions.append(f"({opened}, d.sequence) > (?, ?)")
        values += after
    columns = ", ".join([*(f"d.{name}" for name in _DECISION), *(f"r.{name} AS r_{name}" for name in _COLUMNS)])
    of_refusal = f"f.refused_at, f.people, {opened} AS opened"
    sql = f"SELECT {columns}, {of_refusal} FROM {source} AND {' AND '.join(conditions)}"
    return f"{sql} ORDER BY opened, d.sequence LIMIT ?", [*values, wanted.limit]


def note(session: Session, decision: Subject, standing: Standing) -> None:
    """Write down where a review stands after an act."""
    found = standing
    times = [None if when is None else time_text(when) for when in (found.until, found.ended_at)]
    people = ",".join(found.decided_by)
    row = (decision.decision_id, found.state, found.holder, times[0], found.proposer, found.limit, found.outcome)
    session.run("DELETE FROM reviews WHERE decision_id = ?", [decision.decision_id])
    session.insert("reviews", _COLUMNS, [(*row, times[1], people)])


def note_refusal(session: Session, decision: Subject, refusal: Act) -> None:
    """Write down that an applicant refused the machine's decision."""
    row = (decision.decision_id, time_text(refusal.at), refusal.people or 1)
    session.insert("review_refusals", ("decision_id", "refused_at", "people"), [row])


def overdue(session: Session, portfolio: str, terms: Reviews, at: datetime, most: int) -> list[Subject]:
    """Reviews that are past their time, and that nothing has ended yet; no more than `most`."""
    rows: list[Row] = []
    for opened, source in _BRANCHES:
        sql = (
            f"SELECT d.decision_id, d.portfolio, d.release, d.decided_at FROM {source}"
            f" AND {_WAITS} AND d.portfolio = ? AND {opened} <= ? ORDER BY {opened} LIMIT ?"
        )
        until = time_text(at - timedelta(days=terms.expire_days))
        rows += session.rows(sql, [portfolio, until, most - len(rows)])
    return [Subject(name, of, release, datetime.fromisoformat(made)) for name, of, release, made in rows]


def held(session: Session, person: str, at: datetime) -> int:
    """How many reviews a person holds."""
    sql = "SELECT count(*) FROM reviews WHERE holder = ? AND state = 'claimed' AND until > ?"
    return int(session.rows(sql, [person, time_text(at)])[0][0])


def _of_state(wanted: Wanted, opened: str) -> tuple[str, list[Any]]:
    """The condition that a review is in the wanted state at the time, and its values."""
    now, due = time_text(wanted.at), _within(wanted, opened)
    open_now = "(r.state IS NULL OR r.state = 'open' OR (r.state = 'claimed' AND r.until <= ?))"
    known = f"d.portfolio IN ({', '.join('?' for _ in wanted.portfolios)})"
    match wanted.state:
        case None:
            return f"{_WAITS} AND {due[0]}", due[1]
        case "open":
            return f"{open_now} AND {due[0]}", [now, *due[1]]
        case "claimed":
            return f"r.state = 'claimed' AND r.until > ? AND {due[0]}", [now, *due[1]]
        case "confirming":
            return f"r.state = 'confirming' AND {due[0]}", due[1]
        case "expired":
            late = f"({_WAITS} AND NOT {due[0]})"
            return f"{known} AND (r.state = 'expired' OR {late})", [*wanted.portfolios, *due[1]]
    return f"{known} AND r.state = ?", [*wanted.portfolios, wanted.state]


def _within(wanted: Wanted, opened: str) -> tuple[str, list[Any]]:
    """The condition that a review is of a wanted portfolio, and so new that it is not past its time."""
    one = f"(d.portfolio = ? AND {opened} > ?)"
    values: list[Any] = []
    for portfolio, terms in wanted.portfolios.items():
        values += [portfolio, time_text(wanted.at - timedelta(days=terms.expire_days))]
    return f"({' OR '.join(one for _ in wanted.portfolios)})", values


def _listed(row: Row, wanted: Wanted) -> Listed:
    decision = dict(zip(_DECISION, row, strict=False))
    refused_at, people, opened = row[-3:]
    opened_at = datetime.fromisoformat(opened)
    terms = wanted.portfolios[decision["portfolio"]]
    names = ("decision_id", "portfolio", "partner", "score", "grade")
    standing = _standing(row[len(_DECISION) : -3], opened_at, terms, wanted.at)
    return Listed(
        **{name: decision[name] for name in names},
        opened_at=opened_at,
        confirmations=int(people or json.loads(decision["offer"]).get("confirmations", 1)),
        standing=standing if refused_at is None else replace(standing, refused_at=opened_at),
    )


def _standing(row: Row, opened_at: datetime, terms: Reviews, at: datetime) -> Standing:
    name, state, holder, until, proposer, granted, outcome, ended_at, people = row
    due = opened_at + timedelta(days=terms.expire_days)
    fresh = Standing("open", due)
    if outcome is None and at >= due:
        return replace(fresh, state="expired", outcome=terms.expired, ended_at=due)
    if name is None or state == "open":
        return fresh
    lapses = None if until is None else datetime.fromisoformat(until)
    if state == "claimed" and (lapses is None or at >= lapses):
        return fresh
    ended = None if ended_at is None else datetime.fromisoformat(ended_at)
    by = tuple(filter(None, people.split(",")))
    return Standing(state, due, holder, lapses, proposer, granted, outcome, ended, by)
