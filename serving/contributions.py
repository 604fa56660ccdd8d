"""Exact SHAP contributions of a CatBoost model, read from a table with one row for each leaf of each tree.

CatBoost's trees are oblivious, so which splits a row passes, and with it the tree's SHAP vector, depends on its leaf
alone: the vectors are computed once when a model is loaded, and explaining a row is a gather and a sum. A tree's
game (Lundberg et al. 2020, path-dependent) has one player for each distinct input of its splits. As in CatBoost, a
split on a statistic of categories (CTR) is credited to these, in equal parts, not to the numbers combined with them.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import combinations
from math import factorial
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from training.score import Floats

Integers = NDArray[np.int64]
Player = tuple[int, ...]
"""Sorted positions, among the model's inputs, of the inputs one split is credited to."""

CHUNK = 16_384
"""Rows that a thread explains at a time, at most: bounds the memory of a batch."""
WORTH = 4096
"""Rows that a thread is worth: a request's thousand are explained by the thread that answers."""
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class UnsupportedModel(ValueError):
    """The model is not one of oblivious trees with one output; the message says what it is."""


@dataclass(frozen=True)
class LeafTable:
    """Contributions to the raw log-odds: `rows` is (leaves of all trees) x columns, `first` a tree's first row."""

    rows: Floats
    first: Integers
    base: float

    def grouped(self, groups: Sequence[Sequence[int]]) -> "LeafTable":
        """The same table with the columns of each group added up."""
        columns = [self.rows[:, list(group)].sum(axis=1) for group in groups]
        return LeafTable(np.ascontiguousarray(np.column_stack(columns)), self.first, self.base)

    def explain(self, leaves: NDArray[np.integer[Any]]) -> Floats:
        """Contributions (rows x columns) of rows whose leaf in each tree is given (rows x trees)."""
        if len(leaves) == 1:
            return self.explain_single(leaves[0])[None]
        total = np.empty((len(leaves), self.rows.shape[1]))

        def explain(part: slice) -> None:
            total[part] = self._chunk(leaves[part]).T

        threads, parts = _parts(len(leaves))
        if len(parts) == 1:
            explain(parts[0])
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(explain, parts))
        return total

    def _chunk(self, leaves: NDArray[np.integer[Any]]) -> Floats:
        """Contributions, columns x rows: what is gathered and added lies side by side in memory.

        Tree by tree, in the order in which one row's sum runs: a batch gives the same bits as its rows alone.
        """
        total = np.zeros((self.rows.shape[1], len(leaves)))
        taken = np.empty((max((len(block) for _, block in self._by_tree), default=0), len(leaves)))
        for tree, (columns, block) in zip(np.ascontiguousarray(leaves.T), self._by_tree, strict=True):
            # One gather for all columns of a tree: shorter ones would leave Python, which threads share, no time off.
            block.take(tree.astype(np.intp), axis=1, out=taken[: len(block)], mode="clip")
            for column, values in zip(columns, taken, strict=False):
                total[column] += values
        return total

    @cached_property
    def _by_tree(self) -> list[tuple[list[int], Floats]]:
        """For each tree the columns that it adds to, six at most of a tree of depth 6, and these (columns x leaves)."""
        trees = np.split(self.rows, self.first[1:]) if len(self.first) else []
        columns = [np.flatnonzero(tree.any(axis=0)) for tree in trees]
        return [
            (used.tolist(), np.ascontiguousarray(tree[:, used].T)) for tree, used in zip(trees, columns, strict=True)
        ]

    def explain_single(self, leaves: NDArray[np.integer[Any]]) -> Floats:
        """Contributions of one row whose leaf in each tree is given."""
        taken = self.rows.take(self.first + leaves, axis=0)
        if taken.shape[1] == 1 and len(taken):
            return cast(Floats, np.add.accumulate(taken)[-1])  # a single column NumPy would not add up in order
        return cast(Floats, taken.sum(axis=0))


def _parts(rows: int) -> tuple[int, list[slice]]:
    """Threads, and what they explain: parts as large as each other, so that threads end together."""
    threads = max(1, min(CORES, rows // WORTH))
    count = threads * max(1, -(-rows // (threads * CHUNK)))
    return threads, [slice(rows * part // count, rows * (part + 1) // count) for part in range(count)]


def fill_empty_leaves(model: dict[str, Any]) -> bool:
    """Add one training row to every leaf of each tree that has a value in a leaf of none; True: there was such a tree.

    Only a monotone constraint gives a leaf a value that no training row reached, and a row that reaches it later has
    to be explained too. CatBoost then counts the rows it is asked about as training rows, so that its answer for
    one row depends on the others; one row a leaf is the smallest change that gives every row one explanation.
    """
    filled = False
    for tree in model.get("oblivious_trees", ()):
        values, weights = tree["leaf_values"], tree["leaf_weights"]
        if any(value and not weight for value, weight in zip(values, weights, strict=True)):
            tree["leaf_weights"] = [weight + 1 for weight in weights]
            filled = True
    return filled


def leaf_table(model: Mapping[str, Any]) -> LeafTable:
    """The table of a model, from CatBoost's JSON of it."""
    if "oblivious_trees" not in model:
        raise UnsupportedModel(f"the model has {sorted(model)}; expected oblivious_trees (grow_policy SymmetricTree)")
    scale, bias = model["scale_and_bias"]
    if len(bias) != 1:
        raise UnsupportedModel(f"the model has {len(bias)} outputs; expected one: the log-odds of the event")
    split_players, inputs = _split_players(model["features_info"])
    tables, means = [], []
    for tree in model["oblivious_trees"]:
        players = [split_players(split) for split in tree["splits"] or []]
        table, mean = _tree_table(players, np.array(tree["leaf_values"]), np.array(tree["leaf_weights"]), inputs)
        tables.append(table)
        means.append(mean)
    sizes = [len(table) for table in tables]
    rows = np.concatenate(tables) if tables else np.zeros((0, inputs))
    return LeafTable(scale * rows, np.cumsum([0, *sizes[:-1]]), float(bias[0] + scale * sum(means)))


def _split_players(info: Mapping[str, Any]) -> tuple[Callable[[Mapping[str, Any]], Player], int]:
    """A function from a split to its player, and the number of inputs of the model."""
    floats: list[int] = [entry["flat_feature_index"] for entry in info.get("float_features") or []]
    categories: list[int] = [entry["flat_feature_index"] for entry in info.get("categorical_features") or []]
    borders = sum(len(entry.get("borders") or []) for entry in info.get("float_features") or [])
    one_hot = sum(len(entry.get("values") or []) for entry in info.get("categorical_features") or [])
    # Splits on statistics carry only their number: borders of numbers come first, then one-hot values, then these.
    statistics = [_categories_of(ctr, categories) for ctr in info.get("ctrs") or [] for _ in ctr["borders"]]

    def player(split: Mapping[str, Any]) -> Player:
        if split["split_type"] == "FloatFeature":
            return (floats[split["float_feature_index"]],)
        if split["split_type"] == "OneHotFeature":
            return (categories[split["cat_feature_index"]],)
        if split["split_type"] == "OnlineCtr":
            return statistics[int(split["split_index"]) - borders - one_hot]
        raise UnsupportedModel(f"a split is of type {split['split_type']}; expected a number, a one-hot value or a CTR")

    return player, len(floats) + len(categories)


def _categories_of(ctr: Mapping[str, Any], categories: Sequence[int]) -> Player:
    elements = [element for element in ctr["elements"] if element["combination_element"] == "cat_feature_value"]
    return tuple(sorted({categories[element["cat_feature_index"]] for element in elements}))


def _tree_table(players: Sequence[Player], values: Floats, weights: Floats, inputs: int) -> tuple[Floats, float]:
    """SHAP vector of each leaf (leaves x inputs), and the tree's mean over the training rows."""
    distinct = list(dict.fromkeys(players))
    numbers = tuple(distinct.index(player) for player in players)
    # CatBoost numbers a leaf with the first split as its lowest bit and walks from the last split down.
    expected = _expectations(values, weights, numbers[::-1], len(distinct))
    shares = _shapley_weights(len(distinct)) @ expected
    table = np.zeros((len(values), inputs))
    for player, share in zip(distinct, shares, strict=True):
        for position in player:
            table[:, position] += share / len(player)
    return table, float(expected[0, 0])


def _expectations(values: Floats, weights: Floats, path: Sequence[int], players: int) -> Floats:
    """The tree's mean for each coalition (2^players) and leaf, given that its players' splits go the leaf's way."""
    depth = len(path)
    cover = [weights.astype(float).reshape((2,) * depth)]
    while cover[0].ndim:
        cover.insert(0, cover[0].sum(axis=-1))
    leaf = values.reshape((2,) * depth)
    # No training row reached a node of no weight: no path leads there.
    shares = [_ratio(cover[level + 1], cover[level][..., None]) for level in range(depth)]
    result = np.empty((2**players, len(values)))
    for coalition in range(2**players):
        mean = leaf
        for level in reversed(range(depth)):
            if not coalition >> path[level] & 1:
                share = shares[level].reshape(shares[level].shape + (1,) * (depth - level - 1))
                mean = (share * mean).sum(axis=level, keepdims=True)
        result[coalition] = np.broadcast_to(mean, leaf.shape).ravel()
    return result


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


@lru_cache(maxsize=32)
def _shapley_weights(players: int) -> Floats:
    """players x 2^players: each coalition's weight in each player's Shapley value."""
    weights = np.zeros((players, 2**players))
    for player in range(players):
        others = [other for other in range(players) if other != player]
        for size in range(players):
            weight = factorial(size) * factorial(players - size - 1) / factorial(players)
            for coalition in combinations(others, size):
                without = sum(1 << other for other in coalition)
                weights[player, without] -= weight
                weights[player, without | 1 << player] += weight
    return weights
