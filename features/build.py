"""Build: canonical tables to feature tables, one row for each row of the view's table."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from features.calendar import month_of
from features.definitions import Definition, define_view
from features.digests import code_digest, digest_of
from features.lake import Lake, NoData
from features.portfolio import Portfolio
from features.spec import CREATED, EVENT, FeatureSpec
from features.transforms.registry import Reach
from features.versions import made_known, snapshots

_PLACE = "__place"  # remembers the rows' order while features of the whole table see them in another
_CODE = ("build.py", "versions.py", "definitions.py", "transforms/*.py")


@dataclass(frozen=True)
class BuiltView:
    """What a build did with one view: feature rows known at the date, and whether all were there already."""

    view: str
    rows: int
    reused: bool


def build_features(portfolio: Portfolio, lake: Lake, as_of: date) -> list[BuiltView]:
    """Compute every view from the rows known at the end of `as_of` and add it to the lake's `features` layer."""
    return [_build(portfolio, lake, view, as_of) for view in portfolio.features.views]


def compute(spec: FeatureSpec, view: str, table: pl.DataFrame) -> pl.DataFrame:
    """All versions of a view's feature rows from the known rows of its table, sorted by key, event, created."""
    definitions, key = define_view(spec, view), spec.entity.key
    reach = _widest(definitions)
    parts = [_features(definitions, made_known(known, key, reach), key) for known in snapshots(table, key, reach)]
    if len(parts) == 1:
        return parts[0]
    return pl.concat(parts).unique([key, EVENT, CREATED], keep="last").sort(key, EVENT, CREATED)


def _widest(definitions: list[Definition]) -> Reach:
    reaches = {definition.transform.reach for definition in definitions}
    return "table" if "table" in reaches else "entity" if "entity" in reaches else "row"


def _features(definitions: list[Definition], rows: pl.DataFrame, key: str) -> pl.DataFrame:
    # Each feature sees the columns it declares and no other: what permitted uses are derived from is what is read.
    # Features of the same columns and order share a frame, so that Polars groups by entity once for all of them.
    rows = _plain(rows.sort(key, EVENT).with_row_index(_PLACE))
    in_order = {"entity": rows, "table": _plain(rows.sort(EVENT, key))}
    done = rows.select(key, EVENT, CREATED)
    for order, columns in dict.fromkeys(_frame_of(one) for one in definitions):
        alike = {one.name: one.expression() for one in definitions if _frame_of(one) == (order, columns)}
        computed = in_order[order].select({_PLACE, key, EVENT, *columns}).with_columns(**alike)
        done = done.hstack(computed.sort(_PLACE).select(alike.keys()))
    return done.select(key, EVENT, CREATED, *[definition.name for definition in definitions])


def _plain(rows: pl.DataFrame) -> pl.DataFrame:
    # Polars may hold a constant column as one value, and divides by it by multiplying with its reciprocal: the last
    # digit of a feature would then depend on what other rows there are.
    return pl.DataFrame(rows.get_columns())


def _frame_of(definition: Definition) -> tuple[str, tuple[str, ...]]:
    return "table" if definition.transform.reach == "table" else "entity", definition.columns


def _build(portfolio: Portfolio, lake: Lake, view: str, as_of: date) -> BuiltView:
    spec, name = portfolio.features, portfolio.name
    source = spec.views[view].table
    sources = [one for one in lake.partitions(name, "tables", source) if one.month <= month_of(as_of)]
    if not sources or sources[-1].month != month_of(as_of) or sources[-1].covers < as_of:
        raise NoData(f"{name}: table {source!r} is not in the lake up to {as_of}; run ingest for that date first")
    # The portfolio's own transforms and the view itself are part of what the tables were made from.
    inputs = digest_of(view, code_digest(*_CODE), *sorted({one.inputs for one in sources}))
    reused = lake.holds(name, "features", view, as_of, inputs)
    if not reused:
        first = date.fromisoformat(f"{sources[0].month}-01")
        rows = compute(spec, view, lake.read(name, "tables", source, as_of=sources[-1].covers))
        lake.extend(name, "features", view, rows, first=first, as_of=as_of, inputs=inputs)
    return BuiltView(view, lake.read(name, "features", view, as_of=as_of).height, reused)
