"""A measured figure before it belongs to a run: a name, a segment, a value with its interval, and how many rows."""

from dataclasses import dataclass, replace
from datetime import date
from math import isfinite

from monitoring.metric import Metric, Period, Role
from training.evaluation import NORMAL_95, Interval
from training.fairness import wilson


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure; one that could not be computed has a NaN value."""

    name: str
    segment: str
    value: float
    low: float
    high: float
    n: int
    release: str = ""
    note: str = ""

    @property
    def finite(self) -> bool:
        """Whether value and interval are numbers."""
        return isfinite(self.value) and isfinite(self.low) and isfinite(self.high)

    def less(self, known: float) -> "Measure":
        """The figure as its distance from a known one."""
        return replace(self, value=self.value - known, low=self.low - known, high=self.high - known)


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose figures a run takes, and for when."""

    portfolio: str
    model: str
    as_of: date
    period: Period
    role: Role
    release: str

    def metric(self, found: Measure) -> Metric:
        """The figure as a row of the metrics table."""
        return Metric(
            portfolio=self.portfolio,
            as_of=self.as_of,
            period=self.period,
            model=self.model,
            role=self.role,
            name=found.name,
            segment=found.segment,
            release=found.release or self.release,
            value=found.value,
            low=found.low,
            high=found.high,
            n=found.n,
            note=found.note,
        )


def number(value: object) -> float:
    """`value` as a float; NaN when there is none."""
    return float(value) if isinstance(value, int | float) else float("nan")


def exact(name: str, segment: str, value: float, n: int) -> Measure:
    """A figure without sampling error, such as a count or a share of all decisions."""
    return Measure(name, segment, value, value, value, n)


def rate(name: str, segment: str, hits: int, n: int) -> Measure:
    """A rate with Wilson's 95 % interval."""
    low, high = wilson(hits, n, NORMAL_95)
    return Measure(name, segment, hits / n if n else float("nan"), low, high, n)


def ranged(name: str, segment: str, found: Interval, n: int) -> Measure:
    """A figure that came with its interval."""
    return Measure(name, segment, number(found.value), number(found.low), number(found.high), n)
