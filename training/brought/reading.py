"""The brought model that `models.yaml` names: its file read, checked against its digest and matched to the features."""

import hashlib
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path

from features.permitted import FeatureColumn
from features.spec import FeatureSpec
from training.brought.catboost_file import inputs_of, notes_on, open_cbm, renamed
from training.brought.inputs import Matched, Wanted, match
from training.brought.model import BroughtError, BroughtModel, Kind, Origin
from training.brought.points_file import read_points
from training.brought.points_trees import scorecard_cbm
from training.inputs import input_order
from training.spec import Brought, ModelSpec

LARGEST_FILE = 200 * 2**20
Matching = Callable[[list[Wanted]], Matched]
REMEDY = "look at it, and bring it again with `lendloop model import PORTFOLIO MODEL FILE --by NAME`"


def read_brought(folder: Path, spec: ModelSpec, features: FeatureSpec, also: Collection[str] = ()) -> BroughtModel:
    """The model that `spec.brought` names in the portfolio's `folder`, or `BroughtError` with a line for each fault.

    `also`: features that the policy's rules look at, which are inputs too, of no effect where the model has none.
    """
    brought = spec.brought
    assert brought is not None  # only called when there is one
    path = folder / brought.file
    if not path.resolve().is_relative_to(folder.resolve()):
        raise BroughtError(f"{path}: is outside of the portfolio's folder; expected a file in it")
    content = read_file(path)
    found = hashlib.sha256(content).hexdigest()
    if found != brought.sha256:
        raise BroughtError(f"{path}: has SHA-256 {found[:12]}…, models.yaml says {brought.sha256[:12]}…; {REMEDY}")
    return take(path, content, brought, spec, features, also)


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


def take(
    path: Path, content: bytes, brought: Brought, spec: ModelSpec, features: FeatureSpec, also: Collection[str] = ()
) -> BroughtModel:
    """The model in `content`; faults carry the name of the file at `path`."""
    of = _of_points if path.suffix == ".csv" else _of_cbm
    try:
        return of(content, brought, spec, partial(_matched, brought=brought, spec=spec, features=features, also=also))
    except BroughtError as error:
        raise BroughtError("\n".join(_placed(path, line) for line in str(error).splitlines())) from None


def _placed(path: Path, line: str) -> str:
    """A fault with its file; one that begins with a line number goes straight after it."""
    return f"{path}:{line}" if line.split(":")[0].isdigit() else f"{path}: {line}"


def _of_cbm(content: bytes, brought: Brought, spec: ModelSpec, matching: Matching) -> BroughtModel:
    booster, description = open_cbm(content)
    matched = matching(inputs_of(booster, description))
    cbm = renamed(booster, description, matched.columns, matched.silent, content)
    notes = [*notes_on(description), *_unread(matched)]
    return BroughtModel(_origin("cbm", brought, notes), content, _columns(matched), True, lambda _: cbm)


def _of_points(content: bytes, brought: Brought, spec: ModelSpec, matching: Matching) -> BroughtModel:
    card, inputs = read_points(content)
    matched = matching(inputs)
    notes = [] if card.scale else ["it states no scale: what a point is worth is found on the held-out data"]
    weigh = partial(scorecard_cbm, card, spec.kind, [column.name for column in matched.columns], matched.silent)
    origin = _origin("scorecard", brought, [*notes, *_unread(matched)])
    return BroughtModel(origin, content, _columns(matched), card.scale is not None, weigh)


def _columns(matched: Matched) -> tuple[FeatureColumn, ...]:
    """What it reads and what it does not, numbers before categories: as `with_silent` has them."""
    return input_order([*matched.columns, *matched.silent])


def _matched(
    inputs: list[Wanted], brought: Brought, spec: ModelSpec, features: FeatureSpec, also: Collection[str]
) -> Matched:
    matched = match(inputs, brought.names, features, spec.service, also)
    if matched.faults:
        raise BroughtError("\n".join(matched.faults))
    return matched


def _unread(matched: Matched) -> list[str]:
    found = []
    if matched.silent:
        names = ", ".join(column.name for column in matched.silent)
        found.append(f"the policy's rules look at {names}, which it does not read: inputs of no effect on the score")
    if not matched.unread:
        return found
    shown = ", ".join(matched.unread[:5]) + (", …" if len(matched.unread) > 5 else "")
    return [*found, f"{len(matched.unread)} features of the service are not read by it: {shown}"]


def _origin(kind: Kind, brought: Brought, notes: list[str]) -> Origin:
    given = brought.model_dump(include={"file", "sha256", "by", "learned_until"})
    return Origin(kind=kind, notes=tuple(notes), **given)
