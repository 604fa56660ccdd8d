"""Days as whole numbers since 1970 and what a day is: weekday, payday, month."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import numpy as np

from simulation.columns import Array, Ints

EPOCH = date(1970, 1, 1)
DAY_US = 86_400_000_000
"""Microseconds of a day: timestamps are whole microseconds since 1970, UTC."""


@dataclass(frozen=True)
class Day:
    """One day of the world."""

    number: int

    @classmethod
    def on(cls, moment: date) -> "Day":
        """The day of a date."""
        return cls((moment - EPOCH).days)

    @cached_property
    def date(self) -> date:
        """As a date."""
        return EPOCH + timedelta(days=self.number)

    @property
    def weekday(self) -> int:
        """Monday is 0."""
        return self.date.weekday()

    @cached_property
    def month(self) -> int:
        """Months since January 1970."""
        return (self.date.year - 1970) * 12 + self.date.month - 1

    @property
    def opens_month(self) -> bool:
        """Is it the first of a month?"""
        return self.date.day == 1

    def at(self, seconds: Array) -> Ints:
        """Timestamps of moments of this day."""
        return (self.number * 86_400 + seconds.astype(np.int64)) * 1_000_000


def days(first: date, months: int) -> Iterator[Day]:
    """Every day of so many months from the first of one on."""
    last = day_in_month(np.array([Day.on(first).month + months]), np.array([1]))[0]
    return (Day(number) for number in range(Day.on(first).number, int(last)))


def month_of(numbers: Array) -> Ints:
    """Months since January 1970 of days."""
    return numbers.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def day_in_month(months: Array, day_of_month: Array) -> Ints:
    """The day of a month; days of the month up to 28 exist in all."""
    opening = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    return np.asarray(opening + day_of_month - 1, dtype=np.int64)
