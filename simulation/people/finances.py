"""What changes about a person: work, money, credit, and how they feel about borrowing."""

from dataclasses import dataclass

from simulation.columns import Array, Columns, Flags, Ints


@dataclass
class Finances(Columns):
    """One row a person, changed day by day."""

    shock: Array  # code of `schema.truth.SHOCKS`
    shock_until: Ints  # day
    strain: Array  # float: how much spending is cut, 0 to 1, rises for weeks before trouble
    current_cents: Ints
    savings_cents: Ints
    outside_debt_cents: Ints  # owed elsewhere
    outside_due_cents: Ints  # due elsewhere a month
    burden_cents: Ints  # instalments of live loans here a month
    owed_cents: Ints  # principal outstanding here
    limit_cents: Ints  # 0: none granted
    demand: Array  # float: added to the log of how often they apply; marketing raises it, it fades by day
    never_pays: Flags  # does not intend to pay; set by fraud
    blocked: Flags  # by the lender
    applied: Array  # applications so far
    enquiries: Array  # float: recent enquiries, fading by day
    times_late: Array  # times 30 days late here
