"""Population stability: PSI on the reference's own bins, freed of what chance alone gives a small sample.

PSI = Σ (pᵢ − qᵢ) ln(pᵢ / qᵢ) over the bins, q the reference's and p the current shares. Two samples of the same
population, of n and m rows, are expected to show about (bins − 1)(1/n + 1/m): with 300 rows and ten bins 0.03, a third
of the customary limit 0.1. Levels are therefore decided on the corrected value, raw − expected.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from training.evaluation import NORMAL_95

Floats = NDArray[np.float64]
# Added to every bin that either sample has rows in, so that an empty one leaves the logarithm finite.
PRIOR = 0.5


class DriftError(ValueError):
    """Two samples cannot be compared; the message says why."""


@dataclass(frozen=True, slots=True)
class Psi:
    """PSI as measured, as expected without any drift, their difference, and the 95 % interval of the difference."""

    raw: float
    expected: float
    low: float
    high: float
    n: int

    @property
    def corrected(self) -> float:
        """What is left of the raw value after chance; about 0, and at times under it, without drift."""
        return self.raw - self.expected


def psi(reference: ArrayLike, current: ArrayLike) -> Psi:
    """PSI of the counts of `current` against those of `reference`, bin by bin."""
    q_counts, p_counts = _paired(reference, current)
    q, n_reference = _shares(q_counts)
    p, n_current = _shares(p_counts)
    raw = float(np.sum((p - q) * np.log(p / q)))
    chance = 1 / n_reference + 1 / n_current
    expected = (len(q) - 1) * chance
    # Without drift the value is chi-squared and its variance 2(bins - 1)chance²; with drift it follows its gradient in
    # the shares, whose estimate has 4(bins - 1)chance² of the noise in it.
    noise = 2 * (len(q) - 1) * chance**2
    gradient = _variance(np.log(p / q) + 1 - q / p, p, n_current) + _variance(np.log(q / p) + 1 - p / q, q, n_reference)
    variance = max(gradient - noise, noise)
    half = NORMAL_95 * np.sqrt(variance)
    corrected = raw - expected
    return Psi(raw, expected, float(corrected - half), float(corrected + half), round(n_current))


def _paired(reference: ArrayLike, current: ArrayLike) -> tuple[Floats, Floats]:
    q, p = np.asarray(reference, dtype=np.float64), np.asarray(current, dtype=np.float64)
    if q.shape != p.shape or q.ndim != 1:
        raise DriftError(f"{q.shape} reference bins but {p.shape} current ones; expected the same bins")
    if q.sum() <= 0 or p.sum() <= 0:
        raise DriftError(f"{q.sum():.0f} reference rows and {p.sum():.0f} current ones; expected some of both")
    seen = q + p > 0
    return q[seen], p[seen]


def _shares(counts: Floats) -> tuple[Floats, float]:
    return (counts + PRIOR) / (counts.sum() + PRIOR * len(counts)), float(counts.sum())


def _variance(gradient: Floats, shares: Floats, n: float) -> float:
    """Variance of a function of multinomial shares, by the delta method."""
    return float((np.sum(shares * gradient**2) - np.sum(shares * gradient) ** 2) / n)
