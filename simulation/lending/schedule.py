"""Schedules: what falls due when, told when a loan is paid out and again when its terms change."""

import numpy as np

from simulation.calendar import DAY_US
from simulation.columns import Frame, Ints
from simulation.lending import book
from simulation.lending.loans import Loans
from simulation.lending.products import interest_cents

MOST = 255
"""Instalments of a loan, at most."""


def schedule(loans: Loans, created: Ints) -> Frame:
    """Every instalment that is not paid yet, with what of it is interest; of new loans all."""
    parts: list[Frame] = []
    left, paid = loans.outstanding.copy(), loans.paid
    for number in range(int(paid.min(initial=MOST)) + 1, int(loans.term.max(initial=0)) + 1):
        live = np.flatnonzero((loans.term >= number) & (paid < number))
        interest = interest_cents(left[live], loans.rate[live])
        last = loans.term[live] == number
        repaid = np.where(last, left[live], np.minimum(loans.instalment[live] - interest, left[live]))
        left[live] -= repaid
        due = book.due_dates(loans, np.full(len(loans), number - 1))[live]
        parts.append(
            {
                "loan_id": loans.id[live],
                "customer_id": loans.customer[live],
                "number": np.full(len(live), number, dtype=np.uint8),
                "principal_cents": repaid,
                "interest_cents": interest,
                "event_timestamp": due * DAY_US,
                "created_timestamp": created[live],
            }
        )
    if not parts:
        return {"event_timestamp": np.zeros(0, dtype=np.int64)}
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
