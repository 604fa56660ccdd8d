"""Group fairness of decisions: gaps between groups with 95 % intervals; small groups are named, never hidden.

Interval of a rate: Wilson. Of a gap: Newcombe's hybrid of the two Wilson intervals, widened (Bonferroni) for having
looked at every pair of groups. Of a ratio: Katz on the logarithm, widened the same way.
"""

import itertools
from math import comb, exp, inf, log, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from features.documents import Document

SMALLEST_GROUP = 100
MISSING = "(missing)"


class GroupRate(Document):
    """The rate in one group (None without rows), its Wilson interval, and how many rows it rests on."""

    rate: float | None
    low: float
    high: float
    n: int


class Gap(Document):
    """A comparison of the groups with the highest and the lowest rate; `small` groups were left out of it.

    Value and interval are None when fewer than two groups are large enough, or nobody was approved.
    """

    value: float | None
    low: float | None
    high: float | None
    highest: str
    lowest: str
    by_group: dict[str, GroupRate]
    small: tuple[str, ...]


def approval_gap(approved: ArrayLike, *, groups: ArrayLike, smallest: int = SMALLEST_GROUP) -> Gap:
    """Highest minus lowest approval rate over the groups (demographic parity difference)."""
    return _difference(_counts(approved, groups), smallest)


def true_positive_gap(
    deserving: ArrayLike, approved: ArrayLike, *, groups: ArrayLike, smallest: int = SMALLEST_GROUP
) -> Gap:
    """Gap of the approval rates among the deserving: who repaid, or who converted (equal opportunity)."""
    return _difference(_counts(approved, groups, np.asarray(deserving, dtype=bool)), smallest)


def false_positive_gap(
    deserving: ArrayLike, approved: ArrayLike, *, groups: ArrayLike, smallest: int = SMALLEST_GROUP
) -> Gap:
    """Gap of the approval rates among those who did not deserve it."""
    return _difference(_counts(approved, groups, ~np.asarray(deserving, dtype=bool)), smallest)


def adverse_impact_ratio(approved: ArrayLike, *, groups: ArrayLike, smallest: int = SMALLEST_GROUP) -> Gap:
    """Lowest over highest approval rate; under 0.8 fails the four-fifths rule."""
    counts = _counts(approved, groups)
    kept, small = _split(counts, smallest)
    if len(kept) < 2:
        return _no_gap(counts, small)
    highest, lowest = _extremes(kept)
    if kept[highest][0] == 0:
        return _no_gap(counts, small)
    low, value, high = _ratio(kept[lowest], kept[highest], _widened(len(kept)))
    return Gap(value=value, low=low, high=high, highest=highest, lowest=lowest, by_group=_rates(counts), small=small)


def banded(values: ArrayLike, bounds: tuple[float, ...]) -> NDArray[np.str_]:
    """Numbers as the names of bands: under the first bound, `from–below`, from the last bound on; NaN is missing."""
    numbers = np.asarray(values, dtype=np.float64)
    names = [f"under {bounds[0]:g}", *(f"{a:g}–{b:g}" for a, b in itertools.pairwise(bounds))]
    labels = np.array([*names, f"{bounds[-1]:g} and over"])
    return np.where(
        np.isnan(numbers), MISSING, labels[np.searchsorted(bounds, numbers, side="right").clip(0, len(bounds))]
    )


def wilson(hits: int, n: int, z: float) -> tuple[float, float]:
    """Wilson's score interval of a rate."""
    if n == 0:
        return 0.0, 1.0
    rate, spread = hits / n, z * z / n
    half = z * sqrt(rate * (1 - rate) / n + spread / (4 * n))
    low, high = ((rate + spread / 2 + side * half) / (1 + spread) for side in (-1, 1))
    # At 0 and n the formula is exact but for rounding.
    return (0.0 if hits == 0 else low), (1.0 if hits == n else high)


Counts = dict[str, tuple[int, int]]


def _counts(flags: ArrayLike, groups: ArrayLike, among: NDArray[np.bool_] | None = None) -> Counts:
    """(hits, rows) of each group, in the order of the names."""
    values = np.asarray(flags, dtype=bool)
    names = np.array([MISSING if name is None else str(name) for name in np.asarray(groups, dtype=object)], dtype=str)
    if values.shape != names.shape:
        raise ValueError(f"{values.shape} decisions but {names.shape} groups; expected one group a decision")
    every, member = np.unique(names, return_inverse=True)
    kept = np.ones(len(values), dtype=bool) if among is None else among
    rows = np.bincount(member[kept], minlength=len(every))
    hits = np.bincount(member[kept], weights=values[kept], minlength=len(every)).astype(int)
    return {str(name): (int(hit), int(n)) for name, hit, n in zip(every, hits, rows, strict=True)}


def _split(counts: Counts, smallest: int) -> tuple[Counts, tuple[str, ...]]:
    kept = {name: pair for name, pair in counts.items() if pair[1] >= smallest}
    return kept, tuple(name for name in counts if name not in kept)


def _difference(counts: Counts, smallest: int) -> Gap:
    kept, small = _split(counts, smallest)
    if len(kept) < 2:
        return _no_gap(counts, small)
    highest, lowest = _extremes(kept)
    low, value, high = newcombe(kept[highest], kept[lowest], _widened(len(kept)))
    return Gap(
        value=value, low=max(low, 0.0), high=high, highest=highest, lowest=lowest, by_group=_rates(counts), small=small
    )


def newcombe(upper: tuple[int, int], lower: tuple[int, int], z: float) -> tuple[float, float, float]:
    """Newcombe's hybrid interval of a difference of two rates, (hits, rows) each: low, value, high."""
    (p1, (l1, u1)), (p2, (l2, u2)) = ((hits / n, wilson(hits, n, z)) for hits, n in (upper, lower))
    value = p1 - p2
    return value - sqrt((p1 - l1) ** 2 + (u2 - p2) ** 2), value, value + sqrt((u1 - p1) ** 2 + (p2 - l2) ** 2)


def _ratio(lower: tuple[int, int], upper: tuple[int, int], z: float) -> tuple[float, float, float]:
    value = (lower[0] / lower[1]) / (upper[0] / upper[1])
    # Half a row keeps the logarithm finite when a group has no approval at all.
    hits = [max(lower[0], 0.5), upper[0]]
    error = sqrt(sum(max(1 / hit - 1 / n, 0) for hit, (_, n) in zip(hits, (lower, upper), strict=True)))
    centre = log((hits[0] / lower[1]) / (hits[1] / upper[1]))
    return (exp(centre - z * error) if lower[0] else 0.0), value, exp(centre + z * error)


def _extremes(counts: Counts) -> tuple[str, str]:
    """Names of the groups with the highest and the lowest rate; the first by name among equals."""
    rates = {name: hits / n for name, (hits, n) in counts.items()}
    highest = max(rates, key=lambda name: rates[name])
    return highest, min((name for name in rates if name != highest), key=lambda name: rates[name])


def _rates(counts: Counts) -> dict[str, GroupRate]:
    z = _widened(2)
    return {
        name: GroupRate(rate=hits / n if n else None, low=wilson(hits, n, z)[0], high=wilson(hits, n, z)[1], n=n)
        for name, (hits, n) in counts.items()
    }


def _widened(groups: int) -> float:
    """The normal quantile of 95 % over all pairs of groups together."""
    return NormalDist().inv_cdf(1 - 0.05 / (2 * comb(groups, 2))) if groups > 1 else inf


def _no_gap(counts: Counts, small: tuple[str, ...]) -> Gap:
    """Nothing to compare: too few groups are large enough, or nobody was approved."""
    only = next((name for name in counts if name not in small), "")
    return Gap(value=None, low=None, high=None, highest=only, lowest=only, by_group=_rates(counts), small=small)
