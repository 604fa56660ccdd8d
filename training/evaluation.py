"""How good probabilities are: functions over arrays of labels (0 or 1) and probabilities."""

import numpy as np
import polars as pl

from features.documents import Document
from training.calibration import fit_affine
from training.score import Floats, Labels, log_loss, log_odds

NORMAL_95 = 1.959963984540054


class OneClass(ValueError):
    """Labels of one class only: nothing can be told apart."""


class Interval(Document):
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


class Evaluation(Document):
    """The figures of one model on one set of rows."""

    rows: int
    events: int
    auc: Interval
    ks: float
    calibration_error: float
    brier: float
    log_loss: float
    calibration_slope: float
    calibration_intercept: float
    gains: tuple[float, ...]


def evaluate(labels: Labels, probability: Floats) -> Evaluation:
    """All figures at once; both classes must be there."""
    slope, intercept = calibration_line(labels, probability)
    return Evaluation(
        rows=len(labels),
        events=int(labels.sum()),
        auc=auc(labels, probability),
        ks=ks(labels, probability),
        calibration_error=calibration_error(labels, probability),
        brier=float(np.mean((probability - labels) ** 2)),
        log_loss=float(log_loss(labels, probability).mean()),
        calibration_slope=slope,
        calibration_intercept=intercept,
        gains=tuple(float(share) for share in gains(labels, probability)),
    )


def auc(labels: Labels, probability: Floats) -> Interval:
    """Area under the ROC curve with DeLong's interval, taken on the logit so that it stays inside 0–1."""
    of_events, of_rest = _placements(labels, probability)
    value = float(of_events.mean())
    variance = _mean_variance(of_events) + _mean_variance(of_rest)
    if not 0 < value < 1:
        return Interval(value=value, low=value, high=value)
    half = NORMAL_95 * np.sqrt(variance) / (value * (1 - value))
    logit = np.log(value / (1 - value))
    low, high = (1 / (1 + np.exp(-(logit + side * half))) for side in (-1, 1))
    return Interval(value=value, low=float(low), high=float(high))


def auc_value(labels: Labels, values: Floats) -> float:
    """The area alone: the chance that an event has the higher value than a non-event, ties counting half."""
    return float(_placements(labels, values)[0].mean())


def auc_loss(labels: Labels, candidate: Floats, other: Floats) -> tuple[float, float]:
    """AUC of `other` less that of `candidate` on the same rows, and half its 95 % interval (DeLong, paired)."""
    parts = zip(_placements(labels, other), _placements(labels, candidate), strict=True)
    of_events, of_rest = (theirs - ours for theirs, ours in parts)
    variance = _mean_variance(of_events) + _mean_variance(of_rest)
    return float(of_events.mean()), float(NORMAL_95 * np.sqrt(variance))


def roc(labels: Labels, probability: Floats) -> tuple[Floats, Floats]:
    """False and true positive rates from (0, 0) to (1, 1), one point for each distinct probability."""
    order = np.argsort(-probability, kind="stable")
    distinct = np.r_[np.flatnonzero(np.diff(probability[order])), len(order) - 1]
    hits = np.cumsum(labels[order], dtype=np.int64)[distinct]
    misses = distinct + 1 - hits
    return np.r_[0, misses / max(misses[-1], 1)], np.r_[0, hits / max(hits[-1], 1)]


def ks(labels: Labels, probability: Floats) -> float:
    """Kolmogorov–Smirnov: the largest gap between the two classes' score distributions."""
    false_positive, true_positive = roc(labels, probability)
    return float(np.max(np.abs(true_positive - false_positive)))


def calibration_bins(labels: Labels, probability: Floats, bins: int = 10) -> list[tuple[float, float, int]]:
    """(mean probability, observed rate, rows) of bins that hold equally many rows, ordered by probability."""
    order = np.argsort(probability, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return [(float(probability[part].mean()), float(labels[part].mean()), len(part)) for part in parts]


def calibration_error(labels: Labels, probability: Floats, bins: int = 10) -> float:
    """Expected calibration error: the row-weighted mean gap of `calibration_bins`."""
    parts = calibration_bins(labels, probability, bins)
    return sum(abs(mean - rate) * rows for mean, rate, rows in parts) / max(len(labels), 1)


def calibration_line(labels: Labels, probability: Floats) -> tuple[float, float]:
    """Slope and intercept of the label on the log-odds; 1 and 0 when the probabilities are right."""
    line = fit_affine(labels, log_odds(probability))
    return line.slope, line.intercept


def gains(labels: Labels, probability: Floats, parts: int = 10) -> Floats:
    """Share of all events found in the riskiest 1/parts, 2/parts, … of the rows."""
    hits = np.cumsum(labels[np.argsort(-probability, kind="stable")], dtype=np.int64)
    ends = np.maximum(np.arange(1, parts + 1) * len(labels) // parts - 1, 0)
    return hits[ends] / max(int(hits[-1]), 1)


def _placements(labels: Labels, values: Floats) -> tuple[Floats, Floats]:
    """DeLong's parts: for each event the share of the others under it, for each other the share of events above it."""
    event, rest = values[labels == 1], values[labels == 0]
    if not len(event) or not len(rest):
        raise OneClass(f"{len(event)} events and {len(rest)} others among {len(labels)} rows; an AUC needs both")
    everyone = _mid_ranks(values)
    of_events = (everyone[labels == 1] - _mid_ranks(event)) / len(rest)
    of_rest = 1 - (everyone[labels == 0] - _mid_ranks(rest)) / len(event)
    return of_events, of_rest


def _mid_ranks(values: Floats) -> Floats:
    """1-based ranks, ties sharing their mean rank."""
    return pl.Series(values).rank("average").to_numpy()


def _mean_variance(values: Floats) -> float:
    return float(values.var(ddof=1) / len(values)) if len(values) > 1 else 0.0
