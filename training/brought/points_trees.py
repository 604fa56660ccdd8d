"""A points scorecard as a CatBoost model, exactly: a tree of one split for each step from a bin to the next.

A number's points are those of its lowest bin plus a step at each edge it reaches; a missing number counts as above
every edge, and one more split above the largest float32 tells it from any that is there. A category's are those of
`(other)` plus, at its one-hot split, the difference. What serves, explains and checks CatBoost models then serves,
explains and checks the scorecard.
"""

import itertools
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.permitted import FeatureColumn
from training.brought.points import CategoryPoints, NumberPoints, PointsCard
from training.inputs import MISSING
from training.model_json import rebuild, to_cbm, with_silent

LARGEST = float(np.finfo(np.float32).max)
SLIVER = 1e-9
"""Of a row, in every leaf: a bin that nobody of the population is in is still explained, against the population."""
Tree = dict[str, Any]


def scorecard_cbm(
    card: PointsCard, kind: str, names: Sequence[str], silent: Sequence[FeatureColumn], frame: pl.DataFrame
) -> bytes:
    """The `.cbm` whose raw log-odds are those of the points; `names` are the features in the order of the card's.

    `silent`: inputs beside them that no point depends on. The rows of `frame`, counted in each leaf, are the
    population against which reasons are told; scores do not depend on them.
    """
    constant, slope = card.log_odds(kind)
    numbers = [one for one in card.features if isinstance(one, NumberPoints)]
    categories = [one for one in card.features if isinstance(one, CategoryPoints)]
    hashes = category_hashes(sorted({word for one in categories for word in one.points}))
    # One tree for each split there is, in CatBoost's own order of splits, whose number in it is what it goes by.
    trees: list[Tree] = []
    for place, (number, name) in enumerate(zip(numbers, names[: len(numbers)], strict=True)):
        trees += _steps(place, number, slope, frame[name])
    for place, (category, name) in enumerate(zip(categories, names[len(numbers) :], strict=True)):
        trees += _differences(place, category, slope, frame[name], hashes)
    lowest = card.base + sum(one.points[0] if isinstance(one, NumberPoints) else one.other for one in card.features)
    for number_of_split, tree in enumerate(trees):
        tree["splits"][0]["split_index"] = number_of_split
    description = {
        "features_info": with_silent(_features_info(numbers, categories, names, hashes), silent),
        "oblivious_trees": trees,
        "scale_and_bias": [1, [constant + slope * lowest]],
        "model_info": {"params": {"flat_params": {"loss_function": "Logloss"}}},
    }
    return to_cbm(rebuild(description))


def category_hashes(words: Sequence[str]) -> dict[str, int]:
    """CatBoost's hash of each category, as it writes it beside a model of these categories."""
    from catboost import CatBoost, FeaturesData, Pool

    if not words:
        return {}
    rows = [*words, *({MISSING, "(other)"} - set(words))]
    data = FeaturesData(cat_feature_data=np.array(rows, dtype=object)[:, None], cat_feature_names=["category"])
    pool = Pool(data, np.arange(len(rows)) % 2)
    options = {"iterations": 1, "depth": 1, "loss_function": "Logloss", "one_hot_max_size": 255, "thread_count": 1}
    model = CatBoost({**options, "allow_writing_files": False, "logging_level": "Silent"}).fit(pool)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        model.save_model(str(path), format="json", pool=pool)
        listed = json.loads(path.read_text(encoding="utf-8"))["features_info"]["cat_features_hash"]
    found = {entry["value"]: _signed(entry["hash"]) for entry in listed}
    return {word: found[word] for word in words}


def border_under(edge: float) -> float:
    """The largest float32 under an edge: CatBoost asks whether a number is above its border, a bin whether from on."""
    return float(np.nextafter(np.float32(edge), np.float32(-np.inf)))


def _steps(place: int, number: NumberPoints, slope: float, values: pl.Series) -> Iterator[Tree]:
    present = values.cast(pl.Float32).fill_null(float("nan")).to_numpy()
    borders = [border_under(edge) for edge in number.edges] + [LARGEST]
    for border, (low, high) in zip(borders, itertools.pairwise(number.every()), strict=True):
        split = {"split_type": "FloatFeature", "float_feature_index": place, "border": border}
        yield _tree(split, slope * (high - low), np.isnan(present) | (present > border))


def _differences(
    place: int, category: CategoryPoints, slope: float, values: pl.Series, hashes: dict[str, int]
) -> Iterator[Tree]:
    words = values.cast(pl.String).fill_null(MISSING).to_numpy()
    for word in _in_order(category, hashes):
        split = {"split_type": "OneHotFeature", "cat_feature_index": place, "value": hashes[word]}
        yield _tree(split, slope * (category.points[word] - category.other), words == word)


def _tree(split: dict[str, Any], value: float, reached: NDArray[np.bool_]) -> Tree:
    inside = int(reached.sum())
    return {
        "splits": [split],
        "leaf_values": [0.0, value],
        "leaf_weights": [len(reached) - inside + SLIVER, inside + SLIVER],
    }


def _features_info(
    numbers: Sequence[NumberPoints], categories: Sequence[CategoryPoints], names: Sequence[str], hashes: dict[str, int]
) -> dict[str, Any]:
    floats = [
        {
            **_named(place, place, names[place]),
            "has_nans": True,
            "nan_value_treatment": "AsTrue",
            "borders": [*(border_under(edge) for edge in one.edges), LARGEST],
        }
        for place, one in enumerate(numbers)
    ]
    words = [
        {
            **_named(place, len(numbers) + place, names[len(numbers) + place]),
            "values": [hashes[word] for word in _in_order(one, hashes)],
        }
        for place, one in enumerate(categories)
    ]
    return {"float_features": floats, "categorical_features": words}


def _named(place: int, flat: int, name: str) -> dict[str, Any]:
    return {"feature_index": place, "flat_feature_index": flat, "feature_id": name, "feature_name": name}


def _in_order(category: CategoryPoints, hashes: dict[str, int]) -> list[str]:
    """The listed categories in the order of their hashes, in which CatBoost keeps them."""
    return sorted(category.points, key=lambda word: hashes[word])


def _signed(value: int) -> int:
    return value - 2**32 if value >= 2**31 else value
