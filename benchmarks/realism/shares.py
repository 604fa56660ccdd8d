"""Shares with the interval that chance alone leaves them (Wilson, 95 %)."""

import numpy as np
from scipy.stats import chi2_contingency

from benchmarks.realism.canvas import Values

Z = 1.96


def wilson(hits: Values, trials: Values) -> tuple[Values, Values]:
    """The lower and upper ends of shares; all of nothing to everything where nothing was tried."""
    count = np.maximum(np.asarray(trials, np.float64), 1e-9)
    share = np.asarray(hits, np.float64) / count
    middle = (share + Z**2 / (2 * count)) / (1 + Z**2 / count)
    half = Z * np.sqrt(share * (1 - share) / count + Z**2 / (4 * count**2)) / (1 + Z**2 / count)
    return np.clip(middle - half, 0, 1), np.clip(middle + half, 0, 1)


def bars(hits: Values, trials: Values) -> tuple[Values, Values]:
    """Shares, and how far the interval reaches below and above, as error bars want it."""
    low, high = wilson(hits, trials)
    share = np.asarray(hits, np.float64) / np.maximum(trials, 1e-9)
    return share, np.stack([np.maximum(share - low, 0), np.maximum(high - share, 0)])


def differ_by_chance(hits: Values, trials: Values) -> float:
    """The chance that shares differ as much as these if they were the same: chi-square."""
    found = chi2_contingency(np.stack([hits, np.asarray(trials) - hits]))
    return float(found.pvalue)
