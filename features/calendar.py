"""Business dates: what is known at the end of a day, and the months that hold it."""

from datetime import UTC, date, datetime, time, timedelta

import polars as pl

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def cutoff(as_of: date) -> datetime:
    """The first instant (UTC) after business date `as_of`; rows created before it are known."""
    return datetime.combine(as_of + timedelta(days=1), time(), UTC)


def instant(when: datetime) -> pl.Expr:
    """`when` in an expression: a datetime that is left to Polars takes it three queries to make a literal of."""
    return pl.lit((when - _EPOCH) // timedelta(microseconds=1), pl.Int64).cast(pl.Datetime("us", "UTC"))


def noon(day: date) -> datetime:
    """Noon (UTC) of `day`: when something is taken to happen of which only the day is known."""
    return datetime.combine(day, time(12), UTC)


def month_of(day: date) -> str:
    """The month of `day` as `YYYY-MM`, the name of a lake partition."""
    return f"{day:%Y-%m}"


def month_start(day: date) -> date:
    """The first day of the month of `day`."""
    return day.replace(day=1)


def month_end(day: date) -> date:
    """The last day of the month of `day`."""
    return next_month(day) - timedelta(days=1)


def next_month(day: date) -> date:
    """The first day of the month after `day`."""
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


def working_days(day: date) -> list[date]:
    """Mondays to Fridays of the month of `day`; public holidays are not known here."""
    days = (month_start(day) + timedelta(days=passed) for passed in range(month_end(day).day))
    return [one for one in days if one.weekday() < 5]


def month_ends(first: date, last: date) -> list[date]:
    """The last days of all months from that of `first` to that of `last`, both included."""
    ends = [month_end(first)]
    while ends[-1] < month_end(last):
        ends.append(month_end(ends[-1] + timedelta(days=1)))
    return ends
