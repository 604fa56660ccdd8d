"""Schedules: what an instalment is made of, what falls due when; told when a loan is paid out or its terms change."""

import numpy as np

from simulation.calendar import DAY_US
from simulation.columns import Array, Frame, Ints
from simulation.lending import book
from simulation.lending.loans import Loans
from simulation.lending.products import instalment_cents, interest_cents

MOST = 255
"""Instalments of a loan, at most."""


def split(loans: Loans, at: Ints, outstanding: Ints, deferred: Ints, left: Array) -> tuple[Ints, Ints, Ints]:
    """The next instalment of loans with so many left: principal, interest, and what of that had been put off."""
    share = _shared(deferred, left)
    interest = interest_cents(outstanding, loans.rate[at]) + share
    repaid = np.where(left == 1, outstanding, np.minimum(loans.instalment[at] - interest, outstanding))
    return repaid, interest, share


def pay(loans: Loans, at: Ints, count: Ints) -> tuple[Ints, Ints]:
    """Pay so many instalments each, oldest first; gives principal and interest."""
    repaid, interest = np.zeros(len(at), dtype=np.int64), np.zeros(len(at), dtype=np.int64)
    for number in range(int(count.max(initial=0))):
        on = np.flatnonzero(count > number)
        who = at[on]
        part, charged, share = split(loans, who, loans.outstanding[who], loans.deferred[who], _left(loans, who))
        loans.outstanding[who] -= part
        loans.deferred[who] -= share
        loans.paid[who] += 1
        repaid[on] += part
        interest[on] += charged
    return repaid, interest


def pay_off(loans: Loans, at: Ints) -> tuple[Ints, Ints]:
    """Pay all at once, without the interest to come; gives principal and interest."""
    repaid = loans.outstanding[at].copy()
    interest = interest_cents(repaid, loans.rate[at]) + loans.deferred[at]
    loans.outstanding[at], loans.deferred[at], loans.paid[at] = 0, 0, loans.term[at]
    return repaid, interest


def agree(loans: Loans, at: Ints) -> None:
    """New instalments for what is left, by the rate and term that loans have now."""
    left = _left(loans, at)
    annuity = instalment_cents(loans.outstanding[at], loans.rate[at], left)
    loans.instalment[at] = annuity + _shared(loans.deferred[at], left)


def put_off(loans: Loans, at: Ints, months: Array) -> None:
    """Move all that is left by so many months, whose interest is shared among the instalments to come."""
    loans.first_month[at] += months
    loans.deferred[at] += months * interest_cents(loans.outstanding[at], loans.rate[at])


def schedule(loans: Loans, created: Ints) -> Frame:
    """Every instalment that is not paid yet, with what of it is interest; of new loans all."""
    parts: list[Frame] = []
    left, deferred, paid = loans.outstanding.copy(), loans.deferred.copy(), loans.paid
    for number in range(int(paid.min(initial=MOST)) + 1, int(loans.term.max(initial=0)) + 1):
        live = np.flatnonzero((loans.term >= number) & (paid < number))
        to_come = loans.term[live].astype(np.int64) - number + 1
        repaid, interest, share = split(loans, live, left[live], deferred[live], to_come)
        left[live] -= repaid
        deferred[live] -= share
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


def _left(loans: Loans, at: Ints) -> Ints:
    return loans.term[at].astype(np.int64) - loans.paid[at]


def _shared(deferred: Ints, left: Array) -> Ints:
    """An instalment's part of what was put off, rounded up, so that the last has no more than the others."""
    return np.asarray(-(-deferred // left), dtype=np.int64)
