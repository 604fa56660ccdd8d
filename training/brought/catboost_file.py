"""A `.cbm` as another house made it: what it reads, whether its reasons can be exact, and it under our names."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.permitted import FeatureColumn
from training.brought.inputs import Wanted
from training.brought.model import BroughtError
from training.model_json import describe, rebuild, to_cbm, with_silent

LOSSES = ("Logloss", "CrossEntropy")
"""Losses whose output is the log-odds of the event."""
TOLERANCE = 1e-9
SAMPLE = 256
UNEXPLAINED = "for which there are no exact reasons: expected numbers and categories only"
SHAPE = "exact reasons rest on one table of leaves, which only symmetric trees have"


def open_cbm(content: bytes) -> tuple[Any, dict[str, Any]]:
    """The model and CatBoost's JSON of it, or why it is none that can be explained exactly."""
    from catboost import CatBoost, CatBoostError

    try:
        booster = CatBoost().load_model(blob=content)
    except (CatBoostError, ValueError) as error:
        raise BroughtError(
            f"is no .cbm that CatBoost can load: {_short(error)}; save it with save_model(…, format='cbm')"
        ) from None
    try:
        description = describe(booster)
    except CatBoostError as error:
        kind = "text" if "text" in str(error) else "embedding"
        raise BroughtError(f"reads {kind} features, {UNEXPLAINED} ({_short(error)})") from None
    if faults := _unexplainable(description):
        raise BroughtError("\n".join(faults))
    return booster, description


def inputs_of(booster: Any, description: Mapping[str, Any]) -> list[Wanted]:
    """What the model reads: numbers first, then categories, each in its own order."""
    names = booster.feature_names_
    floats, categories = _entries(description)
    numbers = [Wanted(names[entry["flat_feature_index"]], "float") for entry in floats]
    return numbers + [Wanted(names[entry["flat_feature_index"]], "category") for entry in categories]


def notes_on(description: Mapping[str, Any]) -> list[str]:
    """What a risk officer should know of the file: its event, and what it does with what it has never seen missing."""
    found = []
    classes = _json(description.get("model_info", {}).get("class_params")).get("class_names")
    if isinstance(classes, list) and len(classes) == 2:
        found.append(f"its event is the class {classes[1]!r}, not {classes[0]!r}")
    floats, _ = _entries(description)
    if blind := sum(entry.get("nan_value_treatment") == "AsIs" for entry in floats):
        found.append(
            f"{blind} of its {len(floats)} numbers were never missing where it learned; one that is "
            "counts as the lowest"
        )
    return found


def renamed(
    booster: Any,
    description: Mapping[str, Any],
    columns: Sequence[FeatureColumn],
    silent: Sequence[FeatureColumn],
    content: bytes,
) -> bytes:
    """The `.cbm` with the portfolio's names, numbers before categories; `content` itself where it has them already.

    `silent`: further inputs, which no tree asks about.
    """
    if not silent and booster.feature_names_ == [column.name for column in columns]:
        return content
    made = json.loads(json.dumps(description))
    floats, categories = _entries(made)
    for entry, column in zip([*floats, *categories], columns, strict=True):
        entry.update(feature_id=column.name, feature_name=column.name)
    made["features_info"] = with_silent(made["features_info"], silent)
    changed = rebuild(made)
    off = np.abs(_raw(booster, description) - _raw(changed, made)).max(initial=0)
    if off > TOLERANCE:
        raise BroughtError(
            f"under the portfolio's names it scores {off:.2g} off; name the inputs so when it is trained"
        )
    return to_cbm(changed)


def _unexplainable(description: Mapping[str, Any]) -> list[str]:
    faults = []
    if "oblivious_trees" not in description:
        faults.append(
            f"its trees are not symmetric (grow_policy Depthwise, Lossguide or Region): {SHAPE}; "
            "train it with grow_policy='SymmetricTree'"
        )
    if (outputs := len(description["scale_and_bias"][1])) != 1:
        faults.append(f"has {outputs} outputs, a multiclass model: expected one, the log-odds of the event")
    loss = _json(description.get("model_info", {}).get("params")).get("loss_function", {}).get("type")
    if loss and loss not in LOSSES and outputs == 1:
        faults.append(f"was trained for {loss}, so its output is no log-odds: expected {' or '.join(LOSSES)}")
    return faults


def _entries(description: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    info = description["features_info"]
    return list(info.get("float_features") or []), list(info.get("categorical_features") or [])


def _raw(booster: Any, description: Mapping[str, Any]) -> NDArray[np.float64]:
    """Log-odds of rows made up around the model's own borders: of the same rows whatever the order of its inputs."""
    import pandas as pd
    from catboost import Pool

    floats, categories = _entries(description)
    columns = dict[int, Any]()
    for number, entry in enumerate(floats):
        random = np.random.default_rng(number)
        borders = np.array(entry.get("borders") or [0.0])
        numbers = random.choice(borders, SAMPLE) + random.normal(0, 1, SAMPLE) * random.integers(0, 2, SAMPLE)
        columns[entry["flat_feature_index"]] = np.where(random.random(SAMPLE) < 0.1, np.nan, numbers)
    for number, entry in enumerate(categories):
        drawn = np.random.default_rng(10_000 + number).choice(["a", "yes", "no", "(missing)"], SAMPLE)
        columns[entry["flat_feature_index"]] = drawn
    frame = pd.DataFrame({str(place): columns[place] for place in sorted(columns)})
    words = [entry["flat_feature_index"] for entry in categories]
    frame.columns = booster.feature_names_
    raw: NDArray[np.float64] = booster.predict(Pool(frame, cat_features=words), prediction_type="RawFormulaVal")
    return raw


def _json(text: Any) -> dict[str, Any]:
    """Metadata that CatBoost writes as JSON; none where a model has no such."""
    try:
        found = json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[-160:]
