"""Labels as they were known at a business date: none from the future, none before its window has closed."""

from collections.abc import Mapping
from datetime import date

import polars as pl

from features.calendar import cutoff
from features.spec import CREATED, EVENT
from training.maturity import KNOWN, WHOLE, closes, whole_months
from training.spec import Label, ModelSpec, Recorded, Within

__all__ = ["KNOWN", "LABEL", "WHOLE", "LabelError", "NoLabels", "OneClassOnly", "labels"]

OBSERVED = "observed_timestamp"
LABEL = "label"
_ROW = f"{__name__}:row"
"""A name that no column has."""


class LabelError(ValueError):
    """The labels do not support training; the message has the numbers and what to try."""


class NoLabels(LabelError):
    """Not one observation has a label that is known yet."""


class OneClassOnly(LabelError):
    """Every known label is the same: nothing can be learned from them."""


def labels(spec: ModelSpec, tables: Mapping[str, pl.DataFrame], key: str, as_of: date) -> pl.DataFrame:
    """`key`, `event_timestamp` of the observation, `label` (0 or 1), `known_timestamp`: what is known at `as_of`.

    `whole_month` tells whether every label of the observation's month is known that can be expected.
    """
    seen = _known(_table(tables, spec.observations), as_of).select(key, EVENT).sort(EVENT, key)
    observations = _last_of_each(seen, [EVENT, key])
    outcomes = _latest(_known(_table(tables, spec.label.table), as_of), spec.label.column, key)
    found = _label(spec.label, observations, outcomes, key)
    matured = found.filter(pl.col(LABEL).is_not_null(), pl.col(KNOWN) < cutoff(as_of))
    _check(matured, len(observations), spec, as_of)
    matured = matured.sort(EVENT, key).select(key, EVENT, pl.col(LABEL).cast(pl.Int8), KNOWN)
    whole = whole_months(spec.label, observations, matured, as_of)
    return matured.with_columns(pl.col(EVENT).dt.truncate("1mo").is_in(whole.implode()).alias(WHOLE))


def _table(tables: Mapping[str, pl.DataFrame], name: str) -> pl.DataFrame:
    if name not in tables:
        raise LabelError(f"table {name!r} is needed for labels; found {sorted(tables)}; ingest it first")
    return tables[name]


def _known(table: pl.DataFrame, as_of: date) -> pl.DataFrame:
    return table.filter(pl.col(CREATED) < cutoff(as_of))


def _latest(table: pl.DataFrame, column: str, key: str) -> pl.DataFrame:
    """The last known version of each row, as far as `column` goes: a correction replaces what it corrects."""
    identity = [key, EVENT, *([OBSERVED] if OBSERVED in table.columns else [])]
    read = table.select(list(dict.fromkeys([*identity, CREATED, column])))
    return _last_of_each(read.sort(*identity, CREATED, maintain_order=True), identity)


def _last_of_each(ordered: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """Of rows in the order of `names` the last that has each of their values; tables lie in about this order."""
    followed = pl.all_horizontal(pl.col(names).eq_missing(pl.col(names).shift(-1)))
    return ordered.filter(~followed | (pl.int_range(pl.len()) == pl.len() - 1))


def _label(label: Label, observations: pl.DataFrame, outcomes: pl.DataFrame, key: str) -> pl.DataFrame:
    match label:
        case Within():
            return _within(label, observations, outcomes, key)
        case Recorded():
            return _recorded(label, observations, outcomes, key)


def _within(label: Within, observations: pl.DataFrame, outcomes: pl.DataFrame, key: str) -> pl.DataFrame:
    """A window closes on the last day of its last month; without a row of the entity in it nothing is known."""
    # Met by month: every row of the entity beside every other would be many times as many. The window is the whole
    # of its months, so that a row of one of them is inside if it is after the observation.
    months = pl.int_ranges(_month(EVENT), _month(EVENT) + label.months + 1)
    windows = observations.with_row_index(_ROW).with_columns(month=months).explode("month")
    meets = pl.col(label.column).cast(pl.Float64) >= label.at_least
    rows = outcomes.select(
        key, pl.col(EVENT).alias("at"), pl.col(CREATED).alias("recorded"), meets.alias(LABEL), month=_month(EVENT)
    )
    inside = windows.join(rows, on=[key, "month"]).filter(pl.col("at") > pl.col(EVENT))
    # By the number of the observation: one integer is a quicker group than key and time.
    found = inside.group_by(_ROW).agg(pl.col(LABEL).any(ignore_nulls=False), pl.col("recorded").max())
    labelled = observations[found[_ROW]].hstack(found.drop(_ROW))
    return labelled.with_columns(pl.max_horizontal("recorded", closes(label)).alias(KNOWN)).drop("recorded")


def _month(column: str) -> pl.Expr:
    """The running number of a time's month."""
    return pl.col(column).dt.year().cast(pl.Int64) * 12 + pl.col(column).dt.month()


def _recorded(label: Recorded, observations: pl.DataFrame, outcomes: pl.DataFrame, key: str) -> pl.DataFrame:
    """The outcome that names the observation's time when there is such a column, else the first one not before it."""
    rows = outcomes.with_columns(
        _equals(label, outcomes.schema[label.column]).alias(LABEL), pl.col(CREATED).alias(KNOWN)
    )
    if OBSERVED in outcomes.columns:
        rows = rows.select(key, pl.col(OBSERVED).alias(EVENT), LABEL, KNOWN)
        return observations.join(rows, on=[key, EVENT])
    rows = rows.select(key, pl.col(EVENT).alias("at"), LABEL, KNOWN)
    after = observations.join(rows, on=key).filter(pl.col("at") >= pl.col(EVENT))
    return after.sort("at").unique([key, EVENT], keep="first", maintain_order=True)


def _equals(label: Recorded, dtype: pl.DataType) -> pl.Expr:
    """A flag may be stored as a boolean, a number or a word; `equals: true` is also met by 1."""
    column = pl.col(label.column)
    if dtype.is_numeric() or dtype == pl.Boolean:
        if not _is_number(label.equals):
            raise LabelError(
                f"label of {label.column!r}: `equals` is the word {label.equals!r}, the column holds {dtype}; expected "
                "a number, true or false (yes, no, on and off are words)"
            )
        return column.cast(pl.Float64) == float(label.equals)
    return column.cast(pl.String) == (
        str(label.equals).lower() if isinstance(label.equals, bool) else str(label.equals)
    )


def _is_number(value: bool | int | float | str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def _check(matured: pl.DataFrame, observations: int, spec: ModelSpec, as_of: date) -> None:
    where = f"{spec.label.table}.{spec.label.column}"
    if matured.is_empty():
        raise NoLabels(
            f"no label of {where} is known at {as_of}: {observations} observations in {spec.observations!r}, none of "
            f"them matured; take a later --as-of, or check label and months in models.yaml"
        )
    events = int(matured[LABEL].sum())
    if events in (0, len(matured)):
        raise OneClassOnly(
            f"all {len(matured)} labels of {where} known at {as_of} are {int(events > 0)}; expected both classes; "
            f"take a later --as-of, or check at_least/equals in models.yaml"
        )
