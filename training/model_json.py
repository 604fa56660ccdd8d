"""A CatBoost model as CatBoost's own JSON, which says every split, border and leaf of it, and back."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from features.permitted import FeatureColumn


def describe(booster: Any) -> dict[str, Any]:
    """CatBoost's JSON of a model."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        booster.save_model(str(path), format="json")
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found


def rebuild(description: Mapping[str, Any]) -> Any:
    """A CatBoost model from its JSON."""
    from catboost import CatBoost

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        path.write_text(json.dumps(description), encoding="utf-8")
        return CatBoost().load_model(str(path), format="json")


def with_silent(info: Mapping[str, Any], columns: Sequence[FeatureColumn]) -> dict[str, Any]:
    """The `features_info` of a model's JSON with further inputs that no split asks about; numbers before categories."""
    floats = list(info.get("float_features") or [])
    categories = list(info.get("categorical_features") or [])
    for column in columns:
        entry = {"feature_id": column.name, "feature_name": column.name}
        if column.dtype == "float":
            floats.append({**entry, "has_nans": False, "nan_value_treatment": "AsIs", "borders": []})
        else:
            categories.append({**entry, "values": []})
    for place, entry in enumerate([*floats, *categories]):
        entry["flat_feature_index"] = place
    for entries in (floats, categories):
        for place, entry in enumerate(entries):
            entry["feature_index"] = place
    return {**info, "float_features": floats, "categorical_features": categories}


def to_cbm(booster: Any) -> bytes:
    """The model as the bytes of a `.cbm`, without the time and the random id that CatBoost writes into it."""
    metadata = booster.get_metadata()
    metadata["train_finish_time"] = ""
    metadata["model_guid"] = ""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.cbm"
        booster.save_model(str(path))
        return path.read_bytes()
