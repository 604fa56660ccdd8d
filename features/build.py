"""Build: canonical tables to feature tables, one row for each row of the view's table."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from features.calendar import month_end, month_of
from features.compute import compute
from features.customers import AT_ONCE, Each
from features.lake import Lake, NoData, Partition
from features.portfolio import Portfolio
from features.update import Update

__all__ = ["BuiltView", "build_features", "compute"]


@dataclass(frozen=True)
class BuiltView:
    """What a build did with one view: feature rows known at the date, and whether all were there already."""

    view: str
    rows: int
    reused: bool


def build_features(
    portfolio: Portfolio,
    lake: Lake,
    as_of: date,
    services: Iterable[str] | None = None,
    *,
    at_once: int = AT_ONCE,
    each: Each = map,
) -> list[BuiltView]:
    """Compute the views that `services` read (None: every view) from the rows known at the end of `as_of`.

    They are added to the lake's `features` layer. A table of more than `at_once` rows is worked on by ranges of its
    customers, `each` one after the other or by workers; the rows are the same.
    """
    views = portfolio.features.views_of(services)
    return [_build(portfolio, lake, view, as_of, at_once, each) for view in views]


def _build(portfolio: Portfolio, lake: Lake, view: str, as_of: date, at_once: int, each: Each) -> BuiltView:
    name, source = portfolio.name, portfolio.features.views[view].table
    sources = lake.partitions(name, "tables", source)
    due = [one for one in sources if one.month <= month_of(as_of)]
    if not due or due[-1].month != month_of(as_of) or due[-1].covers < as_of:
        command = f"`lendloop run ingest --portfolio {name} --as-of {as_of}`"
        raise NoData(f"{name}: table {source!r} is not in the lake up to {as_of}; run {command} first")
    built = {one.month: one for one in lake.partitions(name, "features", view)}
    # Months that were built for a later date too: a row that changes here may have a part in theirs.
    wanted = [one.month for one in sources if one in due or one.month in built]
    covers = {month: _covers(month, as_of, built.get(month)) for month in wanted}
    wrote = Update(portfolio, lake, view, built, covers).run(at_once, each)
    if not (rows := lake.count(name, "features", view, as_of)):
        lake.read(name, "features", view, as_of=as_of)  # says what is wrong
    return BuiltView(view, rows, not wrote)


def _covers(month: str, as_of: date, there: Partition | None) -> date:
    end = min(month_end(date.fromisoformat(f"{month}-01")), as_of)
    return max(end, there.covers) if there else end
