"""The rows one training works on, and the checks they must pass."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.permitted import FeatureColumn
from features.spec import EVENT
from training.boosted import Boosted, fit_boosted
from training.brought.model import BroughtModel
from training.calibration import FORMS, Form
from training.inputs import InputError, Rows, column_of, input_order
from training.labels import KNOWN, LABEL, WHOLE, LabelError, NoLabels, OneClassOnly
from training.score import Floats, Labels
from training.spec import ModelSpec
from training.windows import months_of

Progress = Callable[[str], None]


class TooFewRows(LabelError):
    """Too few labelled rows, or too few of one class, to train and to test on."""


@dataclass(frozen=True)
class Task:
    """Labelled rows with their features: `rows` of `whole`, all if None; the first column is the entity key.

    `brought`: a model from elsewhere, which is then tested and calibrated on the rows but learns nothing of them.
    """

    spec: ModelSpec
    whole: pl.DataFrame
    columns: tuple[FeatureColumn, ...]
    groups: tuple[str, ...]
    brought: BroughtModel | None = None
    rows: Rows | None = None

    @property
    def frame(self) -> pl.DataFrame:
        """The rows; of a part of the task they are a copy, made anew each time."""
        return self.whole if self.rows is None else self.whole.filter(self.rows)

    @property
    def height(self) -> int:
        """How many rows there are."""
        return self.whole.height if self.rows is None else int(self.rows.sum())

    @property
    def keys(self) -> pl.Series:
        """The entity of each row."""
        return self.column(self.whole.columns[0])

    @cached_property
    def labels(self) -> Labels:
        """The label of each row, 0 or 1."""
        return self.column(LABEL).to_numpy()

    @cached_property
    def months(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """The running month number of each row."""
        return months_of(self.column(EVENT).to_frame())

    def column(self, name: str) -> pl.Series:
        """One column of the rows."""
        return column_of(self.whole, name, self.rows)

    def part(self, rows: Rows) -> "Task":
        """The same task on some of the rows, which are not copied."""
        if self.rows is None:
            return self if rows.all() else replace(self, rows=rows)
        among = np.zeros(self.whole.height, dtype=bool)
        among[self.rows] = rows
        return replace(self, rows=among)

    def drawn(self, places: NDArray[np.int64]) -> pl.DataFrame:
        """The rows at some places, in their order."""
        return self.whole[places if self.rows is None else np.flatnonzero(self.rows)[places]]

    def fit(self) -> Boosted:
        """CatBoost fitted on all rows, or the model that was brought."""
        if self.brought is not None:
            return self.brought.fit(self.frame)
        return fit_boosted(self.spec, self.whole, self.columns, self.labels, self.rows)

    def scored(self, model: Boosted) -> Floats:
        """The model's raw log-odds of each row."""
        return model.log_odds(self.whole, self.rows)

    @property
    def can_learn(self) -> bool:
        """Whether there are both classes, without which only a brought model has an answer."""
        return self.brought is not None or bool(0 < self.labels.sum() < len(self.labels))

    @property
    def forms(self) -> tuple[Form, ...]:
        """The calibrations to choose from: points without a scale need a slope whatever else."""
        return FORMS if self.brought is None or self.brought.scaled else ("affine",)

    def about(self) -> pl.DataFrame:
        """Key, time, label, the time it became known, and groups, without the features."""
        names = [self.whole.columns[0], EVENT, LABEL, KNOWN, *self.groups]
        return pl.DataFrame([self.column(name) for name in names])


def checked_task(
    spec: ModelSpec,
    frame: pl.DataFrame,
    columns: Sequence[FeatureColumn],
    groups: Sequence[str],
    as_of: date,
    brought: BroughtModel | None = None,
) -> Task:
    """The task, or an error that says what about the rows rules training out."""
    needed = [EVENT, LABEL, KNOWN, WHOLE, *(column.name for column in columns), *groups]
    absent = [name for name in needed if name not in frame.columns]
    if absent or not columns:
        raise InputError(f"the training frame lacks {absent or 'features'}; expected {needed}; found {frame.columns}")
    if frame.is_empty():
        raise NoLabels(f"no labelled row at {as_of}; take a later --as-of, or check the label in models.yaml")
    if frame[LABEL].null_count():
        raise InputError(
            f"{frame[LABEL].null_count()} of {frame.height} labels are missing; expected 0 or 1 in each row"
        )
    events = int(frame[LABEL].sum())
    if events in (0, frame.height):
        raise OneClassOnly(f"all {frame.height} labels at {as_of} are {int(events > 0)}; expected both classes")
    least = 4 * spec.validation.folds
    if frame.height < spec.validation.least_rows or min(events, frame.height - events) < least:
        raise TooFewRows(
            f"{frame.height} labelled rows with {events} events at {as_of}; expected at least "
            f"{spec.validation.least_rows} rows and {least} of each class; take a later --as-of"
        )
    return Task(spec, frame, input_order(columns), tuple(groups), brought)
