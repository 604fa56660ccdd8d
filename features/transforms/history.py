"""Transforms of an entity's history: its rows up to and including the present one, in the order of their events.

`periods` and `window` count rows of the entity, which are months where the table has a row a month.
"""

from typing import Annotated

import polars as pl
from pydantic import Field

from features.transforms.registry import AnyColumn, NumberColumn, Rows, number, transform

Periods = Annotated[int, Field(ge=1, le=60)]
Lag = Annotated[int, Field(ge=0, le=60)]


@transform("lag", reach="entity")
def lag(rows: Rows, column: NumberColumn, periods: Periods = 1) -> pl.Expr:
    """The number `periods` rows ago; null when there is no such row."""
    return rows.lagged(number(column), periods)


@transform("lagged_ratio", reach="entity")
def lagged_ratio(
    rows: Rows,
    numerator: NumberColumn,
    denominator: NumberColumn,
    periods: Lag = 0,
    lag: Lag = 0,
    least: float | None = None,
    most: float | None = None,
) -> pl.Expr:
    """The ratio as it was `periods` rows ago, the denominator taken `lag` rows earlier still, cut to [least, most].

    Null where there is no such row or the denominator is zero or negative. A payment on the bill before has lag 1.
    """
    below = rows.lagged(number(denominator), periods + lag)
    return pl.when(below > 0).then(rows.lagged(number(numerator), periods) / below).clip(least, most)


@transform("change", reach="entity")
def change(rows: Rows, column: NumberColumn, periods: Periods = 1) -> pl.Expr:
    """The number less what it was `periods` rows ago."""
    return number(column) - rows.lagged(number(column), periods)


@transform("change_ratio", reach="entity")
def change_ratio(rows: Rows, column: NumberColumn, scale: NumberColumn, periods: Periods = 1) -> pl.Expr:
    """The change over `periods` rows as a share of `scale`; null where that is zero or negative."""
    return _share(number(column) - rows.lagged(number(column), periods), number(scale))


@transform("net_ratio", reach="entity")
def net_ratio(
    rows: Rows, column: NumberColumn, minus: NumberColumn, scale: NumberColumn, periods: Lag = 0, lag: Lag = 0
) -> pl.Expr:
    """(column − minus) / scale as it was `periods` rows ago, `column` taken `lag` rows earlier still.

    A bill less what was paid on it a month later, as a share of the limit, has lag 1. Null where scale is not positive.
    """
    net = rows.lagged(number(column), periods + lag) - rows.lagged(number(minus), periods)
    return _share(net, rows.lagged(number(scale), periods))


@transform("trailing_mean", reach="entity")
def trailing_mean(rows: Rows, column: NumberColumn, window: Periods) -> pl.Expr:
    """Mean of the last `window` rows that exist and have a number."""
    return pl.mean_horizontal(rows.last(number(column), window))


@transform("trailing_max", reach="entity")
def trailing_max(rows: Rows, column: NumberColumn, window: Periods) -> pl.Expr:
    """Largest of the last `window` rows."""
    return pl.max_horizontal(rows.last(number(column), window))


@transform("trailing_min", reach="entity")
def trailing_min(rows: Rows, column: NumberColumn, window: Periods) -> pl.Expr:
    """Smallest of the last `window` rows."""
    return pl.min_horizontal(rows.last(number(column), window))


@transform("trailing_sum", reach="entity")
def trailing_sum(rows: Rows, column: NumberColumn, window: Periods) -> pl.Expr:
    """Sum of the last `window` rows; null when none has a number."""
    past = rows.last(number(column), window)
    return pl.when(pl.any_horizontal(value.is_not_null() for value in past)).then(pl.sum_horizontal(past))


@transform("trailing_std", reach="entity")
def trailing_std(rows: Rows, column: NumberColumn, window: Annotated[int, Field(ge=2, le=60)]) -> pl.Expr:
    """Sample standard deviation of the last `window` rows; null under two numbers."""
    return pl.concat_list(rows.last(number(column), window)).list.std()


@transform("trailing_ratio", reach="entity")
def trailing_ratio(
    rows: Rows, numerator: NumberColumn, denominator: NumberColumn, window: Periods, lag: Lag = 0
) -> pl.Expr:
    """Sum of the numerator over sum of the denominator in the last `window` rows, the latter `lag` rows earlier.

    Rows without both numbers count in neither sum; null where the denominator's sum is zero or negative.
    """
    above, below = number(numerator), rows.lagged(number(denominator), lag)
    above, below = pl.when(below.is_not_null()).then(above), pl.when(above.is_not_null()).then(below)
    return _share(pl.sum_horizontal(rows.last(above, window)), pl.sum_horizontal(rows.last(below, window)))


@transform("trend", reach="entity")
def trend(
    rows: Rows,
    column: NumberColumn,
    window: Annotated[int, Field(ge=2, le=60)],
    scale: NumberColumn | None = None,
) -> pl.Expr:
    """Least-squares slope a row over the last `window` rows that exist; null under two numbers.

    Rows are taken as equally spaced, the present one at 0, the one before at −1. With `scale` the slope is a share of
    the present row's number there, null where that is zero or negative. Source: simple linear regression.
    """
    past = rows.last(number(column), window)
    known = [value.is_not_null() for value in past]
    count, total = pl.sum_horizontal(known), pl.sum_horizontal(past)
    times = pl.sum_horizontal(here * -float(step) for step, here in enumerate(known))
    squares = pl.sum_horizontal(here * float(step**2) for step, here in enumerate(known))
    products = pl.sum_horizontal(value * -float(step) for step, value in enumerate(past))
    slope = pl.when(count >= 2).then((count * products - times * total) / (count * squares - times**2))
    return slope if scale is None else _share(slope, number(scale))


@transform("streak", reach="entity")
def streak(rows: Rows, column: NumberColumn, at_least: float | None = None, at_most: float | None = None) -> pl.Expr:
    """How many rows in a row, up to and including this one, are within the limits; 0 when this one is not."""
    return pl.coalesce(rows.since(~_within(column, at_least, at_most)), rows.before_this() + 1)


@transform("count_within", reach="entity")
def count_within(
    rows: Rows, column: NumberColumn, window: Periods, at_least: float | None = None, at_most: float | None = None
) -> pl.Expr:
    """How many of the last `window` rows are within the limits."""
    return pl.sum_horizontal(rows.last(_within(column, at_least, at_most), window))


@transform("rows_since", reach="entity")
def rows_since(
    rows: Rows, column: NumberColumn, at_least: float | None = None, at_most: float | None = None
) -> pl.Expr:
    """Rows since the last one within the limits, 0 for this one; null when there was none."""
    return rows.since(_within(column, at_least, at_most))


@transform("ever", reach="entity")
def ever(rows: Rows, column: NumberColumn, at_least: float | None = None, at_most: float | None = None) -> pl.Expr:
    """1 when this row or an earlier one is within the limits, else 0."""
    return rows.since(_within(column, at_least, at_most)).is_not_null()


@transform("days_since", reach="entity")
def days_since(rows: Rows, column: AnyColumn) -> pl.Expr:
    """Days since the entity's previous row that has a value in `column`; null when there is none."""
    has = pl.col(column).is_not_null()
    known = rows.lagged(rows.since(has).is_not_null(), 1)
    time = pl.when(has).then(pl.col(rows.event)).forward_fill().shift(1)
    return pl.when(known).then((pl.col(rows.event) - time).dt.total_days())


@transform("rows_before", reach="entity")
def rows_before(rows: Rows) -> pl.Expr:
    """How many earlier rows the entity has."""
    return rows.before_this()


def _within(column: str, at_least: float | None, at_most: float | None) -> pl.Expr:
    """Whether there is a number, and within the limits that are given; never null."""
    value = number(column)
    limits = [value >= at_least] if at_least is not None else []
    limits += [value <= at_most] if at_most is not None else []
    return pl.all_horizontal(value.is_not_null(), *limits).fill_null(False)


def _share(value: pl.Expr, scale: pl.Expr) -> pl.Expr:
    return pl.when(scale > 0).then(value / scale)
