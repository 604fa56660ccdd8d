"""The chance of falling behind: an index a loan, and the exact chance of default that follows from it.

At each due date a borrower who is up to date misses the instalment with chance sigmoid(index + economy + shock). Once
late, all or one instalment of what is overdue is paid at a daily rate that falls with how late it is; 90 days late is
default. That is a Markov chain over (instalments overdue, shocked or not), and the chance of default in a year a sum.
"""

from dataclasses import dataclass

import numpy as np

from simulation.columns import Array, Floats
from simulation.people.shocks import MONTH, MONTHS_OUT

CURE = (0.085, 0.02, 0.0105, 0.004)
"""Daily rate of paying what is overdue: up to 29 days past due, to 59, to 89, and later."""
SHOCKED_INDEX = 2.1
"""Added to the index while out of work or ill."""
SHOCKED_CURE = -0.9
"""Added to the log of the rate of curing meanwhile."""
BURDEN = 0.75
"""How strongly the index follows the log of instalments over income."""
USUAL_BURDEN = 0.2
"""Instalments over income at which the index is as it is without them."""
OWN = 0.55
"""How strongly it follows what is the loan's own, which nobody can know."""
PARTLY = 0.4
"""Chance that someone late who pays brings one instalment and not all: they stay behind, but do not roll on."""
PREPAY = 0.012
"""Chance at a due date of repaying all at once, where nothing is overdue."""
SHOCK_ENDS = 1 - float(np.exp(-1 / MONTHS_OUT))
LAST_DUE = 9
"""Default within a year of being lent: the instalment that is missed first falls due in month 9 at the latest."""


@dataclass(frozen=True)
class Borrower:
    """What the chances depend on; one row a loan or application."""

    index: Array
    willingness: Array
    shocked: Array
    shock_chance: Array
    never_pays: Array


def index(
    level: float, noise: float, ability: Array, willingness: Array, impulsivity: Array, burden: Array, own: Array
) -> Floats:
    """Log-odds of missing an instalment; `burden` is all instalments over income, `own` what nobody can know."""
    return np.asarray(
        level
        - 0.62 * ability
        - 0.6 * willingness
        + 0.3 * impulsivity
        + BURDEN * log_burden(burden)
        + noise * OWN * own,
        dtype=np.float64,
    )


def log_burden(burden: Array) -> Floats:
    """Log of instalments over income, beside a usual 20 %, held within reason."""
    return np.asarray(np.log(np.clip(burden, 0.02, 2.5) / USUAL_BURDEN), dtype=np.float64)


def missing(index_now: Array) -> Floats:
    """Chance of missing an instalment."""
    return np.asarray(1 / (1 + np.exp(-index_now)), dtype=np.float64)


def cure_rate(days_late: Array, willingness: Array, shocked: Array, push: Array | float = 0.0) -> Floats:
    """Daily rate of paying what is overdue; `push` is what collections add to its log."""
    usual = np.array(CURE)[np.minimum(days_late // 30, 3)]
    return np.asarray(usual * np.exp(0.35 * willingness + SHOCKED_CURE * shocked + push), dtype=np.float64)


def default_chance(who: Borrower, stress: float, term: Array) -> Floats:
    """Chance of 90 days past due within 365 days of being lent, in an economy that stays as it is.

    `waiting[shocked][n]` is the chance of standing before a due date with `n` instalments unpaid from before.
    """
    waiting = np.zeros((2, 3, len(who.index)))
    waiting[0, 0], waiting[1, 0] = 1.0 - who.shocked, who.shocked
    defaulted = np.zeros(len(who.index))
    rows = [_Month(who, stress, shocked) for shocked in (0, 1)]
    for due in range(1, LAST_DUE + 3):
        waiting = _shocks_move(waiting, who.shock_chance)
        bills = (due <= term) & (due <= LAST_DUE)
        for shocked, month in enumerate(rows):
            waiting[shocked], rolled = month.passes(waiting[shocked], bills)
            defaulted += rolled
    return np.asarray(np.where(who.never_pays, 1.0, np.clip(defaulted, 0, 1)), dtype=np.float64)


class _Month:
    """What a month from a due date to the next does to the chances of those who are, or are not, shocked."""

    def __init__(self, who: Borrower, stress: float, shocked: int) -> None:
        self._miss = missing(who.index + stress + SHOCKED_INDEX * shocked)
        rates = (cure_rate(np.array([late]), who.willingness, np.array([shocked])) for late in (0, 30, 60))
        self._stays = [np.exp(-MONTH * rate) for rate in rates]

    def passes(self, waiting: Floats, bills: Array) -> tuple[Floats, Floats]:
        """The chances before the next due date, and of having defaulted on the way."""
        left = np.where(bills, PREPAY, 0.0) * waiting[0]
        missed = np.where(bills, self._miss, 0.0) * (waiting[0] - left)
        late = (missed, waiting[1], waiting[2])
        rolled = [part * stays for part, stays in zip(late, self._stays, strict=True)]
        paid = [before - after for before, after in zip(late, rolled, strict=True)]
        in_part = [np.zeros_like(missed), PARTLY * paid[1], PARTLY * paid[2]]
        current = waiting[0] - left - missed + sum(paid) - sum(in_part)
        return np.stack([current, rolled[0] + in_part[1], rolled[1] + in_part[2]]), rolled[2]


def _shocks_move(waiting: Floats, begins: Array) -> Floats:
    well, shocked = waiting
    return np.stack([well * (1 - begins) + shocked * SHOCK_ENDS, well * begins + shocked * (1 - SHOCK_ENDS)])
