"""Holdings: other products that people open and close, alone or as the bundle that a contact offered them."""

import numpy as np

from simulation.calendar import Day
from simulation.columns import Array, Floats, Frame, Ints
from simulation.decisions import Decisions
from simulation.draws import Draws
from simulation.marketing.contacts import Contacts
from simulation.process import Events, merged
from simulation.schema.customers import HOLDING_CHANGES, PRODUCTS
from simulation.state import State

OPENS = np.array([0.0, 0.006, 0.005, 0.007, 0.003])
"""Chance a month of opening each product, alone (places in `PRODUCTS`); everyone has a current account."""
LOADINGS = np.array([
    # ability literacy impulsivity
    [0.0, 0.0, 0.0],
    [0.4, 0.5, 0.2],
    [0.4, 0.2, -0.4],
    [0.2, 0.3, -0.2],
    [-0.2, 0.1, 0.0],
])  # fmt: skip
"""How that follows people's traits."""
CLOSES = 0.015
"""Chance a month of closing what is held."""
MONTHS_BEFORE = 30
"""What so many months would have brought is there at the start."""
BUNDLE = tuple(PRODUCTS.code(name) for name in ("wealth_fund", "health_insurance", "loan_insurance"))
TAKES = (0.5, 0.45, 0.25)
"""How often who clicks on a bundle takes each part of it; the parts give a right to one another's price."""
MONTHS_OF_INCOME = np.array([0.0, 1.5, 3.0, 0.04, 0.03])
"""Median amount paid in, or premium a year, in months of income."""
CURRENT = PRODUCTS.code("current_account")


class Holdings:
    """Opens and closes products behind the day's contacts."""

    name = "holdings"

    def begin(self, state: State, draws: Draws) -> None:
        """Nothing is held; the first day tells what was there before."""
        state.own[self.name] = {"held": np.zeros((len(PRODUCTS), len(state.people)), dtype=np.bool_)}

    def step(self, day: Day, state: State, decisions: Decisions, draws: Draws) -> Events:
        """Today's openings, alone and in bundles, and closings; everyone thinks about it on one day of the month."""
        own, bundle = state.own[self.name], state.own[Contacts.name]["bundle"]
        here = state.present(day.number)
        parts = [_changed(day, state, draws, CURRENT, np.flatnonzero(here & ~own["held"][CURRENT]), "opened", None)]
        first = day.number == Day.on(state.scenario.start).number
        turn = np.flatnonzero(here & ((state.people.id % 28 + 1 == day.date.day) | first))
        ids, months = state.people.id[turn], MONTHS_BEFORE if first else 1
        for code in range(CURRENT + 1, len(PRODUCTS)):
            opens = draws.happens(_chance(state, turn, code) * months, "holdings.opens", ids, day.number, code)
            closes = own["held"][code][turn] & draws.happens(CLOSES, "holdings.closes", ids, day.number, code)
            parts.append(_changed(day, state, draws, code, turn[opens], "opened", None))
            parts.append(_changed(day, state, draws, code, turn[closes], "closed", None))
        sold = np.flatnonzero(bundle)
        for code, takes in zip(BUNDLE, TAKES, strict=True):
            buys = sold[draws.happens(takes, "holdings.bundle", bundle[sold], 0, code)]
            parts.append(_changed(day, state, draws, code, buys, "opened", bundle))
        bundle[:] = 0
        return merged([{"holdings": part} for part in parts])


def _changed(day: Day, state: State, draws: Draws, code: int, rows: Ints, change: str, bundles: Array | None) -> Frame:
    """Rows of those who do not have it yet, or have it still."""
    held = state.own[Holdings.name]["held"][code]
    rows = rows[held[rows] == (change == "closed")]
    held[rows] = change == "opened"
    ids = state.people.id[rows]
    noise = np.exp(0.5 * draws.normal("holdings.amount", ids, 0, code))
    amount = MONTHS_OF_INCOME[code] * state.people.income_cents[rows] / 100 * noise
    return {
        "customer_id": ids,
        "product": np.full(len(rows), code, dtype=np.uint8),
        "change": np.full(len(rows), HOLDING_CHANGES.code(change), dtype=np.uint8),
        "amount": np.round(amount, 2),
        "bundle_id": np.zeros(len(rows), dtype=np.int64) if bundles is None else bundles[rows],
        "event_timestamp": day.at(34_000 + 5_000 * code + ids * 31 % 4_000 + 20_000 * (change == "closed")),
    }


def _chance(state: State, rows: Ints, code: int) -> Floats:
    people = state.people.kept(rows)
    pull = LOADINGS[code, 0] * people.ability + LOADINGS[code, 1] * people.literacy
    pull = pull + LOADINGS[code, 2] * people.impulsivity
    return np.asarray(OPENS[code] * np.exp(pull), dtype=np.float64)


assert LOADINGS.shape == (len(PRODUCTS), 3)
assert len(OPENS) == len(MONTHS_OF_INCOME) == len(PRODUCTS)
