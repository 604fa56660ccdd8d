"""The book: due dates, days past due and states of live loans."""

import numpy as np

from simulation.calendar import day_in_month
from simulation.columns import Array, Ints
from simulation.lending.loans import Loans, Requests
from simulation.schema.lending import STATES

WRITE_OFF_DAYS = 120
DEFAULT_DAYS = 90
BOUNDS = np.array([1, 30, 60, DEFAULT_DAYS, WRITE_OFF_DAYS])
"""Days past due at which the next state begins."""
WRITTEN_OFF, CLOSED = STATES.code("written_off"), STATES.code("closed")


def due_dates(loans: Loans, number: Array) -> Ints:
    """Days on which the instalments with these places (from 0) fall due."""
    return day_in_month(loans.first_month + number, loans.due_on)


def days_past_due(loans: Loans, day: int) -> Ints:
    """Days since the oldest unpaid due date; 0 where nothing is overdue."""
    late = np.flatnonzero(loans.billed > loans.paid)
    days = np.zeros(len(loans), dtype=np.int64)
    days[late] = day - day_in_month(loans.first_month[late] + loans.paid[late], loans.due_on[late])
    return days


def states(days_late: Array) -> Array:
    """States by days past due."""
    return np.searchsorted(BOUNDS, days_late, side="right").astype(np.uint8)


def overdue_cents(loans: Loans) -> Ints:
    """What is due and unpaid."""
    behind = loans.billed.astype(np.int64) - loans.paid
    return np.asarray(behind * loans.instalment, dtype=np.int64)


def no_loans() -> Loans:
    """An empty book."""
    small = ("due_on", "purpose", "term", "billed", "paid", "recoveries", "state")
    floats = ("rate", "index", "burden_at_start", "push")
    types = {**dict.fromkeys(small, np.uint8), **dict.fromkeys(floats, np.float64), "partner": np.int32,
             "defaulted": np.bool_}  # fmt: skip
    return Loans.of({name: np.zeros(0, dtype=types.get(name, np.int64)) for name in Loans.__dataclass_fields__})


def no_requests() -> Requests:
    """No applications."""
    types = {"purpose": np.uint8, "partner": np.int32, "term": np.uint8, "highest_rate": float, "pd": float}
    return Requests.of({name: np.zeros(0, dtype=types.get(name, np.int64)) for name in Requests.__dataclass_fields__})
