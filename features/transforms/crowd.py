"""Transforms of the whole table: what all entities together did in the days before an event.

Only rows with an earlier event count, never those of the same instant: a row does not change when its own day fills up.
"""

from typing import Annotated

import polars as pl
from pydantic import Field

from features.transforms.registry import CategoryName, NumberColumn, Rows, TextColumn, number, transform

Days = Annotated[int, Field(ge=1, le=3660)]


@transform("crowd_count", reach="table")
def crowd_count(rows: Rows, days: Days) -> pl.Expr:
    """Rows of all entities in the `days` days before the event."""
    return rows.before(pl.len(), days)


@transform("crowd_mean", reach="table")
def crowd_mean(rows: Rows, column: NumberColumn, days: Days) -> pl.Expr:
    """Mean of the number over all entities in the `days` days before the event; null when there was none."""
    return rows.before(number(column).mean(), days)


@transform("crowd_share", reach="table")
def crowd_share(rows: Rows, column: TextColumn, value: CategoryName, days: Days) -> pl.Expr:
    """Share of category `value` among all rows in the `days` days before the event; null when there was none."""
    return rows.before((pl.col(column).cast(pl.String) == str(value)).mean(), days)


@transform("crowd_difference", reach="table")
def crowd_difference(rows: Rows, column: NumberColumn, days: Days) -> pl.Expr:
    """The number less its mean over all entities in the `days` days before the event."""
    return number(column) - rows.before(number(column).mean(), days)


@transform("days_since_crowd", reach="table")
def days_since_crowd(rows: Rows, days: Days = 3660) -> pl.Expr:
    """Days since the latest earlier event of any entity within `days` days; null when there was none."""
    return (pl.col(rows.event) - rows.before(pl.col(rows.event).max(), days)).dt.total_days()
