"""The brought model that `models.yaml` names: its file read, checked against its digest and matched to the features."""

import hashlib
from functools import partial
from pathlib import Path

import polars as pl

from features.permitted import FeatureColumn
from features.spec import FeatureSpec
from training.brought.catboost_file import inputs_of, notes_on, open_cbm, renamed
from training.brought.inputs import Matched, Wanted, match
from training.brought.model import BroughtError, BroughtModel, Kind, Origin
from training.brought.points import PointsCard
from training.brought.points_file import read_points
from training.brought.points_trees import scorecard_cbm
from training.spec import Brought, ModelSpec

LARGEST_FILE = 200 * 2**20
REMEDY = "look at it, and bring it again with `lendloop model import`"


def read_brought(folder: Path, spec: ModelSpec, features: FeatureSpec) -> BroughtModel:
    """The model that `spec.brought` names in the portfolio's `folder`, or `BroughtError` with a line for each fault."""
    brought = spec.brought
    assert brought is not None  # only called when there is one
    path = folder / brought.file
    content = read_file(path)
    found = hashlib.sha256(content).hexdigest()
    if found != brought.sha256:
        raise BroughtError(f"{path}: has SHA-256 {found[:12]}…, models.yaml says {brought.sha256[:12]}…; {REMEDY}")
    return take(path, content, brought, spec, features)


def read_file(path: Path) -> bytes:
    """The bytes of a model file."""
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise BroughtError(f"{path}: has {size / 2**20:,.0f} MiB; expected at most {LARGEST_FILE / 2**20:,.0f}")
        return path.read_bytes()
    except OSError as error:
        raise BroughtError(
            f"{path}: cannot be read: {error.strerror or error}; expected a .cbm or a .csv file"
        ) from None


def take(path: Path, content: bytes, brought: Brought, spec: ModelSpec, features: FeatureSpec) -> BroughtModel:
    """The model in `content`; faults carry the name of the file at `path`."""
    try:
        return (
            _of_points(content, brought, spec, features)
            if path.suffix == ".csv"
            else _of_cbm(content, brought, spec, features)
        )
    except BroughtError as error:
        raise BroughtError("\n".join(_placed(path, line) for line in str(error).splitlines())) from None


def _placed(path: Path, line: str) -> str:
    """A fault with its file; one that begins with a line number goes straight after it."""
    return f"{path}:{line}" if line.split(":")[0].isdigit() else f"{path}: {line}"


def _of_cbm(content: bytes, brought: Brought, spec: ModelSpec, features: FeatureSpec) -> BroughtModel:
    booster, description = open_cbm(content)
    matched = _matched(inputs_of(booster, description), brought, spec, features)
    cbm = renamed(booster, description, matched.columns, content)
    notes = [*notes_on(description), *_unread(matched)]
    return BroughtModel(_origin("cbm", brought, notes), content, matched.columns, True, lambda _: cbm)


def _of_points(content: bytes, brought: Brought, spec: ModelSpec, features: FeatureSpec) -> BroughtModel:
    card, inputs = read_points(content)
    matched = _matched(inputs, brought, spec, features)
    notes = [] if card.scale else ["it states no scale: what a point is worth is found on the held-out data"]
    weigh = partial(_weigh, card, spec.kind, matched.columns)
    origin = _origin("scorecard", brought, [*notes, *_unread(matched)])
    return BroughtModel(origin, content, matched.columns, card.scale is not None, weigh)


def _weigh(card: PointsCard, kind: str, columns: tuple[FeatureColumn, ...], frame: pl.DataFrame) -> bytes:
    return scorecard_cbm(card, kind, [column.name for column in columns], frame)


def _matched(inputs: list[Wanted], brought: Brought, spec: ModelSpec, features: FeatureSpec) -> Matched:
    matched = match(inputs, brought.names, features, spec.service)
    if matched.faults:
        raise BroughtError("\n".join(matched.faults))
    return matched


def _unread(matched: Matched) -> list[str]:
    if not matched.unread:
        return []
    shown = ", ".join(matched.unread[:5]) + (", …" if len(matched.unread) > 5 else "")
    return [f"{len(matched.unread)} features of the service are not read by it: {shown}"]


def _origin(kind: Kind, brought: Brought, notes: list[str]) -> Origin:
    given = brought.model_dump(include={"file", "sha256", "by", "learned_until"})
    return Origin(kind=kind, notes=tuple(notes), **given)
