"""From a model's log-odds to a calibrated probability, and to a score from 0 to 100 where higher is safer."""

from functools import cached_property
from math import log
from typing import cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from features.documents import Document

Floats = NDArray[np.float64]
Labels = NDArray[np.int8]

LARGEST_LOG_ODDS = 30.0
"""Beyond it a probability is no longer told from 0 or 1 in double precision sums."""


def log_odds(probability: ArrayLike) -> Floats:
    """ln(p / (1 - p)), held to ±30."""
    p = np.asarray(probability, dtype=np.float64)
    with np.errstate(divide="ignore"):
        odds: Floats = np.clip(np.log(p) - np.log1p(-p), -LARGEST_LOG_ODDS, LARGEST_LOG_ODDS)
    return odds


def probability(log_odds: ArrayLike) -> Floats:
    """1 / (1 + exp(-x)), without overflow."""
    x = np.maximum(np.minimum(np.asarray(log_odds, dtype=np.float64), LARGEST_LOG_ODDS), -LARGEST_LOG_ODDS)
    return 1.0 / (1.0 + np.exp(-x))


def log_loss(labels: Labels, probability: Floats) -> Floats:
    """Each row's -ln of the probability that was given to what happened."""
    held = np.clip(probability, 1e-15, 1 - 1e-15)
    return cast(Floats, -np.where(labels == 1, np.log(held), np.log1p(-held)))


class Calibration(Document):
    """Calibrated log-odds = slope x log-odds + intercept."""

    slope: float = Field(1.0, gt=0)
    intercept: float = 0.0

    def log_odds(self, raw: ArrayLike) -> Floats:
        """Calibrated log-odds of the model's raw log-odds."""
        return self.slope * np.asarray(raw, dtype=np.float64) + self.intercept

    def probability(self, raw: ArrayLike) -> Floats:
        """Calibrated probability of the model's raw log-odds."""
        return probability(self.log_odds(raw))


class ScoreScale(Document):
    """A score linear in calibrated log-odds through two anchors; the policy reviews whoever is under 60.

    score = 60 - points_to_double_odds x (log-odds - log-odds of pd_at_60) / ln 2
    """

    pd_at_60: float = Field(gt=0, lt=1, description="the PD at score 60")
    points_to_double_odds: float = Field(gt=0, le=100, description="points by which the odds of being good double")

    @cached_property
    def points_per_log_odds(self) -> float:
        """Points added by one unit of calibrated log-odds: negative, as higher is safer."""
        return -self.points_to_double_odds / log(2)

    @cached_property
    def base(self) -> float:
        """The unclipped score at log-odds 0: the term of the sum that no feature moves."""
        return 60 - self.points_per_log_odds * float(log_odds(self.pd_at_60))

    def unclipped(self, log_odds: ArrayLike) -> Floats:
        """Score of calibrated log-odds before the clip, so that contributions add up to it."""
        return self.base + self.points_per_log_odds * np.asarray(log_odds, dtype=np.float64)

    def score(self, log_odds: ArrayLike) -> Floats:
        """Score of calibrated log-odds, clipped to 0–100."""
        return np.clip(self.unclipped(log_odds), 0, 100)

    def pd_at(self, score: ArrayLike) -> Floats:
        """The PD at an unclipped score: what a cut-off in points means."""
        return probability((np.asarray(score, dtype=np.float64) - self.base) / self.points_per_log_odds)


def grades(score: ArrayLike, cut_points: dict[str, float], lowest: str) -> NDArray[np.str_]:
    """The first grade, from the highest cut point down, whose cut point the score reaches; else `lowest`."""
    values = np.asarray(score, dtype=np.float64)
    ordered = sorted(cut_points.items(), key=lambda item: -item[1])
    reached = [values >= cut for _, cut in ordered]
    return np.select(reached, [np.full(values.shape, name) for name, _ in ordered], default=lowest)
