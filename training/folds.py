"""Predictions for rows of entities the predicting model has not seen."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.permitted import FeatureColumn
from training.boosted import fit_boosted, side_by_side
from training.labels import LABEL
from training.score import Floats
from training.spec import ModelSpec


def entity_parts(keys: pl.Series, parts: int, seed: int) -> NDArray[np.int64]:
    """A part from 0 to parts - 1 for each row; an entity's rows share one, the parts hold equally many entities."""
    position = keys.rank("dense").to_numpy().astype(np.int64) - 1
    part = np.random.default_rng(seed).permutation(int(position.max(initial=-1)) + 1) % parts
    member: NDArray[np.int64] = part[position]
    return member


def sample_entities(keys: pl.Series, rows: int, seed: int) -> NDArray[np.bool_]:
    """Rows of so many randomly drawn entities that about `rows` are kept; all when there are no more than that."""
    if len(keys) <= rows:
        return np.ones(len(keys), dtype=bool)
    return entity_parts(keys, 1000, seed) < round(1000 * rows / len(keys))


def out_of_fold(spec: ModelSpec, frame: pl.DataFrame, columns: Sequence[FeatureColumn], keys: pl.Series) -> Floats:
    """Raw log-odds of every row from a model fitted on the folds that do not hold its entity."""
    fold = entity_parts(keys, spec.validation.folds, spec.seed)
    labels = frame[LABEL].to_numpy()
    raw = np.empty(frame.height)

    def predict(held: int) -> None:
        inside = fold == held
        model = fit_boosted(spec, frame.filter(~inside), columns, labels[~inside])
        raw[inside] = model.log_odds(frame.filter(inside))

    side_by_side([partial(predict, held) for held in range(spec.validation.folds)], frame.height)
    return raw
