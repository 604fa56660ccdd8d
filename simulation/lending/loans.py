"""Live loans and open applications as columns."""

from dataclasses import dataclass

from simulation.columns import Array, Columns, Flags, Ints


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
    opened: Ints  # day
    first_month: Ints  # month of the first due date, since 1970
    due_on: Array  # day of the month
    principal: Ints
    rate: Array  # float, a year
    term: Array
    instalment: Ints
    billed: Array
    paid: Array
    outstanding: Ints
    interest_paid: Ints
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
