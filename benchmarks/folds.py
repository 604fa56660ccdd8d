"""Random folds: the outer ones that quality reports on, and cross-validation within rows."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.frames import Rows
from training.boosted import fit_boosted
from training.estimators import Fit
from training.score import Floats, Labels

OUTER_SEED = 20_250_101
FOLDS = 3


def outer_folds(labels: Labels) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """(learned, tested) rows of the stratified folds that quality reports on."""
    return stratified(labels, OUTER_SEED)


def stratified(labels: Labels, seed: int) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """(learned, tested) rows of `FOLDS` folds with equal shares of events."""
    from sklearn.model_selection import StratifiedKFold

    for _, tested in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(labels, labels):
        inside = np.zeros(len(labels), dtype=bool)
        inside[tested] = True
        yield ~inside, inside


def cross_validated(rows: Rows, seed: int, fit: Fit = fit_boosted) -> Floats:
    """Raw log-odds of every row from a model of the other folds."""
    raw = np.empty(len(rows.labels))
    for learned, tested in stratified(rows.labels, seed):
        part = rows.part(learned)
        raw[tested] = fit(part.spec, part.frame, part.columns, part.labels).log_odds(rows.frame.filter(tested))
    return raw
