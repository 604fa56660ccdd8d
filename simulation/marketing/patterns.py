"""Planted patterns: stages of life in which people buy certain things, read about them, and need credit.

Only who does both has the need: some buy the same things as presents, others read without buying.
"""

from dataclasses import dataclass

import numpy as np

from simulation.calendar import Day
from simulation.columns import Array, Flags, Floats
from simulation.decisions import Decisions
from simulation.draws import Draws
from simulation.lending.applications import DEMAND_FADES
from simulation.process import Events
from simulation.schema.behaviour import ITEMS, TOPICS
from simulation.state import State


@dataclass(frozen=True)
class Pattern:
    """A stage: the two items bought together, the topic read, the need, and at which ages it comes."""

    name: str
    items: tuple[str, str]
    topic: str
    effect: float
    youngest: int
    oldest: int


PATTERNS = (
    Pattern("new_parents", ("baby_goods", "parenting_books"), "parenting", 1.3, 23, 42),
    Pattern("moving_home", ("furniture", "home_appliances"), "home", 1.2, 22, 60),
    Pattern("back_to_study", ("school_supplies", "online_course"), "education", 1.1, 19, 45),
    Pattern("old_car", ("car_parts", "travel_package"), "cars", 1.0, 25, 70),
)
LASTS = 120
"""Days."""
ITEM_CODES = np.array([[ITEMS.code(item) for item in pattern.items] for pattern in PATTERNS])
TOPIC_CODES = np.array([TOPICS.code(pattern.topic) for pattern in PATTERNS])
EFFECTS = np.array([pattern.effect for pattern in PATTERNS])
NONE = 255


class Patterns:
    """Begins stages, and keeps up the need for credit while they last."""

    name = "patterns"

    def begin(self, state: State, draws: Draws) -> None:
        """Some people are in a stage at the start: it began in the months before."""
        nobody = np.zeros(len(state.people), dtype=np.int64)
        state.own[self.name] = {"which": np.full(len(nobody), NONE, dtype=np.uint8), "since": nobody,
                                "until": nobody.copy()}  # fmt: skip
        start = Day.on(state.scenario.start).number
        for month in range(LASTS // 30, 0, -1):
            _enter(Day(start - 30 * month), state, draws)
        state.finances.demand += steady_demand(state, start)

    def step(self, day: Day, state: State, decisions: Decisions, draws: Draws) -> Events:
        """Keep up demand, which fades by day; on the first of a month, draw who enters a stage in it."""
        state.finances.demand += (1 - DEMAND_FADES) * steady_demand(state, day.number)
        opening = day.number == Day.on(state.scenario.start).number
        if day.opens_month:
            _enter(day, state, draws)
        own = state.own[self.name]
        fresh = (own["which"] < NONE) & (own["since"] == day.number)
        return _told(day, state, active_on(state, day.number) if opening else fresh)


def _enter(day: Day, state: State, draws: Draws) -> None:
    """Each stage as often as the scenario says, for those of its ages who are in none."""
    own, people = state.own[Patterns.name], state.people
    age = (day.number - people.birth) / 365.25
    for number, pattern in enumerate(PATTERNS):
        fits = (age >= pattern.youngest) & (age <= pattern.oldest) & (own["until"] < day.number)
        enters = fits & draws.happens(
            state.scenario.marketing.patterns / 12, "patterns.enters", people.id, day.number, number
        )
        rows = np.flatnonzero(enters)
        own["which"][rows] = number
        own["since"][rows] = day.number + draws.below(28, "patterns.since", people.id[rows], day.number)
        own["until"][rows] = own["since"][rows] + LASTS


def active_on(state: State, day: int) -> Flags:
    """Who is in a stage."""
    own = state.own[Patterns.name]
    return np.asarray((own["since"] <= day) & (day < own["until"]) & (own["which"] < NONE), dtype=np.bool_)


def begun(state: State, day: int, name: str) -> Flags:
    """Whose stage of this name begins on a day."""
    own, code = state.own[Patterns.name], [pattern.name for pattern in PATTERNS].index(name)
    return np.asarray((own["which"] == code) & (own["since"] == day), dtype=np.bool_)


def stages(state: State, day: int) -> Array:
    """The number of each one's stage; `NONE` for most."""
    return np.where(active_on(state, day), state.own[Patterns.name]["which"], NONE).astype(np.uint8)


def steady_demand(state: State, day: int) -> Floats:
    """Log-demand that each one's stage keeps up."""
    effects = np.append(EFFECTS, np.zeros(NONE + 1 - len(EFFECTS))) * state.scenario.marketing.pattern_effect
    return np.asarray(effects[stages(state, day)], dtype=np.float64)


def _told(day: Day, state: State, who: Flags) -> Events:
    own, rows = state.own[Patterns.name], np.flatnonzero(who)
    which = own["which"][rows]
    return {"true_patterns": {
        "customer_id": state.people.id[rows],
        "pattern": np.array([pattern.name for pattern in PATTERNS])[which],
        "effect": EFFECTS[which] * state.scenario.marketing.pattern_effect,
        "until": own["until"][rows].astype(np.int32),
        "event_timestamp": day.at(np.zeros(len(rows))),
    }}  # fmt: skip
