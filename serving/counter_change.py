"""The counter-offer in other terms: where no amount would be approved, the nearest change of one term that would.

Which terms, and which values of each, the policy says; they are of the loan, never of the person. Values are tried by
the code that decides, nearest first: by how many of the policy's steps one is away, then by the order of the terms
there, then the lower.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from serving.applications import Applications, Context
from serving.policy import Changeable, Changes
from serving.verdict import Assessed, Verdict, judge, tied_to
from training.score import Floats

Whole = TypeVar("Whole")
Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Change:
    """Another value of one term of an application, with which it would be approved."""

    field: Changeable
    to: float | str


def counter_changes(
    known: Assessed, applications: Applications, context: Context, verdict: Verdict, amounts: Floats
) -> dict[int, Change]:
    """The change offered to each row; none to one that is approved, or that another amount is offered."""
    changes = known.risk.counter_offer.changes if known.risk.counter_offer else None
    if changes is None:
        return {}
    tied = {term: tied_to(term, verdict, known.problems) & np.isnan(amounts) for term in changes.fields}
    rows = np.flatnonzero(np.logical_or.reduce([*tied.values()]))
    tries = [(int(row), one) for row in rows for one in _nearest(changes, applications, int(row), tied)]
    found: dict[int, Change] = {}
    if tries:
        approved = _approved(known, applications, context, tries)
        for (row, change), good in zip(tries, approved, strict=True):
            if good:
                found.setdefault(row, change)
    return found


def _nearest(
    changes: Changes, applications: Applications, row: int, tied: Mapping[Changeable, NDArray[np.bool_]]
) -> list[Change]:
    """What may be tried in the place of one row's terms, the nearest first."""
    found = [
        (round(away, 9), order, Change(term, to))
        for order, term in enumerate(changes.fields)
        if tied[term][row]
        for away, to in _values(changes, applications, row, term)
    ]
    return [change for *_, change in sorted(found, key=lambda one: one[:2])]


def _values(changes: Changes, applications: Applications, row: int, term: Changeable) -> Iterator[tuple[float, Any]]:
    """Other values of a term that was stated, the lower first, and how many steps away each is."""
    column = getattr(applications, term)
    asked = None if column is None else column[row]
    if asked is None or asked != asked:
        return
    if term == "purpose":
        yield from ((float(place), one) for place, one in enumerate(changes.purpose, 1) if one != asked)
        return
    span = changes.spans[term]
    yield from ((abs(one - asked) / span.step, one) for one in span.values if one != asked)


def _approved(
    known: Assessed, applications: Applications, context: Context, tries: Sequence[tuple[int, Change]]
) -> NDArray[np.bool_]:
    """Whether each row would be approved with its change; every try is a row of its own."""
    rows = np.array([row for row, _ in tries], dtype=np.intp)
    asked: dict[str, Any] = {}
    for place, (_, change) in enumerate(tries):
        if change.field not in asked:
            asked[change.field] = _taken(getattr(applications, change.field), rows)
        asked[change.field][place] = change.to
    return np.asarray(
        judge(_of(known, rows), replace(_of(applications, rows), **asked), _of(context, rows)).severity == 0
    )


def _of(whole: Whole, rows: Rows) -> Whole:
    """The same for some of its rows, in this order, each as often as it is named."""
    kept = {"risk", "model", "inputs", "views"}
    changed = {
        one.name: _taken(getattr(whole, one.name), rows)
        for one in fields(whole)  # type: ignore[arg-type]
        if one.init and one.name not in kept
    }
    return replace(whole, **changed)  # type: ignore[type-var]


def _taken(column: Any, rows: Rows) -> Any:
    if column is None:
        return None
    if isinstance(column, np.ndarray):
        return column[rows]
    if isinstance(column, Mapping):
        return {name: _taken(one, rows) for name, one in column.items()}
    if isinstance(column, Sequence):
        return [column[row] for row in rows]
    return _of(column, rows)
