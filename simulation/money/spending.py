"""Spending: purchases of a day, by weekday, season, payday, stage of life, and how strained someone is.

A person's day has a Poisson number of purchases. All about a purchase comes from three 64-bit words: category, hour,
favourite and way from the first one's bits through tables of 1,024 places, the amount's normal from the second, the
merchant from the third. A world mostly does this, 60 times a customer-month, so it takes few passes over arrays.
"""

from functools import lru_cache

import numpy as np

from simulation.calendar import Day
from simulation.columns import Array, Floats, Frame, Ints
from simulation.draws import Draws, mixed, normal_of
from simulation.money.categories import CUT, MCC, MEDIAN, NAMES, SHARE, SPREAD, WEEKEND
from simulation.money.merchants import MERCHANT_BASE
from simulation.people.traits import MEDIAN_INCOME
from simulation.schema.money import Kind, Party, Way
from simulation.state import State

PLACES = 1024
"""Size of the tables that turn 10 bits into a category or an hour."""
STRAINS = 4
PERSONAS = 6  # young, family, other; each more or less digital
FAVOURITES = 12
"""Shops of a category that a person goes to; the first ones most."""
LIKES: tuple[dict[str, float], ...] = (
    {"games": 2.5, "fast_food": 1.5, "cinema": 1.6, "baby": 0.1},
    {"baby": 3.0, "school": 2.5, "groceries": 1.3},
    {"pharmacy": 1.5, "hospital": 1.4, "baby": 0.2},
)
"""How much more of a category the young, families and the others buy."""
DIGITAL_LIKES = {"online_shop": 1.6, "taxi": 1.4}
ODD = np.uint64(0xA0761D6478BD642F)
TEN = np.uint64(1023)
MONTHS = np.array([0.97, 1.0, 0.97, 0.98, 1.0, 1.0, 0.99, 1.0, 1.0, 1.02, 1.06, 1.12])
WEEKDAYS = np.array([0.93, 0.92, 0.94, 0.97, 1.08, 1.18, 1.0])
HOURS_WEEK = np.array([3, 2, 1, 1, 1, 3, 14, 34, 46, 34, 30, 46, 68, 48, 34, 34, 42, 62, 76, 66, 48, 32, 18, 8], float)
HOURS_END = np.array([7, 5, 3, 2, 1, 2, 6, 15, 32, 52, 64, 68, 72, 66, 60, 58, 60, 62, 62, 58, 50, 38, 26, 14], float)
WITHIN_PAY = np.array([1.35, 1.3, 1.22, 1.15, 1.1, 1.06, 1.03, 1.0])
"""How much more is bought in the days after payday."""


def purchases(day: Day, state: State, draws: Draws) -> Frame:
    """Rows of purchases as postings: row, cents and codes."""
    people = state.people
    counts = draws.poisson(_mean(day, state), "spending.count", people.id, day.number)
    rows = np.repeat(np.arange(len(people)), counts)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    ids = people.id[rows]
    word = draws.words("spending.what", ids, day.number, within)
    segment = _segments(day, state)[rows]
    category = _categories(day.weekday >= 5)[segment, (word & TEN).astype(np.int64)]
    hour = _hours(day.weekday >= 5)[((word >> np.uint64(10)) & TEN).astype(np.int64)]
    second = (((word >> np.uint64(20)) & np.uint64(4095)) * np.uint64(3600) >> np.uint64(12)).astype(np.int64)
    cents = _cents(state, draws, day, rows, ids, within, category)
    return {
        "row": rows,
        "within": within,
        "cents": cents,
        "party_id": _merchants(state, ids, category, word),
        "mcc": MCC[category],
        "seconds": hour.astype(np.int64) * 3600 + second,
        "kind": np.full(len(rows), Kind.PURCHASE, dtype=np.uint8),
        "party": np.full(len(rows), Party.MERCHANT, dtype=np.uint8),
        "way": np.where((word >> np.uint64(54)) < np.uint64(600), Way.WALLET, Way.CARD).astype(np.uint8),
    }


def _mean(day: Day, state: State) -> Floats:
    """Purchases expected of each today; those short of money buy less."""
    people, finances = state.people, state.finances
    income = np.maximum(people.income_cents, 100)
    level = state.scenario.money.purchases_a_day * WEEKDAYS[day.weekday] * MONTHS[day.date.month - 1]
    since = (day.date.day - people.payday.astype(np.int64)) % 30
    afford = np.clip(0.75 + 0.5 * finances.current_cents / income, 0.3, 1.1)
    own = np.exp(0.25 * people.digital + 0.12 * people.impulsivity - 0.04)
    swing = 1 + finances.strain * (1.3 * swinging(day, people.id) - 0.95)
    mean = level * WITHIN_PAY[np.minimum(since, 7)] * afford * own * swing
    return np.asarray(np.where(state.present(day.number), np.minimum(mean, 12.0), 0.0), dtype=np.float64)


def swinging(day: Day, ids: Ints) -> Floats:
    """A number in [0, 1) that a person keeps for three days: the strained buy in fits and starts."""
    word = mixed(ids.astype(np.uint64) * ODD + np.uint64(day.number // 3))
    return np.asarray((word >> np.uint64(40)) * 2.0**-24, dtype=np.float64)


def _segments(day: Day, state: State) -> Ints:
    """A person's table of categories: by persona and strain."""
    people = state.people
    young = (day.number - people.birth) < 27 * 365
    persona = np.where(state.now("children") > 0, 1, np.where(young, 0, 2)) * 2 + (people.digital > 0)
    strain = np.minimum((state.finances.strain * STRAINS).astype(np.int64), STRAINS - 1)
    return np.asarray(persona * STRAINS + strain, dtype=np.int64)


@lru_cache(maxsize=2)
def _categories(weekend: bool) -> Array:
    """Category by persona and strain, and by 10 random bits."""
    tables = [_table(_weights(persona, strain, weekend)) for persona in range(PERSONAS) for strain in range(STRAINS)]
    return np.stack(tables)


def _weights(persona: int, strain: int, weekend: bool) -> Floats:
    weights = SHARE * (WEEKEND if weekend else 1.0) * np.maximum(1 - CUT * strain / STRAINS, 0.05)
    stage, digital = divmod(persona, 2)
    likes = {**LIKES[stage], **(DIGITAL_LIKES if digital else {})}
    return np.asarray(weights * np.array([likes.get(name, 1.0) for name in NAMES]), dtype=np.float64)


@lru_cache(maxsize=2)
def _hours(weekend: bool) -> Array:
    return _table(HOURS_END if weekend else HOURS_WEEK)


def _table(weights: Floats) -> Array:
    """Places in proportion to weights; each weight above nothing has at least one."""
    bounds = np.cumsum(weights) / weights.sum()
    return np.searchsorted(bounds, (np.arange(PLACES) + 0.5) / PLACES).astype(np.uint8)


def _cents(state: State, draws: Draws, day: Day, rows: Ints, ids: Ints, within: Ints, category: Array) -> Ints:
    """What a purchase costs: by category, and by how well someone lives."""
    well = (state.people.income_cents / (100 * MEDIAN_INCOME)) ** 0.5 * (1 - 0.25 * state.finances.strain)
    normal = normal_of(draws.words("spending.amount", ids, day.number, within))
    return np.asarray(-np.ceil(100 * MEDIAN[category] * well[rows] * np.exp(SPREAD[category] * normal)), dtype=np.int64)


def _merchants(state: State, ids: Ints, category: Array, word: Array) -> Ints:
    """One of a person's favourites in a category; large merchants are favourites of more."""
    chance = ((word >> np.uint64(32)) & np.uint64(0xFFFF)).astype(np.float64) * 2.0**-16
    favourite = (chance**2 * FAVOURITES).astype(np.uint64)
    share = max(state.scenario.money.merchants // len(NAMES), 1)
    known = mixed(ids.astype(np.uint64) * ODD + category.astype(np.uint64) * np.uint64(FAVOURITES) + favourite)
    popular = ((known >> np.uint64(11)) * 2.0**-53) ** 2.2
    return np.asarray(MERCHANT_BASE + category.astype(np.int64) * share + (popular * share).astype(np.int64))
