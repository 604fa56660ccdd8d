"""SHA-256 of what a training depends on, so that a second run finds what the first one made."""

import hashlib
import json
from collections.abc import Sequence
from datetime import date
from functools import cache
from pathlib import Path

import polars as pl

from features.digests import RowsDigest
from features.permitted import FeatureColumn
from training.inputs import Rows, input_order
from training.spec import ModelSpec

PIECE_ROWS = 100_000


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


def frame_digest(frame: pl.DataFrame, rows: Rows | None = None) -> str:
    """The digest of a frame's schema and values, or of `rows` of it, in their order; a piece is copied at a time."""
    whole = RowsDigest(frame.schema)
    for at in range(0, frame.height, PIECE_ROWS):
        piece = frame.slice(at, PIECE_ROWS)
        whole.add(piece if rows is None else piece.filter(rows[at : at + PIECE_ROWS]))
    return whole.digest()


@cache
def code_digest() -> str:
    """The digest of the source files of `training/` that a model depends on: all but those that only show it."""
    whole = hashlib.sha256()
    folder = Path(__file__).parent
    for path in [*sorted(folder.glob("*.py")), *sorted(folder.glob("brought/*.py"))]:
        if path.stem not in {"plots", "facts"}:
            whole.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()
