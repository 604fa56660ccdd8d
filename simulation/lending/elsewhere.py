"""Elsewhere: who is refused here, or finds it too dear, may borrow from another lender, and pays that back."""

import numpy as np

from simulation.calendar import Day
from simulation.draws import Draws
from simulation.lending.loans import Requests
from simulation.lending.products import instalment_cents, usual_rate
from simulation.money.accounts import creditors
from simulation.schema.money import Kind, Party, Way
from simulation.state import State

ELSEWHERE = "elsewhere"
LENDS = 0.5
"""Chance that another lender lends what was asked for here; never to fraudsters."""
DEARER = 0.04
"""What they ask above the usual rate, a year."""


def begin(state: State) -> None:
    """Nobody was refused yet."""
    empty = np.zeros(0, dtype=np.int64)
    state.own[ELSEWHERE] = {"row": empty, "due": empty, "debt": empty, "left": empty}


def borrow(day: Day, state: State, draws: Draws, refused: Requests) -> None:
    """Lend to some of those who were refused: money comes in, what they owe and pay a month rises."""
    lends = draws.happens(LENDS, "elsewhere.lends", refused.id) & (state.people.pattern[refused.row] == 0)
    taken, own, finances = refused.kept(lends), state.own[ELSEWHERE], state.finances
    due = instalment_cents(taken.amount, usual_rate(taken.purpose, state.climate.base_rate) + DEARER, taken.term)
    finances.outside_debt_cents[taken.row] += taken.amount
    finances.outside_due_cents[taken.row] += due
    fresh = {"row": taken.row, "due": due, "debt": taken.amount, "left": taken.term.astype(np.int64)}
    state.own[ELSEWHERE] = {name: np.concatenate([column, fresh[name]]) for name, column in own.items()}
    state.postings.post(
        taken.row, taken.amount, kind=Kind.OUTSIDE_LOAN_IN, party=Party.OUTSIDE_ACCOUNT,
        party_id=creditors(draws, taken.customer), way=Way.TRANSFER,
        seconds=40_000 + draws.below(30_000, "elsewhere.second", taken.id),
    )  # fmt: skip


def repay(state: State) -> None:
    """A month's part of each such debt is paid back; behind the last one nothing more is due."""
    own, finances = state.own[ELSEWHERE], state.finances
    part = own["debt"] // own["left"]
    np.subtract.at(finances.outside_debt_cents, own["row"], part)
    debt, left = own["debt"] - part, own["left"] - 1
    over = left == 0
    np.subtract.at(finances.outside_due_cents, own["row"][over], own["due"][over])
    kept = {"row": own["row"], "due": own["due"], "debt": debt, "left": left}
    state.own[ELSEWHERE] = {name: column[~over] for name, column in kept.items()}
