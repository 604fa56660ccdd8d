"""Decisions as Arrow columns, a row each: what `Decisions.one` gives one by one, with the same bits, for millions.

Reasons are codes with the points that each moved; what a code says to a customer is in the release's policy.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from serving.decisions import FAVOURABLE, Decisions
from serving.problems import Problems
from serving.scoring import Flags
from training.score import Floats

Numbers = NDArray[np.intp]


def decision_columns(decisions: Decisions, key: str, entities: pa.Array) -> pa.Table:
    """The decisions on `entities`, in their order; a number or grade that a row has not is null."""
    scored = ~decisions.problems.unscored
    columns: dict[str, Any] = {key: entities, "outcome": _words(decisions.outcome)}
    columns |= {"probability": _numbers(decisions.probability)} | _of_risk(decisions)
    columns["reasons"] = _reasons(decisions)
    columns["base"] = _numbers(np.where(scored, decisions.base, np.nan))
    explained = (decisions.shown >= 0) & scored[:, None]
    columns["contributions"] = _weighed(
        explained, decisions.shown, _taken(decisions.points, decisions.shown), decisions.codes
    )
    columns["other"] = _numbers(np.where(scored, _others(decisions.points, decisions.shown), np.nan))
    columns["clipped"] = _numbers(np.where(scored, decisions.clipped, np.nan))
    columns["problems"] = _problems(decisions.problems)
    flags = [rows for _, rows in decisions.open_rules]
    columns["open_rules"] = _named([name for name, _ in decisions.open_rules], _beside(flags, len(decisions)))
    return pa.table(columns)


def _of_risk(decisions: Decisions) -> dict[str, pa.Array]:
    if decisions.kind != "risk":
        return {}
    return {
        "score": _numbers(decisions.score),
        "grade": _words(decisions.grade),
        "limit": _numbers(decisions.limit),
        "confirmations": pa.array(decisions.confirmations.astype(np.int8)),
        "counter_offer": _numbers(decisions.counter_offer),
        "counter_change": _changes(decisions),
    }


def _reasons(decisions: Decisions) -> pa.Array:
    """As `Decisions._reasons`: what is told, then the contributions that pushed the same way; a code once."""
    favourable, rows = np.isin(decisions.outcome, FAVOURABLE), len(decisions)
    given = [(cause.reason.code, cause.rows) for cause in decisions.told]
    said: dict[str, Flags] = {}
    causes: list[Flags] = []
    for code, flags in given:
        before = said.setdefault(code, np.zeros(rows, dtype=bool))
        causes.append(np.greater(flags, before))
        said[code] = np.logical_or(before, flags)
    told = (decisions.passes == favourable) & ~decisions.problems.unscored
    points = _taken(decisions.points, decisions.shown)
    pushed = (decisions.shown >= 0) & told[:, None] & ((points > 0) == favourable[:, None])
    for place, code in enumerate(decisions.codes):
        if code in said:  # a rule may be called as a reason is
            pushed &= ~((decisions.shown == place) & said[code][:, None])
    words = [*decisions.codes, *(code for code, _ in given)]
    caused = np.broadcast_to(np.arange(len(decisions.codes), len(words)), (rows, len(given)))
    numbers = np.concatenate([caused, decisions.shown], axis=1)
    weights = np.concatenate([np.full((rows, len(given)), np.nan), points], axis=1)
    return _weighed(np.concatenate([_beside(causes, rows), pushed], axis=1), numbers, weights, words)


def _others(points: Floats, shown: Numbers) -> Floats:
    """What the contributions that are not shown add up to, summed in the order in which one row's are."""
    whole, count = points.sum(axis=1), (shown >= 0).sum(axis=1)
    listed = np.zeros(len(points))
    for shown_here in np.unique(count[count > 0]):
        rows = np.flatnonzero(count == shown_here)
        places = shown[rows]
        taken = places[places >= 0].reshape(len(rows), shown_here)
        listed[rows] = points[rows[:, None], taken].sum(axis=1)
    return np.asarray(whole - listed)


def _problems(problems: Problems) -> pa.Array:
    """What was wrong, as `missing utilisation` or `late all`."""
    kinds = problems.kinds().items()
    names = [f"{kind} {name}" for kind, (about, _) in kinds for name in about]
    return _named(names, np.concatenate([flags for _, (_, flags) in kinds], axis=1))


def _changes(decisions: Decisions) -> pa.Array:
    kind = pa.struct([("field", pa.string()), ("number", pa.float64()), ("text", pa.string())])
    told: list[dict[str, Any] | None] = [None] * len(decisions)
    for row, change in decisions.counter_changes.items():
        told[row] = {"field": change.field, "text" if isinstance(change.to, str) else "number": change.to}
    return pa.array(told, kind)


def _taken(points: Floats, places: Numbers) -> Floats:
    return points[np.arange(len(points))[:, None], places]


def _beside(flags: Sequence[Flags], rows: int) -> Flags:
    return np.stack(flags, axis=1) if flags else np.zeros((rows, 0), dtype=bool)


def _named(names: Sequence[str], flags: Flags) -> pa.Array:
    """A list for each row of the names whose flag it has."""
    return pa.ListArray.from_arrays(_offsets(flags), _dictionary(np.nonzero(flags)[1], names))


def _weighed(flags: Flags, numbers: Numbers, points: Floats, codes: Sequence[str]) -> pa.Array:
    """A list for each row of flagged codes with their points; NaN becomes null."""
    values = pa.StructArray.from_arrays(
        [_dictionary(numbers[flags], codes), _numbers(points[flags])], names=["code", "points"]
    )
    return pa.ListArray.from_arrays(_offsets(flags), values)


def _offsets(flags: Flags) -> pa.Array:
    return pa.array(np.concatenate([[0], np.cumsum(flags.sum(axis=1))]).astype(np.int32))


def _dictionary(numbers: Numbers, words: Sequence[str]) -> pa.Array:
    # As plain text: dictionaries that differ from chunk to chunk cannot be read as one table by everyone.
    return pa.array(list(words), pa.string()).take(pa.array(numbers))


def _numbers(values: Floats) -> pa.Array:
    return pa.array(values, from_pandas=True)


def _words(values: NDArray[np.str_]) -> pa.Array:
    """Text, each word once until it is written; "" becomes null."""
    words, numbers = np.unique(values, return_inverse=True)
    return pa.array([word or None for word in words.tolist()], pa.string()).take(pa.array(numbers.ravel()))
