"""Transforms of how an entity's numbers move: recent rows against those before, and how much they vary."""

from typing import Annotated

import polars as pl
from pydantic import Field

from features.transforms.history import Periods
from features.transforms.registry import NumberColumn, Rows, number, transform


@transform("momentum", reach="entity")
def momentum(rows: Rows, column: NumberColumn, window: Periods) -> pl.Expr:
    """Mean of the last `window` rows less the mean of the `window` rows before those; null without a number in both."""
    recent, earlier = _means(rows, column, window)
    return recent - earlier


@transform("momentum_ratio", reach="entity")
def momentum_ratio(
    rows: Rows, column: NumberColumn, window: Periods, least: float | None = None, most: float | None = None
) -> pl.Expr:
    """Mean of the last `window` rows over the mean of the `window` rows before, cut to [least, most].

    Null where the earlier mean is zero or negative.
    """
    recent, earlier = _means(rows, column, window)
    return pl.when(earlier > 0).then(recent / earlier).clip(least, most)


@transform("variation", reach="entity")
def variation(rows: Rows, column: NumberColumn, window: Annotated[int, Field(ge=2, le=60)]) -> pl.Expr:
    """Coefficient of variation of the last `window` rows: standard deviation over mean.

    Null under two numbers, and where the mean is zero or negative.
    """
    past = rows.last(number(column), window)
    mean = pl.mean_horizontal(past)
    return pl.when(mean > 0).then(pl.concat_list(past).list.std() / mean)


@transform("to_usual", reach="entity")
def to_usual(
    rows: Rows, column: NumberColumn, window: Periods, least: float | None = None, most: float | None = None
) -> pl.Expr:
    """The number over its mean in the `window` rows before this one, cut to [least, most].

    Null where that mean is zero or negative.
    """
    usual = pl.mean_horizontal(rows.lagged(number(column), step) for step in range(1, window + 1))
    return pl.when(usual > 0).then(number(column) / usual).clip(least, most)


def _means(rows: Rows, column: str, window: int) -> tuple[pl.Expr, pl.Expr]:
    earlier = [rows.lagged(number(column), step) for step in range(window, 2 * window)]
    return pl.mean_horizontal(rows.last(number(column), window)), pl.mean_horizontal(earlier)
