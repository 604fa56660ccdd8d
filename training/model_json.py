"""A CatBoost model as CatBoost's own JSON, which says every split, border and leaf of it, and back."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any


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


def to_cbm(booster: Any) -> bytes:
    """The model as the bytes of a `.cbm`, without the time and the random id that CatBoost writes into it."""
    metadata = booster.get_metadata()
    metadata["train_finish_time"] = ""
    metadata["model_guid"] = ""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.cbm"
        booster.save_model(str(path))
        return path.read_bytes()
