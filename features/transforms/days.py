"""Transforms of an entity's last days: its rows in the `days` days up to and including the present one.

For tables with a row an event, where rows are not evenly apart. Counts and extremes only: they round alike whatever
rows came before, so that a history that grows gives the same bytes.
"""

from typing import Annotated

import polars as pl
from pydantic import Field

from features.transforms.registry import CategoryName, NumberColumn, Rows, TextColumn, number, transform

Days = Annotated[int, Field(ge=1, le=3660)]


@transform("days_count", reach="entity")
def days_count(rows: Rows, days: Days) -> pl.Expr:
    """Rows of the entity in the last `days` days, this one included."""
    return _count(rows, pl.lit(True), days)


@transform("days_count_where", reach="entity")
def days_count_where(rows: Rows, column: TextColumn, value: CategoryName, days: Days) -> pl.Expr:
    """Rows of the last `days` days in which the category is `value`."""
    return _count(rows, pl.col(column).cast(pl.String) == str(value), days)


@transform("days_share_where", reach="entity")
def days_share_where(rows: Rows, column: TextColumn, value: CategoryName, days: Days) -> pl.Expr:
    """Share of the rows of the last `days` days in which the category is `value`."""
    return _count(rows, pl.col(column).cast(pl.String) == str(value), days) / _count(rows, pl.lit(True), days)


@transform("days_max", reach="entity")
def days_max(rows: Rows, column: NumberColumn, days: Days) -> pl.Expr:
    """Largest number of the last `days` days; null when there is none."""
    return number(column).rolling_max_by(rows.event, f"{days}d").over(rows.key)


@transform("days_min", reach="entity")
def days_min(rows: Rows, column: NumberColumn, days: Days) -> pl.Expr:
    """Smallest number of the last `days` days; null when there is none."""
    return number(column).rolling_min_by(rows.event, f"{days}d").over(rows.key)


def _count(rows: Rows, hit: pl.Expr, days: int) -> pl.Expr:
    # A literal has one row: multiplied with a column of the frame it has as many as that.
    ones = (pl.col(rows.event).is_not_null() & hit).fill_null(False).cast(pl.Int64)
    return ones.rolling_sum_by(rows.event, f"{days}d").over(rows.key)
