"""Transforms of a time: position in the year, the month and the week."""

import polars as pl

from features.transforms.registry import Rows, TimeColumn, transform


@transform("month", type="category")
def month(rows: Rows, column: TimeColumn = "event_timestamp") -> pl.Expr:
    """Month of the year, `01` to `12`, as a category: December and January are neighbours."""
    return pl.col(column).dt.strftime("%m")


@transform("month_number")
def month_number(rows: Rows, column: TimeColumn = "event_timestamp") -> pl.Expr:
    """Month of the year, 1 to 12."""
    return pl.col(column).dt.month()


@transform("season_sine")
def season_sine(rows: Rows, column: TimeColumn = "event_timestamp") -> pl.Expr:
    """Sine of the day's angle in the year (0 on 1 January): with the cosine a season without a jump at New Year."""
    return _angle(column).sin()


@transform("season_cosine")
def season_cosine(rows: Rows, column: TimeColumn = "event_timestamp") -> pl.Expr:
    """Cosine of the day's angle in the year (0 on 1 January)."""
    return _angle(column).cos()


@transform("day_of_month")
def day_of_month(rows: Rows, column: TimeColumn = "event_timestamp") -> pl.Expr:
    """Day of the month, 1 to 31."""
    return pl.col(column).dt.day()


@transform("weekday")
def weekday(rows: Rows, column: TimeColumn = "event_timestamp") -> pl.Expr:
    """Day of the week, Monday 1 to Sunday 7."""
    return pl.col(column).dt.weekday()


@transform("days_between")
def days_between(rows: Rows, start: TimeColumn, end: TimeColumn = "event_timestamp") -> pl.Expr:
    """Whole days from `start` to `end`; negative when `start` is later."""
    return (pl.col(end) - pl.col(start)).dt.total_days()


def _angle(column: str) -> pl.Expr:
    return (pl.col(column).dt.ordinal_day() - 1) * (2 * 3.141592653589793 / 365.25)
