"""Whether a canary does harm: the decisions of both arms, the limits of the policy, and no more than they allow.

It is looked at again and again, so chance is given more room than in a single test: intervals are of 99.9 %. Each limit
is broken only by a whole interval beyond it: of a rate Wilson's, of a difference of two rates Newcombe's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from serving.policy import CanaryLimits
from training.fairness import newcombe, wilson

NORMAL_999 = 3.290526731491926
SLOWEST = 0.01
"""The share of decisions that are slower than the 99th percentile."""
FEWEST_TIMED = 100
"""Decisions of each of both without which nothing is said of a 99th percentile."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One decision of a canary: what it came to, without the person it is about."""

    favourable: bool
    degraded: bool
    failed: bool = False
    seconds: float | None = None


@dataclass(frozen=True)
class Broken:
    """A limit that is broken, and the figures in words."""

    limit: str
    why: str


def broken(limits: CanaryLimits, champion: Sequence[Judged], canary: Sequence[Judged]) -> Broken | None:
    """The first limit that the decisions of the canary break beside the champion's; None: it keeps to all."""
    if len(canary) < limits.minimum:
        return None
    answered = [one for one in canary if not one.failed]
    return (
        _errors(limits, canary)
        or _degraded(limits, champion, answered)
        or _approvals(limits, champion, answered)
        or _latency(limits, champion, answered)
    )


def _errors(limits: CanaryLimits, canary: Sequence[Judged]) -> Broken | None:
    failed, n = sum(one.failed for one in canary), len(canary)
    low, _ = wilson(failed, n, NORMAL_999)
    if low <= limits.error_rate:
        return None
    why = f"the challenger failed at {failed:,} of {n:,} requests (at least {low:.1%})"
    return Broken("error_rate", f"{why}; allowed are {limits.error_rate:.1%}")


def _degraded(limits: CanaryLimits, champion: Sequence[Judged], canary: Sequence[Judged]) -> Broken | None:
    mine, theirs = _share([one.degraded for one in canary]), _share([one.degraded for one in champion])
    if not (mine[1] and theirs[1]):
        return None
    low, rise, _ = newcombe(mine, theirs, NORMAL_999)
    if low <= limits.degraded_rise:
        return None
    why = f"{mine[0]:,} of {mine[1]:,} decisions lack fresh features, {theirs[0]:,} of {theirs[1]:,} of the champion's"
    return Broken("degraded_rise", f"{why}: {_points(rise)} more; allowed are {_points(limits.degraded_rise)}")


def _approvals(limits: CanaryLimits, champion: Sequence[Judged], canary: Sequence[Judged]) -> Broken | None:
    mine, theirs = _share([one.favourable for one in canary]), _share([one.favourable for one in champion])
    if not (mine[1] and theirs[1]):
        return None
    low, difference, high = newcombe(mine, theirs, NORMAL_999)
    if -limits.approval_difference <= high and low <= limits.approval_difference:
        return None
    why = f"approved {mine[0]:,} of {mine[1]:,}, the champion {theirs[0]:,} of {theirs[1]:,}"
    allowed = f"allowed are {_points(limits.approval_difference)} either way"
    return Broken("approval_difference", f"{why}: {_points(difference)}; {allowed}")


def _latency(limits: CanaryLimits, champion: Sequence[Judged], canary: Sequence[Judged]) -> Broken | None:
    theirs = sorted(one.seconds for one in champion if one.seconds is not None)
    mine = [one.seconds for one in canary if one.seconds is not None]
    if min(len(theirs), len(mine)) < FEWEST_TIMED:
        return None
    usual = theirs[int((1 - SLOWEST) * (len(theirs) - 1))]
    longest = limits.latency_ratio * usual
    slow = sum(seconds > longest for seconds in mine)
    if wilson(slow, len(mine), NORMAL_999)[0] <= SLOWEST:
        return None
    why = f"{slow:,} of {len(mine):,} decisions took over {1e3 * longest:.1f} ms"
    return Broken("latency_ratio", f"{why}, {limits.latency_ratio:g} times the champion's 99th percentile")


def _share(flags: Sequence[bool]) -> tuple[int, int]:
    return sum(flags), len(flags)


def _points(share: float) -> str:
    return f"{100 * share:+.1f} points" if share < 0 else f"{100 * share:.1f} points"
