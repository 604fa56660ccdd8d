"""A metric: one number of one portfolio on one business date, with its interval and its alert level."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import date
from math import isfinite
from typing import Literal

import polars as pl

Level = Literal["ok", "yellow", "orange", "red"]
Period = Literal["day", "month"]
Role = Literal["champion", "challenger", "frozen"]

LEVELS: tuple[Level, ...] = ("ok", "yellow", "orange", "red")
TOO_FEW = "too few"
"""How the note of a row begins that has too few rows to be judged; its level is ok."""

SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "portfolio": pl.String,
    "as_of": pl.Date,
    "period": pl.String,
    "model": pl.String,
    "role": pl.String,
    "name": pl.String,
    "segment": pl.String,
    "release": pl.String,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "n": pl.Int64,
    "level": pl.String,
    "note": pl.String,
}


class MetricError(ValueError):
    """A metric cannot be kept; the message names it and says what was found."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One measured number. `low` and `high` bound its 95 % interval; an exact figure has both equal to `value`."""

    portfolio: str
    as_of: date
    period: Period
    model: str
    role: Role
    name: str
    segment: str
    release: str
    value: float
    low: float
    high: float
    n: int
    level: Level = "ok"
    note: str = ""

    def __post_init__(self) -> None:
        for key in ("value", "low", "high"):
            if not isfinite(getattr(self, key)):
                raise MetricError(
                    f"{self.label}: {key} is {getattr(self, key)}; expected a finite number: leave it out"
                )

    @property
    def label(self) -> str:
        """The metric's name and, where it has one, its segment."""
        return f"{self.name} {self.segment}".strip()

    @property
    def judged(self) -> bool:
        """Whether there were rows enough for its level to mean something."""
        return not self.note.startswith(TOO_FEW)


RUN = ("portfolio", "as_of", "period", "model", "role")
KEY = (*RUN, "name", "segment", "release")


def worst(levels: Iterable[Level]) -> Level:
    """The most severe of `levels`; ok when there is none."""
    return max(levels, key=LEVELS.index, default="ok")


def to_frame(rows: Iterable[Metric]) -> pl.DataFrame:
    """The rows as a frame with the columns of `SCHEMA`."""
    return pl.DataFrame([asdict(row) for row in rows], schema=SCHEMA)


def from_frame(frame: pl.DataFrame) -> list[Metric]:
    """The rows of a frame with the columns of `SCHEMA`."""
    names = [field.name for field in fields(Metric)]
    return [Metric(**row) for row in frame.select(names).iter_rows(named=True)]
