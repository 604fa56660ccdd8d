"""CatBoost: trees with monotone constraints where the sign is known, stored as `.cbm`."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar, cast

import numpy as np
import polars as pl

from features.permitted import FeatureColumn
from training.estimators import EstimatorError, check_classes
from training.inputs import Inputs, Rows, encode, input_order, names_of
from training.model_json import to_cbm
from training.score import Floats, Labels
from training.spec import ModelSpec

THREADS = 2
"""Cores for large fits and for predictions; the trees are the same with any number (tested)."""

SMALL = 100_000
"""Rows under which CatBoost's threads mostly wait for each other: it gets one, and several fits run side by side."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class Boosted:
    """A fitted CatBoost model, held as the bytes of its `.cbm`."""

    columns: tuple[FeatureColumn, ...]
    cbm: bytes

    @cached_property
    def model(self) -> Any:
        """The loaded `catboost.CatBoost`."""
        from catboost import CatBoost

        return CatBoost().load_model(blob=self.cbm)

    def log_odds(self, frame: pl.DataFrame, rows: Rows | None = None) -> Floats:
        """Raw log-odds of the event, one for each row of `frame`, or of `rows` of it."""
        inputs = encode(frame, self.columns, rows)
        if not len(inputs.numbers):
            return np.empty(0)
        raw = self.model.predict(_pool(inputs, self.columns, None), thread_count=THREADS)
        return cast(Floats, np.asarray(raw, dtype=np.float64))

    def importance(self, frame: pl.DataFrame) -> dict[str, float]:
        """Mean absolute SHAP value (log-odds) of each input over the rows of `frame`, largest first."""
        pool = _pool(encode(frame, self.columns), self.columns, None)
        shap = self.model.get_feature_importance(pool, type="ShapValues", thread_count=THREADS)
        means = np.abs(shap[:, :-1]).mean(axis=0)
        names = [column.name for column in self.columns]
        return dict(sorted(zip(names, map(float, means), strict=True), key=lambda item: (-item[1], item[0])))

    def dump(self) -> bytes:
        """The `.cbm`, without the time and the random id that CatBoost writes into it."""
        return self.cbm


def fit_boosted(
    spec: ModelSpec,
    frame: pl.DataFrame,
    columns: Sequence[FeatureColumn],
    labels: Labels,
    rows: Rows | None = None,
) -> Boosted:
    """CatBoost fitted with the parameters, constraints and seed of `spec` on `frame`, or on `rows` of it.

    `labels` are of the rows it is fitted on.
    """
    from catboost import CatBoost, CatBoostError

    check_classes(labels)
    ordered = input_order(columns)
    model = CatBoost(_parameters(spec, ordered, len(labels)))
    try:
        model.fit(_pool(encode(frame, ordered, rows), ordered, labels))
    except CatBoostError as error:
        raise EstimatorError(
            f"CatBoost cannot learn from {len(labels)} rows of {len(ordered)} features: {error}"
        ) from error
    return Boosted(ordered, to_cbm(model))


def side_by_side(fits: Sequence[Callable[[], Result]], rows: int) -> list[Result]:
    """The results of independent fits on up to `rows` rows, several at a time when these are few."""
    if rows >= SMALL or len(fits) == 1:
        return [fit() for fit in fits]
    with ThreadPoolExecutor(THREADS, "fit") as threads:
        return list(threads.map(lambda fit: fit(), fits))


def load_boosted(cbm: bytes, columns: Sequence[FeatureColumn]) -> Boosted:
    """A stored model; its feature names must be those of `columns`, in their order."""
    loaded = Boosted(tuple(columns), cbm)
    expected = [column.name for column in columns]
    if loaded.model.feature_names_ != expected:
        raise EstimatorError(f"the model reads {loaded.model.feature_names_}; expected {expected}")
    return loaded


def _parameters(spec: ModelSpec, columns: Sequence[FeatureColumn], rows: int) -> dict[str, Any]:
    parameters = {
        **spec.estimator.model_dump(exclude_none=True),
        "loss_function": "Logloss",
        "boosting_type": "Plain",
        "bootstrap_type": "Bernoulli",
        "random_seed": spec.seed,
        "thread_count": 1 if rows < SMALL else THREADS,
        "allow_writing_files": False,
        "logging_level": "Silent",
    }
    signs = {name: sign for name, sign in spec.monotone.items() if name in names_of(columns, "float")}
    return {**parameters, "monotone_constraints": signs} if signs else parameters


def _pool(inputs: Inputs, columns: Sequence[FeatureColumn], labels: Labels | None) -> Any:
    from catboost import FeaturesData, Pool

    numbers, categories = names_of(columns, "float"), names_of(columns, "category")
    data = FeaturesData(
        num_feature_data=inputs.numbers if numbers else None,
        cat_feature_data=inputs.categories if categories else None,
        num_feature_names=numbers or None,
        cat_feature_names=categories or None,
    )
    return Pool(data, None if labels is None else labels.astype(np.int32))
