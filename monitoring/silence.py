"""Silence: a day's decisions beside what is usual for its weekday."""

from datetime import date, timedelta

import polars as pl
from scipy.special import gammaincinv

from monitoring.measure import Measure
from monitoring.outcomes import DECIDED

LOOK_BACK = timedelta(weeks=8)


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
    made = int((days == as_of).sum())
    low = float(gammaincinv(made, 0.025)) if made else 0.0
    high = float(gammaincinv(made + 1, 0.975))
    return [Measure("decisions_to_usual", "", made / usual, low / usual, high / usual, round(usual))]


def _usual(days: list[date], weekday: int) -> float:
    """Mean decisions on the weekday; 0 without any."""
    if not days:
        return 0.0
    first = max(min(days), max(days) - LOOK_BACK + timedelta(days=1))
    length = (max(days) - first).days + 1
    same = sum((first + timedelta(days=passed)).weekday() == weekday for passed in range(length))
    return sum(day >= first and day.weekday() == weekday for day in days) / max(same, 1)
