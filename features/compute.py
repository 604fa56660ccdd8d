"""Compute: the known rows of a table to the feature rows of a view; pure."""

import polars as pl

from features.definitions import Definition, define_view
from features.spec import CREATED, EVENT, FeatureSpec
from features.transforms.registry import Reach
from features.versions import made_known, snapshots

_PLACE = "__place"  # remembers the rows' order while features of the whole table see them in another


def compute(spec: FeatureSpec, view: str, table: pl.DataFrame) -> pl.DataFrame:
    """All versions of a view's feature rows from the known rows of its table, sorted by key, event, created."""
    definitions, key = define_view(spec, view), spec.entity.key
    reach = widest(definitions)
    parts = [_features(definitions, made_known(known, key, reach), key) for known in snapshots(table, key, reach)]
    if len(parts) == 1:
        return parts[0]
    return pl.concat(parts).unique([key, EVENT, CREATED], keep="last").sort(key, EVENT, CREATED)


def widest(definitions: list[Definition]) -> Reach:
    """The rows that a view's features may depend on."""
    reaches = {definition.transform.reach for definition in definitions}
    return "table" if "table" in reaches else "entity" if "entity" in reaches else "row"


def _features(definitions: list[Definition], rows: pl.DataFrame, key: str) -> pl.DataFrame:
    # Each feature sees the columns it declares and no other: what permitted uses are derived from is what is read.
    # Features of the same columns and order share a frame, so that Polars groups by entity once for all of them.
    rows = _plain(rows.sort(key, EVENT).with_row_index(_PLACE))
    in_order = {"entity": rows}
    if any(_frame_of(one)[0] == "table" for one in definitions):
        in_order["table"] = _plain(rows.sort(EVENT, key))
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
