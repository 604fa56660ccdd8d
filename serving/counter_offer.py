"""The counter-offer: the largest amount that would be approved, found with the code that decides."""

from dataclasses import replace
from math import ceil, floor, inf

import numpy as np

from serving.applications import Application, Applications, Circumstances, Context
from serving.policy import CounterOffer
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
    high = np.floor(np.minimum(np.nan_to_num(amount), np.nan_to_num(verdict.limit)) / terms.step)
    low = np.full(len(amount), np.ceil(terms.smallest / terms.step))
    wanted &= high >= low
    return _bisect(known, applications, context, terms, low, high, wanted) if wanted.any() else none


def _bisect(
    known: Assessed,
    applications: Applications,
    context: Context,
    terms: CounterOffer,
    low: Floats,
    high: Floats,
    wanted: np.ndarray,
) -> Floats:
    def approved(steps: Floats) -> np.ndarray:
        asked = replace(applications, amount=np.where(wanted, steps * terms.step, applications.amount))
        return np.asarray(judge(known, asked, context).severity == 0)

    whole = approved(high)
    if whole[wanted].all():
        return np.where(wanted, high * terms.step, np.nan)
    possible = wanted & (whole | approved(low))
    # Below: approved. Above: not approved.
    below, above = np.where(whole, high, low), high
    while (open_rows := possible & ~whole & (above - below > 1)).any():
        middle = np.where(open_rows, np.floor((below + above) / 2), below)
        good = approved(middle)
        below = np.where(open_rows & good, middle, below)
        above = np.where(open_rows & ~good, middle, above)
    return np.where(possible, below * terms.step, np.nan)


def offer_single(known: Known, asked: Application, found: Circumstances, verdict: Single) -> float | None:
    """The amount that `counter_offers` offers one application, without arrays."""
    terms, amount = known.risk.counter_offer, asked.amount
    if terms is None or amount is None or not 0 < amount < inf or not verdict.tied_to("amount"):
        return None

    def approved(steps: int) -> bool:
        return judge_single(known, replace(asked, amount=float(steps * terms.step)), found).severity == 0

    low, high = ceil(terms.smallest / terms.step), floor(min(amount, verdict.limit) / terms.step)
    if high < low:
        return None
    if approved(high):
        return float(high * terms.step)
    if not approved(low):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if approved(middle) else (low, middle)
    return float(low * terms.step)
