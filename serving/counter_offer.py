"""The counter-offer: the largest amount that would be approved, found with the code that decides."""

from dataclasses import dataclass, replace
from math import ceil, floor, inf

import numpy as np

from serving.applications import Application, Applications, Circumstances, Context
from serving.money import least_steps, money, moneys, whole_steps
from serving.policy import CounterOffer, RiskPolicy
from serving.single_verdict import Known, Single, judge_single
from serving.verdict import Assessed, Verdict, judge, tied_to
from training.score import Floats


def counter_offers(known: Assessed, applications: Applications, context: Context, verdict: Verdict) -> Floats:
    """The amount offered to each row, NaN where there is none.

    An offer is a multiple of the policy's step that `judge` approves. It is found by bisection: the largest where
    approval only ends as the amount rises; with rules of another shape still one that is approved.
    """
    none = np.full(len(applications), np.nan)
    terms, amount = known.risk.counter_offer, applications.amount
    if terms is None:
        return none
    wanted = tied_to("amount", verdict, known.problems) & (amount > 0) & np.isfinite(amount)
    if not wanted.any():
        return none
    steps = Steps.of(known.risk, terms)
    most = np.minimum(np.nan_to_num(amount), np.nan_to_num(verdict.limit)).tolist()
    high = np.array([steps.within(one) if row else 0 for one, row in zip(most, wanted, strict=True)], dtype=np.float64)
    low = np.full(len(amount), float(steps.least))
    wanted &= high >= low
    return _bisect(known, applications, context, steps, low, high, wanted) if wanted.any() else none


@dataclass(frozen=True, slots=True)
class Steps:
    """Amounts that may be offered, as multiples of the policy's step."""

    step: float
    least: int
    exact: bool

    @classmethod
    def of(cls, risk: RiskPolicy, terms: CounterOffer) -> "Steps":
        """Those of a policy; its first edition divides and multiplies without rounding."""
        exact = risk.edition > 1
        least = least_steps(terms.smallest, terms.step) if exact else ceil(terms.smallest / terms.step)
        return cls(terms.step, least, exact)

    def within(self, amount: float) -> int:
        """How many steps an amount holds."""
        return whole_steps(amount, self.step) if self.exact else floor(amount / self.step)

    def amount(self, steps: int) -> float:
        """What so many steps are."""
        return money(steps * self.step) if self.exact else float(steps * self.step)

    def amounts(self, steps: Floats) -> Floats:
        """`amount` of each."""
        return moneys(steps * self.step) if self.exact else steps * self.step


def _bisect(
    known: Assessed,
    applications: Applications,
    context: Context,
    steps: Steps,
    low: Floats,
    high: Floats,
    wanted: np.ndarray,
) -> Floats:
    def approved(count: Floats) -> np.ndarray:
        asked = replace(applications, amount=np.where(wanted, steps.amounts(count), applications.amount))
        return np.asarray(judge(known, asked, context).severity == 0)

    whole = approved(high)
    if whole[wanted].all():
        return np.where(wanted, steps.amounts(high), np.nan)
    possible = wanted & (whole | approved(low))
    # Below: approved. Above: not approved.
    below, above = np.where(whole, high, low), high
    while (open_rows := possible & ~whole & (above - below > 1)).any():
        middle = np.where(open_rows, np.floor((below + above) / 2), below)
        good = approved(middle)
        below = np.where(open_rows & good, middle, below)
        above = np.where(open_rows & ~good, middle, above)
    return np.where(possible, steps.amounts(below), np.nan)


def offer_single(known: Known, asked: Application, found: Circumstances, verdict: Single) -> float | None:
    """The amount that `counter_offers` offers one application, without arrays."""
    terms, amount = known.risk.counter_offer, asked.amount
    if terms is None or amount is None or not 0 < amount < inf or not verdict.tied_to("amount"):
        return None

    steps = Steps.of(known.risk, terms)

    def approved(count: int) -> bool:
        return judge_single(known, replace(asked, amount=steps.amount(count)), found).severity == 0

    low, high = steps.least, steps.within(min(amount, verdict.limit))
    if high < low:
        return None
    if approved(high):
        return steps.amount(high)
    if not approved(low):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if approved(middle) else (low, middle)
    return steps.amount(low)
