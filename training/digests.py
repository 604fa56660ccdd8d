"""SHA-256 of what a training depends on, so that a second run finds what the first one made."""

import hashlib
import json
from collections.abc import Sequence
from datetime import date
from functools import cache
from pathlib import Path

import polars as pl

from features.digests import rows_digest
from features.permitted import FeatureColumn
from training.inputs import input_order
from training.spec import ModelSpec


def inputs_digest(
    name: str,
    spec: ModelSpec,
    frame: pl.DataFrame,
    columns: Sequence[FeatureColumn],
    groups: Sequence[str],
    as_of: date,
) -> str:
    """The digest of everything `train` is given, and of the code that trains."""
    described = {
        "name": name,
        "spec": spec.model_dump(mode="json"),
        "columns": [vars(column) for column in input_order(columns)],
        "groups": list(groups),
        "as_of": f"{as_of}",
        "code": code_digest(),
        "data": frame_digest(frame),
    }
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


def frame_digest(frame: pl.DataFrame) -> str:
    """The digest of a frame's schema and values, in their order; without a copy of them."""
    return rows_digest(frame)


@cache
def code_digest() -> str:
    """The digest of the source files of `training/` that a model depends on: all but those that only show it."""
    whole = hashlib.sha256()
    folder = Path(__file__).parent
    for path in [*sorted(folder.glob("*.py")), *sorted(folder.glob("brought/*.py"))]:
        if path.stem not in {"plots", "facts"}:
            whole.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()
