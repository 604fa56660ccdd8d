"""A brought model as training takes it: what it reads, and the CatBoost model that it is."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

import polars as pl

from features.documents import Document
from features.permitted import FeatureColumn
from training.boosted import Boosted

Kind = Literal["cbm", "scorecard"]


class BroughtError(ValueError):
    """A brought model cannot be used; the message has a line for each fault, with the file and what to do."""


class Origin(Document):
    """Where a brought model is from; kept with the figures that were measured here."""

    kind: Kind
    file: str
    sha256: str
    by: str
    learned_until: date | None
    notes: tuple[str, ...]

    def __str__(self) -> str:
        until = f"until {self.learned_until}" if self.learned_until else "until a day that nobody stated"
        return f"elsewhere, {until} ({self.file}, brought by {self.by})"


@dataclass(frozen=True)
class BroughtModel:
    """A model from a file; `columns` are the features it reads, in its own order, numbers first.

    `scaled`: its output is log-odds. Else it only ranks, and a calibration has to find the slope too.
    """

    origin: Origin
    content: bytes = field(repr=False)
    columns: tuple[FeatureColumn, ...]
    scaled: bool
    weigh: Callable[[pl.DataFrame], bytes] = field(repr=False)
    """The `.cbm`, whose reasons are told against a population like the rows given; its log-odds are always the same."""

    def fit(self, frame: pl.DataFrame) -> Boosted:
        """The model itself: nothing is learned."""
        return Boosted(self.columns, self.weigh(frame))
