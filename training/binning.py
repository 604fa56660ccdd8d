"""Optimal bins of one feature, by optbinning."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.score import Floats, Labels

PREBINS = 12
LARGEST_CATEGORIES = 40
"""Rarer categories than the 40 largest share one weight of evidence: none of them says anything alone."""


def number_cuts(values: Floats, labels: Labels, bins: int, sign: int | None) -> tuple[float, ...]:
    """Cut points of a number, ascending; none when it tells nothing. `sign` is the known direction of its effect."""
    known = ~np.isnan(values)
    if len(np.unique(values[known])) < 2 or len(np.unique(labels[known])) < 2:
        return ()
    trend = {1: "ascending", -1: "descending", None: "auto_heuristic"}[sign]
    fitted = _fitted("numerical", values[known], labels[known], bins, trend)
    return tuple(float(cut) for cut in fitted.splits)


def category_groups(words: NDArray[np.object_], labels: Labels, bins: int) -> tuple[tuple[str, ...], ...]:
    """Groups of categories, from the lowest event rate up; categories too rare to place are in none."""
    names, counts = np.unique(words.astype(str), return_counts=True)
    kept = np.isin(words.astype(str), names[np.argsort(-counts, kind="stable")][:LARGEST_CATEGORIES])
    if len(np.unique(words[kept].astype(str))) < 2 or len(np.unique(labels[kept])) < 2:
        return ()
    fitted = _fitted("categorical", words[kept].astype(str).astype(object), labels[kept], bins, "auto")
    return tuple(tuple(sorted(str(word) for word in group)) for group in fitted.splits)


def _fitted(dtype: str, values: Any, labels: Labels, bins: int, trend: str) -> Any:
    from optbinning import OptimalBinning

    binning = OptimalBinning(
        dtype=dtype,
        solver="cp",
        monotonic_trend=trend,
        max_n_prebins=PREBINS,
        max_n_bins=bins,
        min_prebin_size=0.02,
        time_limit=5,
    )
    return binning.fit(values, labels)
