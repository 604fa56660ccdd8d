import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from catboost import CatBoost, Pool

from serving.leaves import number_splits

RANDOM = np.random.default_rng(0)


def fitted(tmp_path: Path, **parameters: Any) -> tuple[CatBoost, dict[str, Any]]:
    numbers = RANDOM.normal(size=(400, 5)).astype(np.float32)
    numbers[RANDOM.random(numbers.shape) < 0.1] = np.nan
    labels = (np.nansum(numbers[:, :2], axis=1) > 0).astype(int)
    model = CatBoost(
        {"iterations": 30, "loss_function": "Logloss", "logging_level": "Silent", "allow_writing_files": False}
        | parameters
    )
    model.fit(Pool(numbers, labels))
    model.save_model(str(tmp_path / "model.json"), format="json")
    return model, json.loads((tmp_path / "model.json").read_text())


def on_the_borders(description: dict[str, Any]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Rows whose every number lies on a border, is missing, or is as large as can be."""
    rows = np.empty((600, 5), dtype=np.float32)
    for position, entry in enumerate(description["features_info"]["float_features"]):
        extremes = [np.nan, np.finfo(np.float32).max, -np.finfo(np.float32).max]
        rows[:, position] = RANDOM.choice(np.array([*entry["borders"], *extremes], dtype=np.float32), 600)
    return rows


@pytest.mark.parametrize("nan_mode", ["Min", "Max"])
@pytest.mark.parametrize("depth", [1, 6, 8])
def test_a_row_falls_into_the_leaves_that_catboost_finds(tmp_path: Path, nan_mode: str, depth: int) -> None:
    model, description = fitted(tmp_path, depth=depth, nan_mode=nan_mode)
    splits = number_splits(description)
    assert splits is not None
    rows = on_the_borders(description)
    assert np.array_equal([splits.leaves(row) for row in rows], model.calc_leaf_indexes(Pool(rows)))


def test_deeper_trees_are_left_to_catboost(tmp_path: Path) -> None:
    _, description = fitted(tmp_path, depth=9, iterations=2)
    assert number_splits(description) is None
