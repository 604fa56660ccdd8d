"""What the platform asks of an estimator; CatBoost and the scorecard are the two that answer."""

from collections.abc import Sequence
from typing import Protocol

import polars as pl

from features.permitted import FeatureColumn
from training.score import Floats, Labels
from training.spec import ModelSpec


class EstimatorError(ValueError):
    """Nothing can be learned from the rows given; the message says why."""


class Estimator(Protocol):
    """A fitted model."""

    @property
    def columns(self) -> tuple[FeatureColumn, ...]:
        """The inputs, in the order the model reads them."""

    def log_odds(self, frame: pl.DataFrame) -> Floats:
        """Raw log-odds of the event, one for each row."""

    def dump(self) -> bytes:
        """The model as it is stored: the same inputs give the same bytes, and no code is in them."""


class Fit(Protocol):
    """Fits an estimator to rows and their labels."""

    def __call__(
        self, spec: ModelSpec, frame: pl.DataFrame, columns: Sequence[FeatureColumn], labels: Labels
    ) -> Estimator:
        """The estimator fitted with the parameters of `spec`."""


def check_classes(labels: Labels) -> None:
    """Refuse rows of one class."""
    events = int(labels.sum())
    if events in (0, len(labels)):
        raise EstimatorError(
            f"{events} events among the {len(labels)} rows to learn from; expected both classes: take a later --as-of, "
            "a longer window in models.yaml, or check its label"
        )
