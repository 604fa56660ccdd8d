"""Finances as they are before the first day."""

import numpy as np

from simulation.draws import Draws
from simulation.people.finances import Finances
from simulation.people.people import People

IN_DEBT = 0.55
"""Share of people who owe somebody else."""


def finances(people: People, draws: Draws) -> Finances:
    """Money at hand, put aside and owed elsewhere, by ability and impulsivity."""
    ids, income, empty = people.id, people.income_cents, np.zeros(len(people), dtype=np.int64)
    current = income * 0.5 * np.exp(0.6 * draws.normal("begin.current", ids) + 0.2 * people.ability)
    savings = (
        income
        * 2.0
        * np.exp(1.0 * draws.normal("begin.savings", ids) + 0.5 * people.ability - 0.3 * people.impulsivity)
    )
    owes = draws.happens(IN_DEBT, "begin.owes", ids)
    share = 0.09 * np.exp(0.5 * draws.normal("begin.debt", ids) + 0.25 * people.impulsivity - 0.1 * people.ability)
    due = np.where(owes, np.round(income * np.minimum(share, 0.6)), 0).astype(np.int64)
    debt = (due * (4 + 20 * draws.uniform("begin.months", ids))).astype(np.int64)
    return Finances(
        shock=empty.astype(np.uint8), shock_until=empty.copy(), strain=empty.astype(np.float64),
        current_cents=current.astype(np.int64), savings_cents=savings.astype(np.int64),
        outside_debt_cents=debt, outside_due_cents=due,
        burden_cents=empty.copy(), owed_cents=empty.copy(), limit_cents=empty.copy(), demand=empty.astype(np.float64),
        never_pays=empty.astype(np.bool_), blocked=empty.astype(np.bool_), applied=empty.copy(),
        enquiries=empty.astype(np.float64), times_late=empty.copy(),
    )  # fmt: skip
