"""Silence: a day's decisions beside what is usual for its weekday, a month's rows beside those of the months before."""

from datetime import date, timedelta
from statistics import median

import polars as pl
from scipy.special import gammaincinv

from features.spec import CREATED, EVENT
from monitoring.measure import Measure
from monitoring.outcomes import DECIDED

LOOK_BACK = timedelta(weeks=8)
MONTHS_BACK = 6
LEAST_MONTHS = 3
"""Months with rows that make rows a month usual."""


def to_usual(decisions: pl.DataFrame, as_of: date) -> list[Measure]:
    """The day's count over the mean count of its weekday, with Garwood's exact 95 % Poisson interval of the count.

    Usual is the mean of the eight weeks up to the last decision before the day: a silence that lasts does not become
    usual, and a weekday without business is not silent. `n` is the usual count. Nothing before the first such weekday.
    """
    days = decisions[DECIDED].dt.date()
    before = days.filter(days < as_of)
    usual = _usual(before.to_list(), as_of.weekday())
    if not usual:
        return []
    return [_beside("decisions_to_usual", int((days == as_of).sum()), usual)]


def rows_to_usual(arrived: pl.DataFrame, as_of: date) -> list[Measure]:
    """The month's rows over the usual, with Garwood's 95 % interval; `arrived` has event and created timestamps.

    A row counts in its own month, if it was known by its end; where most rows come later, in the month in which they
    became known. Usual is the median of those with rows of the six months up to the last one before: a silence does not
    become usual, be it long or the second one. Nothing while fewer than three had rows, or no more than had none: where
    a feed pauses by itself every second month or more often, an empty one is no silence.
    """
    event, known = (_months(arrived[name]) for name in (EVENT, CREATED))
    punctual = event.filter(known <= event)
    counts = dict((punctual if 2 * len(punctual) > len(arrived) else known).value_counts().iter_rows())
    this = as_of.year * 12 + as_of.month
    before = [month for month in counts if month < this]
    if not before:
        return []
    months = range(max(min(before), max(before) - MONTHS_BACK + 1), max(before) + 1)
    full = [counts[month] for month in months if month in counts]
    if len(full) < LEAST_MONTHS or 2 * len(full) <= len(months):
        return []
    return [_beside("rows_to_usual", counts.get(this, 0), median(full))]


def _beside(name: str, made: int, usual: float) -> Measure:
    low = float(gammaincinv(made, 0.025)) if made else 0.0
    high = float(gammaincinv(made + 1, 0.975))
    return Measure(name, "", made / usual, low / usual, high / usual, round(usual))


def _months(times: pl.Series) -> pl.Series:
    return times.dt.year().cast(pl.Int64) * 12 + times.dt.month()


def _usual(days: list[date], weekday: int) -> float:
    """Mean decisions on the weekday; 0 without any."""
    if not days:
        return 0.0
    first = max(min(days), max(days) - LOOK_BACK + timedelta(days=1))
    length = (max(days) - first).days + 1
    same = sum((first + timedelta(days=passed)).weekday() == weekday for passed in range(length))
    return sum(day >= first and day.weekday() == weekday for day in days) / max(same, 1)
