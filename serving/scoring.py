"""A released model in memory: checked inputs → exact contributions, calibrated log-odds and probability."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import add
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from features.permitted import FeatureColumn
from serving.checked import LARGEST, CheckedInputs, Column, Flags, check_inputs
from serving.contributions import LeafTable, fill_empty_leaves, leaf_table
from serving.leaves import NumberSplits, number_splits
from serving.policy import Policy, feature_kinds
from serving.reasons import group_inputs
from serving.rules import Kinds
from training.inputs import MISSING, Inputs, names_of
from training.model_json import describe, rebuild
from training.score import LARGEST_LOG_ODDS, Calibration, Floats, probability

__all__ = [
    "LARGEST",
    "CheckedInputs",
    "Column",
    "Flags",
    "Kind",
    "LoadedModel",
    "Scored",
    "UnfaithfulModel",
    "check_inputs",
    "explained",
    "leaves",
    "load_model",
    "raw_log_odds",
    "sample_inputs",
    "verified_splits",
    "verify",
]

Kind = Literal["risk", "propensity"]

TOLERANCE = 1e-9
SAMPLE = 64
AT_ONCE = 32_768
"""Rows whose leaves, a number for each tree, are held at a time."""
SMALL = 256
"""Rows under which a second thread costs more than it saves."""


class UnfaithfulModel(ValueError):
    """The contributions do not agree with CatBoost's own; the model must not decide."""


@dataclass(frozen=True)
class Scored:
    """Raw log-odds = base + contributions; log-odds and probability are calibrated."""

    contributions: Floats
    log_odds: Floats
    probability: Floats


@dataclass(frozen=True)
class LoadedModel:
    """A model of a release, with its contributions grouped by reason code; the last column is of no code."""

    name: str
    kind: Kind
    label: str
    columns: tuple[FeatureColumn, ...]
    calibration: Calibration
    codes: tuple[str, ...]
    table: LeafTable
    booster: Any
    splits: NumberSplits | None
    """What finds the leaves of a single row quickly; None: CatBoost does."""
    required: Flags
    """For each input, whether its absence must be looked at by a person."""

    @cached_property
    def views(self) -> dict[str, int]:
        """The feature views it reads, and the days after which each is stale."""
        return {column.view: column.freshness for column in self.columns}

    @cached_property
    def view_of(self) -> NDArray[np.intp]:
        """For each input, the position of its view in `views`."""
        return np.array([list(self.views).index(column.view) for column in self.columns], dtype=np.intp)

    @cached_property
    def position(self) -> dict[str, int]:
        """For each input, its position."""
        return {column.name: position for position, column in enumerate(self.columns)}

    @cached_property
    def kinds(self) -> Kinds:
        """For each input, whether rules see a number or a text."""
        return feature_kinds(self.columns)

    def score(self, inputs: Inputs) -> Scored:
        """Contributions, calibrated log-odds and probability of each row."""
        contributions = self._contributions(inputs)
        # Column by column: the same bits for a row alone, which Python adds up quicker, and for the row in a batch.
        if len(contributions) == 1:
            raw = np.array([reduce(add, contributions[0].tolist(), self.table.base)])
        else:
            raw = np.full(len(contributions), self.table.base)
            for column in range(contributions.shape[1]):
                raw += contributions[:, column]
        log_odds = self.calibration.log_odds(raw)
        return Scored(contributions, log_odds, probability(log_odds))

    def score_single(self, numbers: NDArray[np.float32]) -> tuple[Floats, float, float]:
        """The same of one row of numbers, found by `splits`: contributions, log-odds and probability."""
        assert self.splits is not None
        contributions = self.table.explain_single(self.splits.leaves(numbers))
        raw = reduce(add, contributions.tolist(), self.table.base)
        log_odds = self.calibration.slope * raw + self.calibration.intercept
        held = max(min(log_odds, LARGEST_LOG_ODDS), -LARGEST_LOG_ODDS)
        # NumPy's exp: the C library's may differ in the last bit.
        return contributions, log_odds, float(1.0 / (1.0 + np.exp(-held)))

    def _contributions(self, inputs: Inputs) -> Floats:
        rows = len(inputs.numbers)
        if rows <= AT_ONCE:
            return self.table.explain(self.leaves(inputs))
        # A batch's leaves are many times as large as its inputs.
        total = np.empty((rows, self.table.rows.shape[1]))
        for start in range(0, rows, AT_ONCE):
            part = slice(start, start + AT_ONCE)
            total[part] = self.table.explain(leaves(self.booster, inputs.part(part)))
        return total

    def leaves(self, inputs: Inputs) -> NDArray[Any]:
        """The leaf each row falls into, in each tree."""
        if self.splits is not None and len(inputs.numbers) == 1:
            return self.splits.leaves(inputs.numbers[0])[None]
        return leaves(self.booster, inputs)


def load_model(
    name: str,
    kind: Kind,
    label: str,
    cbm: bytes,
    columns: Sequence[FeatureColumn],
    calibration: Calibration,
    policy: Policy,
) -> LoadedModel:
    """A model from the bytes of its `.cbm`; its contributions are checked against CatBoost's own."""
    booster, full, splits = explained(name, cbm, columns)
    names = [column.name for column in columns]
    codes, groups = group_inputs(names, {code: reason.features for code, reason in policy.reasons.items()})
    required = np.array([column.name not in policy.optional for column in columns])
    table = full.grouped(groups)
    return LoadedModel(name, kind, label, tuple(columns), calibration, tuple(codes), table, booster, splits, required)


def explained(name: str, cbm: bytes, columns: Sequence[FeatureColumn]) -> tuple[Any, LeafTable, NumberSplits | None]:
    """The model and what explains it exactly; raises `UnsupportedModel` or `UnfaithfulModel` if nothing does."""
    from catboost import CatBoost

    booster = CatBoost().load_model(blob=cbm)
    names = [column.name for column in columns]
    if booster.feature_names_ != names:
        raise UnfaithfulModel(f"model {name!r} reads {booster.feature_names_}; its features are {names}")
    description = describe(booster)
    filled = rebuild(description) if fill_empty_leaves(description) else booster
    full = leaf_table(description)
    sample = sample_inputs(description, columns)
    verify(booster, filled, full, sample)
    return booster, full, verified_splits(description, booster, sample)


def leaves(booster: Any, inputs: Inputs) -> NDArray[np.uint32]:
    """The leaf each row falls into, in each tree."""
    threads = 1 if len(inputs.numbers) < SMALL else -1
    result: NDArray[np.uint32] = booster.calc_leaf_indexes(_pool(inputs), thread_count=threads)
    return result


def raw_log_odds(booster: Any, inputs: Inputs) -> Floats:
    """CatBoost's own log-odds of each row."""
    threads = 1 if len(inputs.numbers) < SMALL else -1
    return np.asarray(booster.predict(_pool(inputs), prediction_type="RawFormulaVal", thread_count=threads))


def verify(booster: Any, explained: Any, table: LeafTable, inputs: Inputs) -> None:
    """Compare the table with CatBoost: contributions with SHAP values of `explained`, sums with log-odds of `booster`.

    `explained` is the model itself, or the one rebuilt with rows in its empty leaves.
    """
    found, pool = table.explain(leaves(booster, inputs)), _pool(inputs)
    shap = explained.get_feature_importance(pool, type="ShapValues", thread_count=1)
    off = max(np.abs(found - shap[:, :-1]).max(initial=0), abs(table.base - shap[0, -1]))
    if off > TOLERANCE:
        raise UnfaithfulModel(f"contributions differ from CatBoost's SHAP values by {off:.2g}; expected {TOLERANCE:g}")
    off = np.abs(table.base + found.sum(axis=1) - raw_log_odds(booster, inputs)).max(initial=0)
    if off > TOLERANCE:
        raise UnfaithfulModel(f"contributions add up to {off:.2g} off CatBoost's log-odds; expected {TOLERANCE:g}")


def verified_splits(description: Mapping[str, Any], booster: Any, inputs: Inputs) -> NumberSplits | None:
    """The splits that answer for single rows, when they find the same leaves as CatBoost."""
    splits = number_splits(description)
    if splits is not None:
        found = np.array([splits.leaves(row) for row in inputs.numbers])
        if not np.array_equal(found, leaves(booster, inputs)):
            raise UnfaithfulModel("single rows fall into other leaves than CatBoost's; expected the same ones")
    return splits


def sample_inputs(description: Mapping[str, Any], columns: Sequence[FeatureColumn]) -> Inputs:
    """Made-up rows spread over the model's own borders, missing numbers and unknown categories among them."""
    random = np.random.default_rng(0)
    numbers = []
    for entry in description["features_info"].get("float_features") or []:
        borders = np.array(entry.get("borders") or [0.0])
        # Half of them on a border, where the branch hangs on the last bit.
        values = random.choice(borders, SAMPLE) + random.normal(0, 1e-3, SAMPLE) * random.integers(0, 2, SAMPLE)
        numbers.append(np.where(random.random(SAMPLE) < 0.1, np.nan, values))
    count = len(names_of(columns, "category"))
    words = random.choice(np.array([MISSING, "yes", "no", "other"], dtype=object), (SAMPLE, count))
    return Inputs(np.ascontiguousarray(np.array(numbers, dtype=np.float32).T.reshape(SAMPLE, -1)), words)


def _pool(inputs: Inputs) -> Any:
    from catboost import FeaturesData, Pool

    numbers, categories = inputs.numbers, inputs.categories
    data = FeaturesData(
        num_feature_data=numbers if numbers.shape[1] else None,
        cat_feature_data=categories if categories.shape[1] else None,
    )
    return Pool(data)
