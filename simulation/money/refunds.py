"""Refunds: some of what was bought comes back within two weeks, and is paid back in full."""

import numpy as np

from simulation.calendar import Day
from simulation.columns import Frame
from simulation.draws import Draws
from simulation.money.categories import MCC, NAMES
from simulation.schema.money import Kind, Party, Way
from simulation.state import State

REFUNDS = "refunds"
RETURNED = {"online_shop": 0.07, "clothes": 0.08, "electronics": 0.06, "home": 0.04}
"""Share of the purchases of a category."""
SOONEST, DAYS = 3, 12
"""Days after the purchase, and over how many more."""
SHARE = np.zeros(10_000)
SHARE[MCC] = [RETURNED.get(name, 0.0) for name in NAMES]


def begin(state: State) -> None:
    """Nothing is on its way back."""
    empty = np.zeros(0, dtype=np.int64)
    state.own[REFUNDS] = {"row": empty, "cents": empty, "party_id": empty, "mcc": empty, "on": empty}


def pay(day: Day, state: State, draws: Draws) -> None:
    """Pay back what came back for today."""
    own = state.own[REFUNDS]
    today = own["on"] == day.number
    due = {name: column[today] for name, column in own.items()}
    state.own[REFUNDS] = {name: column[~today] for name, column in own.items()}
    seconds = 32_400 + draws.below(36_000, "refunds.second", state.people.id[due["row"]], day.number)
    state.postings.post(
        due["row"], due["cents"], kind=Kind.REFUND, party=Party.MERCHANT, party_id=due["party_id"], seconds=seconds,
        way=Way.CARD, mcc=due["mcc"],
    )  # fmt: skip


def note(day: Day, state: State, draws: Draws, bought: Frame) -> None:
    """Which of today's purchases come back, and when."""
    own, share = state.own[REFUNDS], SHARE[bought["mcc"]]
    at = np.flatnonzero(share > 0)
    ids, within = state.people.id[bought["row"][at]], bought["within"][at]
    back = draws.happens(share[at], "refunds.returned", ids, day.number, within)
    at, ids, within = at[back], ids[back], within[back]
    fresh = {
        "row": bought["row"][at], "cents": -bought["cents"][at], "party_id": bought["party_id"][at],
        "mcc": bought["mcc"][at].astype(np.int64),
        "on": day.number + SOONEST + draws.below(DAYS, "refunds.days", ids, day.number, within),
    }  # fmt: skip
    state.own[REFUNDS] = {name: np.concatenate([column, fresh[name]]) for name, column in own.items()}
