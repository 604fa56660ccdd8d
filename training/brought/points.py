"""A points scorecard: for each feature, bins that cover every value once, and the points of each."""

import itertools
from dataclasses import dataclass
from math import inf, log

import numpy as np
import polars as pl

from training.inputs import MISSING
from training.score import Floats

OTHER = "(other)"
"""The row of a category for every value that is not listed."""


@dataclass(frozen=True)
class NumberPoints:
    """Points of a number: of values under `edges[0]`, from each edge on, and missing; one value more than edges.

    Edges and values are compared as float32, as models read numbers.
    """

    name: str
    edges: tuple[float, ...]
    points: tuple[float, ...]
    missing: float

    def of(self, values: pl.Series) -> Floats:
        """The points of each value."""
        numbers = values.cast(pl.Float32).fill_null(float("nan")).to_numpy()
        found = np.array(self.points)[np.searchsorted(np.array(self.edges, dtype=np.float32), numbers, side="right")]
        return np.where(np.isnan(numbers), self.missing, found)

    def every(self) -> tuple[float, ...]:
        """The points of each bin, the missing one last."""
        return (*self.points, self.missing)


@dataclass(frozen=True)
class CategoryPoints:
    """Points of each listed category, a missing one (`(missing)`) among them, and of every other."""

    name: str
    points: dict[str, float]
    other: float

    def of(self, values: pl.Series) -> Floats:
        """The points of each value."""
        words = values.cast(pl.String).fill_null(MISSING).to_list()
        return np.array([self.points.get(word, self.other) for word in words], dtype=np.float64)

    def every(self) -> tuple[float, ...]:
        """The points of each bin, that of other values last."""
        return (*self.points.values(), self.other)


@dataclass(frozen=True)
class Scale:
    """What points mean: at `points` the odds are `odds` to 1, and every `double` points more they double.

    They are odds of being good where a model is of risk, of the event where it is of a propensity.
    """

    double: float
    points: float
    odds: float


@dataclass(frozen=True)
class PointsCard:
    """A scorecard: points = base + the points of each feature's bin. `scale` None: points only rank."""

    base: float
    features: tuple[NumberPoints | CategoryPoints, ...]
    scale: Scale | None
    higher_is_better: bool = True
    """Whether more points mean better odds; a stated scale says so by its own sign."""

    @property
    def attainable(self) -> tuple[float, float]:
        """The fewest and the most points there are to get."""
        lowest, highest = (self.base + sum(pick(one.every()) for one in self.features) for pick in (min, max))
        return lowest, highest

    def total(self, frame: pl.DataFrame) -> Floats:
        """The points of each row, added up as a person would."""
        parts = [one.of(frame[one.name]) for one in self.features]
        found: Floats = np.sum([np.full(frame.height, self.base), *parts], axis=0)
        return found

    def log_odds(self, kind: str) -> tuple[float, float]:
        """(a, b): the log-odds of the event are a + b x points.

        Without a scale all attainable points are spread over ±4, which a calibration then stretches as the data say.
        """
        towards = -1.0 if kind == "risk" else 1.0
        if self.scale is not None:
            slope = log(2) / self.scale.double
            return towards * (log(self.scale.odds) - slope * self.scale.points), towards * slope
        lowest, highest = self.attainable
        slope = (8 if self.higher_is_better else -8) / (highest - lowest)
        return -towards * slope * (lowest + highest) / 2, towards * slope


def gaps(edges: list[tuple[float, float]]) -> list[str]:
    """What bins [from, to), in any order, leave uncovered or cover twice, in words."""
    ordered = sorted(edges)
    found = [f"no bin covers values under {ordered[0][0]:g}"] if ordered[0][0] > -inf else []
    for (low, high), (following, end) in itertools.pairwise(ordered):
        if following > high:
            found.append(f"no bin covers {high:g} to {following:g}")
        elif following < high:
            both = f"{following:g} to {min(high, end):g}"
            found.append(f"two bins cover {both}, the one from {low:g} and the one from {following:g}")
    highest = max(high for _, high in ordered)
    return found + ([f"no bin covers values from {highest:g} on"] if highest < inf else [])
