"""The leaf of each oblivious tree that a row of numbers falls into, without CatBoost's own objects.

For one row CatBoost needs over 100 µs to take its inputs in and 60 µs to answer; all splits of all trees compared at
once in NumPy need some 20 µs. Exact: numbers and borders are float32 on both sides, and a missing number goes where
the model was told to send it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

DEEPEST = 8
"""Splits of a tree that fit a byte, which is how a leaf is put together."""


@dataclass(frozen=True)
class NumberSplits:
    """Every split of a model that splits on numbers alone, tree after tree, each tree padded to a byte's eight."""

    inputs: NDArray[np.intp]
    """For each split, the position of its number."""
    borders: NDArray[np.float32]
    """A number above its border takes the upper branch; nothing is above infinity, which pads."""
    high: NDArray[np.intp]
    """Positions of the numbers that are above every border when missing."""

    def leaves(self, numbers: NDArray[np.float32]) -> NDArray[np.uint8]:
        """The leaf in each tree of one row of inputs, NaN where missing."""
        if len(self.high):
            numbers = numbers.copy()
            numbers[self.high] = np.where(np.isnan(numbers[self.high]), np.inf, numbers[self.high])
        # A missing number is above nothing, as NaN compares; a tree's first split is the lowest bit of its leaf.
        return np.packbits(numbers[self.inputs] > self.borders, bitorder="little")


def number_splits(model: Mapping[str, Any]) -> NumberSplits | None:
    """The splits of a model from CatBoost's JSON of it; None when it has others than of numbers, or deeper trees."""
    trees: list[Sequence[Mapping[str, Any]]] = [tree["splits"] or [] for tree in model["oblivious_trees"]]
    entries = model["features_info"].get("float_features") or []
    plain = all(split["split_type"] == "FloatFeature" for tree in trees for split in tree)
    if not plain or not entries or any(len(tree) > DEEPEST for tree in trees):
        return None
    inputs = np.zeros((len(trees), DEEPEST), dtype=np.intp)
    borders = np.full((len(trees), DEEPEST), np.inf, dtype=np.float32)
    for row, tree in enumerate(trees):
        for level, split in enumerate(tree):
            inputs[row, level], borders[row, level] = split["float_feature_index"], split["border"]
    high = [entry["feature_index"] for entry in entries if entry.get("nan_value_treatment") == "AsTrue"]
    return NumberSplits(inputs.ravel(), borders.ravel(), np.array(high, dtype=np.intp))
