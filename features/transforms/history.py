"""Transforms of an entity's history: its rows up to and including the present one, in the order of their events.

`periods` and `window` count rows of the entity, which are months where the table has a row a month.
"""

from typing import Annotated

import polars as pl
from pydantic import Field

from features.transforms.registry import AnyColumn, NumberColumn, Rows, number, transform

Periods = Annotated[int, Field(ge=1, le=1000)]
Lag = Annotated[int, Field(ge=0, le=1000)]


@transform("lag", reach="entity")
def lag(rows: Rows, column: NumberColumn, periods: Periods = 1) -> pl.Expr:
    """The number `periods` rows ago; null when there is no such row."""
    return rows.lagged(column, periods)


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

    Null where there is no such row or the denominator is zero or negative. A payment against the bill it pays has lag 1.
    """
    below = rows.lagged(denominator, periods + lag)
    return pl.when(below > 0).then(rows.lagged(numerator, periods) / below).clip(least, most)


@transform("change", reach="entity")
def change(rows: Rows, column: NumberColumn, periods: Periods = 1) -> pl.Expr:
    """The number less what it was `periods` rows ago."""
    return number(column) - rows.lagged(column, periods)


@transform("change_ratio", reach="entity")
def change_ratio(rows: Rows, column: NumberColumn, scale: NumberColumn, periods: Periods = 1) -> pl.Expr:
    """The change over `periods` rows as a share of `scale`; null where that is zero or negative."""
    return pl.when(number(scale) > 0).then((number(column) - rows.lagged(column, periods)) / number(scale))


@transform("net_ratio", reach="entity")
def net_ratio(
    rows: Rows, column: NumberColumn, minus: NumberColumn, scale: NumberColumn, periods: Lag = 0, lag: Lag = 0
) -> pl.Expr:
    """(column − minus) / scale as it was `periods` rows ago, `column` taken `lag` rows earlier still.

    A bill less what was paid on it a month later, as a share of the limit, has lag 1. Null where scale is not positive.
    """
    below = rows.lagged(scale, periods)
    return pl.when(below > 0).then((rows.lagged(column, periods + lag) - rows.lagged(minus, periods)) / below)


@transform("trailing_mean", reach="entity")
def trailing_mean(rows: Rows, column: NumberColumn, window: Periods) -> pl.Expr:
    """Mean of the last `window` rows that exist and have a number."""
    return rows.history(number(column).rolling_mean(window, min_samples=1))


@transform("trailing_max", reach="entity")
def trailing_max(rows: Rows, column: NumberColumn, window: Periods) -> pl.Expr:
    """Largest of the last `window` rows."""
    return rows.history(number(column).rolling_max(window, min_samples=1))


@transform("trailing_min", reach="entity")
def trailing_min(rows: Rows, column: NumberColumn, window: Periods) -> pl.Expr:
    """Smallest of the last `window` rows."""
    return rows.history(number(column).rolling_min(window, min_samples=1))


@transform("trailing_sum", reach="entity")
def trailing_sum(rows: Rows, column: NumberColumn, window: Periods) -> pl.Expr:
    """Sum of the last `window` rows."""
    return rows.history(number(column).rolling_sum(window, min_samples=1))


@transform("trailing_std", reach="entity")
def trailing_std(rows: Rows, column: NumberColumn, window: Annotated[int, Field(ge=2, le=1000)]) -> pl.Expr:
    """Sample standard deviation of the last `window` rows; null under two numbers."""
    return rows.history(number(column).rolling_std(window, min_samples=2))


@transform("trailing_ratio", reach="entity")
def trailing_ratio(
    rows: Rows, numerator: NumberColumn, denominator: NumberColumn, window: Periods, lag: Lag = 0
) -> pl.Expr:
    """Sum of the numerator over sum of the denominator in the last `window` rows, the latter `lag` rows earlier.

    Rows without both numbers count in neither sum; null where the denominator's sum is zero or negative.
    """
    below = number(denominator).shift(lag)
    both = number(numerator).is_not_null() & below.is_not_null()
    above = pl.when(both).then(number(numerator)).rolling_sum(window, min_samples=1)
    total = pl.when(both).then(below).rolling_sum(window, min_samples=1)
    return pl.when(rows.history(total) > 0).then(rows.history(above) / rows.history(total))


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
    past = [number(column).shift(step) for step in range(window)]
    known = [value.is_not_null() for value in past]
    count = pl.sum_horizontal(known)
    times = pl.sum_horizontal(pl.when(here).then(float(-step)) for step, here in enumerate(known))
    squares = pl.sum_horizontal(pl.when(here).then(float(step * step)) for step, here in enumerate(known))
    products = pl.sum_horizontal(value * float(-step) for step, value in enumerate(past))
    slope = (count * products - times * pl.sum_horizontal(past)) / (count * squares - times * times)
    result = rows.history(pl.when(count >= 2).then(slope))
    return result if scale is None else pl.when(number(scale) > 0).then(result / number(scale))


@transform("streak", reach="entity")
def streak(rows: Rows, column: NumberColumn, at_least: float | None = None, at_most: float | None = None) -> pl.Expr:
    """How many rows in a row, up to and including this one, are within the limits; 0 when this one is not."""
    hit = _within(column, at_least, at_most)
    place = pl.int_range(1, pl.len() + 1)
    return rows.history(place - pl.when(~hit).then(place).forward_fill().fill_null(0))


@transform("count_within", reach="entity")
def count_within(
    rows: Rows, column: NumberColumn, window: Periods, at_least: float | None = None, at_most: float | None = None
) -> pl.Expr:
    """How many of the last `window` rows are within the limits."""
    hit = _within(column, at_least, at_most).cast(pl.Float64)
    return rows.history(hit.rolling_sum(window, min_samples=1))


@transform("rows_since", reach="entity")
def rows_since(
    rows: Rows, column: NumberColumn, at_least: float | None = None, at_most: float | None = None
) -> pl.Expr:
    """Rows since the last one within the limits, 0 for this one; null when there was none."""
    place = pl.int_range(pl.len())
    return rows.history(place - pl.when(_within(column, at_least, at_most)).then(place).forward_fill())


@transform("ever", reach="entity")
def ever(rows: Rows, column: NumberColumn, at_least: float | None = None, at_most: float | None = None) -> pl.Expr:
    """1 when this row or an earlier one is within the limits, else 0."""
    return rows.history(_within(column, at_least, at_most).cast(pl.Int8).cum_max())


@transform("days_since", reach="entity")
def days_since(rows: Rows, column: AnyColumn) -> pl.Expr:
    """Days since the entity's previous row that has a value in `column`; null when there is none."""
    time = pl.when(pl.col(column).is_not_null()).then(pl.col(rows.event))
    return rows.history((pl.col(rows.event) - time.forward_fill().shift(1)).dt.total_days())


@transform("rows_before", reach="entity")
def rows_before(rows: Rows) -> pl.Expr:
    """How many earlier rows the entity has."""
    return rows.history(pl.int_range(pl.len()))


def _within(column: str, at_least: float | None, at_most: float | None) -> pl.Expr:
    """Whether there is a number, and within the limits that are given."""
    value = number(column)
    low = value >= at_least if at_least is not None else pl.lit(True)
    high = value <= at_most if at_most is not None else pl.lit(True)
    return (value.is_not_null() & low & high).fill_null(False)
