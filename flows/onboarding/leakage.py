"""How well one column alone tells the outcomes apart: so well that it must have been written after them?"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from training.evaluation import OneClass, auc_value

TOO_GOOD = 0.98
"""AUC from which a single column is taken to be a leak: no honest application field comes near."""
SUSPICIOUS = 0.90
LEAST_OF_EACH = 8
SAMPLE = 50_000
BINS = 50


def separation(column: pl.Series, outcome: NDArray[np.int8]) -> float:
    """AUC (at least 0.5) of `column` for `outcome`: of its order and, out of fold, of the event rates of its values.

    The second finds a column that is perfect but not monotone, or whose being missing says it all.
    """
    if min(outcome.sum(), len(outcome) - outcome.sum()) < LEAST_OF_EACH:
        return 0.5
    step = max(1, len(outcome) // SAMPLE)
    column, outcome = column.gather_every(step), outcome[::step]
    rates = _auc(_rates_out_of_fold(_cells(column), outcome), outcome)
    if not column.dtype.is_numeric() or column.count() < LEAST_OF_EACH:
        return rates
    present = column.is_not_null().to_numpy()
    ordered = _auc(column.drop_nulls().cast(pl.Float64).to_numpy(), outcome[present])
    # The order counts only as far as it reaches: among half of the rows it tells half of the story.
    share = float(present.mean())
    return max(rates, share * max(ordered, 1 - ordered) + (1 - share) * 0.5)


def _auc(values: NDArray[np.float64], outcome: NDArray[np.int8]) -> float:
    """The AUC; 0.5 where only one class is present, as nothing can be told apart then."""
    try:
        return auc_value(outcome, values)
    except OneClass:
        return 0.5


def _cells(column: pl.Series) -> NDArray[np.int64]:
    """Values as small whole numbers: categories, or quantile bins of a number with many values; missing is one."""
    if column.dtype.is_numeric() and column.n_unique() > BINS:
        edges = np.unique(
            np.quantile(column.drop_nulls().cast(pl.Float64).to_numpy(), np.linspace(0, 1, BINS + 1)[1:-1])
        )
        cells = np.searchsorted(edges, column.cast(pl.Float64).fill_null(0).to_numpy(), side="right")
        return np.where(column.is_null().to_numpy(), -1, cells).astype(np.int64) + 1
    return column.cast(pl.String).rank("dense").fill_null(0).to_numpy().astype(np.int64)


def _rates_out_of_fold(cells: NDArray[np.int64], outcome: NDArray[np.int8]) -> NDArray[np.float64]:
    """Each row's event rate among the other half's rows of its cell, drawn towards the mean where there are few."""
    half = np.arange(len(cells)) % 2
    rates = np.empty(len(cells))
    for side in (0, 1):
        others = half != side
        mean = float(outcome[others].mean())
        events = np.bincount(cells[others], weights=outcome[others], minlength=cells.max() + 1)
        count = np.bincount(cells[others], minlength=cells.max() + 1)
        rates[half == side] = ((events + mean) / (count + 1))[cells[half == side]]
    return rates
