"""How good the decided probabilities were, now that their labels are known."""

from collections.abc import Iterator

import numpy as np
import polars as pl

from features.documents import Document
from monitoring.measure import Measure, exact, ranged, rate
from monitoring.outcomes import DECIDED, vintages
from training import evaluation
from training.evaluation import NORMAL_95
from training.fairness import wilson
from training.labels import LABEL
from training.score import Floats, Labels


class CalibrationBin(Document):
    """Mean predicted probability and observed rate of one bin, with Wilson's 95 % interval of the latter."""

    predicted: float
    observed: float
    low: float
    high: float
    n: int


def performance(matured: pl.DataFrame, decisions: pl.DataFrame) -> list[Measure]:
    """Figures of the `matured` decisions (columns probability, label); `decisions` says how many there were to mature.

    A figure that one class alone does not give (AUC, KS) has a NaN value.
    """
    if matured.is_empty():
        return []
    labels, predicted = matured[LABEL].to_numpy(), matured["probability"].to_numpy()
    n, events = len(labels), int(labels.sum())
    observed = rate("observed_rate", "", events, n)
    mean = float(predicted.mean())
    return [
        *_discrimination(labels, predicted),
        exact("calibration_error", "", evaluation.calibration_error(labels, predicted), n),
        observed,
        exact("predicted_rate", "", mean, n),
        Measure("observed_to_predicted", "", events / n / mean, observed.low / mean, observed.high / mean, n),
        rate("matured_share", "", n, max(n, _made_then(matured, decisions))),
    ]


def reliability(matured: pl.DataFrame, bins: int = 10) -> tuple[CalibrationBin, ...]:
    """Predicted against observed in bins that hold equally many decisions; fewer bins when there are few."""
    return tuple(_bins(matured, max(2, min(bins, len(matured) // 50)))) if len(matured) else ()


def _discrimination(labels: Labels, predicted: Floats) -> list[Measure]:
    n = len(labels)
    if not 0 < labels.sum() < n:
        return [exact(name, "", float("nan"), n) for name in ("auc", "ks")]
    return [
        ranged("auc", "", evaluation.auc(labels, predicted), n),
        exact("ks", "", evaluation.ks(labels, predicted), n),
    ]


def _bins(matured: pl.DataFrame, bins: int) -> Iterator[CalibrationBin]:
    labels, predicted = matured[LABEL].to_numpy(), matured["probability"].to_numpy()
    for mean, observed, n in evaluation.calibration_bins(labels, predicted, bins):
        low, high = wilson(int(np.rint(observed * n)), n, NORMAL_95)
        yield CalibrationBin(predicted=mean, observed=observed, low=low, high=high, n=n)


def _made_then(matured: pl.DataFrame, decisions: pl.DataFrame) -> int:
    """How many decisions were made in the months of the matured ones."""
    months = decisions.select(pl.col(DECIDED).dt.strftime("%Y-%m")).to_series()
    return int(months.is_in(vintages(matured)).sum())
