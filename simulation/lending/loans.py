"""Live loans and open applications as columns."""

from dataclasses import dataclass

import numpy as np

from simulation.calendar import day_in_month
from simulation.columns import Array, Columns, Flags, Frame, Ints
from simulation.lending.products import FEE
from simulation.schema.lending import LOAN_CHANGES


@dataclass
class Loans(Columns):
    """Loans not yet closed; those written off stay until recoveries end. Money is whole cents.

    Always: principal = repaid + outstanding + written off. Instalments are paid oldest first, so `paid` counts those
    paid in full, `billed` those due so far; the oldest unpaid one is number `paid + 1`.
    """

    id: Ints
    customer: Ints
    row: Ints  # of the borrower in the people's columns
    purpose: Array
    partner: Array
    merchant: Ints
    opened: Ints  # day
    moment: Ints  # when it was paid out, in microseconds
    first_month: Ints  # month of the first due date, since 1970
    due_on: Array  # day of the month
    principal: Ints
    rate: Array  # float, a year
    term: Array
    instalment: Ints
    lent_instalment: Ints  # before the lender changed anything
    billed: Array
    paid: Array
    outstanding: Ints
    interest_paid: Ints
    deferred: Ints  # interest of months by which it was put off, unpaid: shared among the instalments that are left
    late_fees: Ints  # charged and unpaid
    recoveries: Array  # payments after the write-off
    index: Array  # float: log-odds of missing an instalment, apart from the economy, shocks and later borrowing
    burden_at_start: Array  # float: log of instalments over income when it was lent
    state: Array  # code of `schema.lending.STATES`
    defaulted: Flags
    push: Array  # float: added to the log of how fast it cures; collections raise it, it fades by day


@dataclass
class Requests(Columns):
    """Applications that wait for a decision."""

    id: Ints
    customer: Ints
    row: Ints
    day: Ints
    purpose: Array
    partner: Array
    merchant: Ints
    amount: Ints  # cents
    term: Array
    highest_rate: Array
    payee: Ints
    pd: Array  # float: the truth, for the world and its own policies only


def fee_cents(loans: Loans) -> Ints:
    """What is kept back when loans are paid out."""
    return np.asarray(np.round(FEE[loans.purpose] * loans.principal), dtype=np.int64)


def loan_rows(loans: Loans, change: str, created: Ints) -> Frame:
    """Rows of the table of loans: as they are from now on, dated to when they were paid out."""
    first_month = loans.opened.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) + 1
    return {
        "loan_id": loans.id, "customer_id": loans.customer, "purpose": loans.purpose, "partner_id": loans.partner,
        "merchant_id": loans.merchant, "principal_cents": loans.principal, "rate": loans.rate,
        "fee_cents": fee_cents(loans), "term_months": loans.term, "instalment_cents": loans.instalment,
        "first_due": day_in_month(first_month, loans.due_on).astype(np.int32),
        "change": np.full(len(loans), LOAN_CHANGES.code(change), dtype=np.uint8),
        "event_timestamp": loans.moment, "created_timestamp": created,
    }  # fmt: skip
