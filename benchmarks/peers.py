"""What our models are compared with."""

from collections.abc import Sequence

import numpy as np

from benchmarks.folds import OUTER_SEED, stratified
from benchmarks.frames import Rows
from training.score import Floats


def untuned_catboost(rows: Rows, names: Sequence[str]) -> Floats:
    """CatBoost with its own defaults on the columns `names`, across the outer folds."""
    from catboost import CatBoostClassifier

    inputs = rows.frame.select(names).to_numpy().astype(np.float64)
    raw = np.empty(len(rows.labels))
    for learned, tested in stratified(rows.labels, OUTER_SEED):
        model = CatBoostClassifier(random_seed=0, thread_count=2, allow_writing_files=False, logging_level="Silent")
        model.fit(inputs[learned], rows.labels[learned])
        raw[tested] = model.predict(inputs[tested], prediction_type="RawFormulaVal")
    return raw
