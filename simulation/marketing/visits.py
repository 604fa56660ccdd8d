"""Visits: what people do in the app once they are signed in; pages come from tables like purchases do.

A session is a login that succeeds. Its pages are read off one 64-bit word each, through tables by stage of life.
"""

from functools import lru_cache

import numpy as np

from simulation.access import logins
from simulation.calendar import Day
from simulation.columns import Array, Floats, Frame, Ints
from simulation.decisions import Decisions
from simulation.draws import Draws
from simulation.marketing.patterns import NONE, PATTERNS, TOPIC_CODES, stages
from simulation.process import Events, merged
from simulation.schema.behaviour import EVENTS, LOGIN_RESULTS, TOPICS
from simulation.state import State

PLACES = 1024
MOST = 16
"""Steps of a session, at most: an event's id is its session's times this, plus its place."""
PAGES: dict[str, float] = {
    "view_home": 0.28, "view_offer": 0.11, "view_product": 0.2, "read_article": 0.17, "search": 0.1,
    "add_to_cart": 0.05, "checkout": 0.02, "view_bill": 0.05, "help": 0.02,
}  # fmt: skip
ARTICLES = 400
"""Articles, products and offers of a topic."""
TOPIC_WEIGHTS = np.array([0.0, 0.3, 0.09, 0.1, 0.06, 0.15, 0.09, 0.08, 0.09, 0.04])
"""What people read about who are in no stage (places in `TOPICS`)."""
ON_TOPIC = 0.55
"""Share of their pages that people in a stage spend on its topic."""
HAS_TOPIC = np.array([event in {"view_product", "read_article", "search", "add_to_cart"} for event in EVENTS])
STARTS = 0.2
"""Share of looks at an offer after which a form is begun that is not sent."""
OPEN, START, ABANDON, OFFER = (EVENTS.code(name) for name in ("open", "start_form", "abandon", "view_offer"))
MORE = np.array([0, 0, 1, 1, 1, 2, 2, 3])
"""Pages beside the first that a session has, each as likely."""


class Visits:
    """Turns today's sessions into steps."""

    name = "visits"

    def begin(self, state: State, draws: Draws) -> None:
        """Nothing to remember."""

    def step(self, day: Day, state: State, decisions: Decisions, draws: Draws) -> Events:
        """Today's steps of those who do not apply in them: see `funnel` for those who do."""
        rows, session, begins = _sessions(day, state, draws)
        more = MORE[draws.below(len(MORE), "visits.more", session)]
        opened = _events(state, rows, session, np.zeros(len(rows), dtype=np.int64), OPEN, begins, day)
        at = np.repeat(np.arange(len(rows)), more)
        place = 1 + np.arange(len(at)) - np.repeat(np.cumsum(more) - more, more)
        pages = _pages(day, state, draws, rows[at], session[at], place, begins[at])
        return merged([{"app_events": part} for part in (opened, pages, *_abandoned(draws, pages))])


def _sessions(day: Day, state: State, draws: Draws) -> tuple[Ints, Ints, Ints]:
    rows, within = logins.attempts(day, state, draws)
    keep = np.flatnonzero(
        (logins.results(day, draws, state.people.id[rows], within) == LOGIN_RESULTS.code("success"))
        & draws.happens(min(state.scenario.marketing.sessions, 1.0), "visits.any", state.people.id[rows], day.number)
    )
    rows, within = rows[keep], within[keep]
    ids = state.people.id[rows]
    return rows, logins.login_ids(day, state, draws, ids, within), logins.moments(day, draws, ids, within)


def _events(
    state: State, rows: Ints, session: Ints, place: Ints, event: Array | int, seconds: Ints, day: Day
) -> dict[str, Array]:
    size = len(rows)
    return {
        "event_id": session * MOST + place,
        "customer_id": state.people.id[rows],
        "session_id": session,
        "event": np.broadcast_to(np.asarray(event, dtype=np.uint8), size),
        "topic": np.zeros(size, dtype=np.uint8),
        "item_id": np.zeros(size, dtype=np.int64),
        "seconds": np.full(size, 5, dtype=np.int32),
        "event_timestamp": day.at(np.minimum(seconds + 3, 86_399)),
    }


def _pages(
    day: Day, state: State, draws: Draws, rows: Ints, session: Ints, place: Ints, begins: Ints
) -> dict[str, Array]:
    word = draws.words("visits.page", session, 0, place)
    event = _event_table()[(word & np.uint64(1023)).astype(np.int64)]
    stage = stages(state, day.number)[rows]
    read = _topics()[np.minimum(stage, len(PATTERNS)), ((word >> np.uint64(10)) & np.uint64(1023)).astype(np.int64)]
    topic = np.where(HAS_TOPIC[event], read, 0).astype(np.uint8)
    number = ((word >> np.uint64(20)) & np.uint64(0xFFFF)).astype(np.int64) % ARTICLES
    spent = 6 + ((word >> np.uint64(40)) & np.uint64(127)).astype(np.int32)
    base = _events(state, rows, session, place, event, begins + 40 * place, day)
    item = np.where(HAS_TOPIC[event] | (event == OFFER), topic.astype(np.int64) * ARTICLES + number + 1, 0)
    return {**base, "topic": topic, "item_id": item, "seconds": spent}


def _abandoned(draws: Draws, pages: Frame) -> list[dict[str, Array]]:
    """After some looks at an offer a form is begun, and left."""
    looks = np.flatnonzero(pages["event"] == OFFER)
    at = looks[draws.happens(STARTS, "visits.starts", pages["event_id"][looks])]
    parts = []
    for step, (event, after) in enumerate(((START, 20), (ABANDON, 75)), start=1):
        part = {name: column[at] for name, column in pages.items()}
        part["event_id"] = part["event_id"] + 4 * step
        part["event"] = np.full(len(at), event, dtype=np.uint8)
        part["event_timestamp"] = part["event_timestamp"] + after * 1_000_000
        parts.append(part)
    return parts


@lru_cache(maxsize=1)
def _event_table() -> Array:
    weights = np.array([PAGES.get(name, 0.0) for name in EVENTS])
    return _table(weights)


@lru_cache(maxsize=1)
def _topics() -> Array:
    """Topic by stage (the last row: none) and by 10 random bits."""
    rows = []
    for topic in TOPIC_CODES:
        weights = TOPIC_WEIGHTS * (1 - ON_TOPIC)
        weights[topic] += ON_TOPIC
        rows.append(_table(weights))
    return np.stack([*rows, _table(TOPIC_WEIGHTS)])


def _table(weights: Floats) -> Array:
    bounds = np.cumsum(weights) / weights.sum()
    return np.searchsorted(bounds, (np.arange(PLACES) + 0.5) / PLACES).astype(np.uint8)


assert abs(TOPIC_WEIGHTS.sum() - 1) < 1e-9
assert len(TOPIC_WEIGHTS) == len(TOPICS)
assert MORE.max() < 4
assert len(PATTERNS) < NONE
