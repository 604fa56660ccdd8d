"""Calibration affine in log-odds: fitted on one held-out part, judged on another."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from features.documents import Document
from training.score import Calibration, Floats, Labels, log_loss, probability

Form = Literal["identity", "shift", "affine"]
FORMS: tuple[Form, ...] = ("identity", "shift", "affine")
Trial = tuple[NDArray[np.bool_], NDArray[np.bool_]]
"""The rows a form is fitted on, and those it is judged on."""


class CalibrationChoice(Document):
    """The calibration taken and, for each form tried, its log loss on the part it was not fitted on."""

    calibration: Calibration
    form: Form
    held_out_log_loss: dict[str, float]
    rows: int


def fit_shift(labels: Labels, raw: Floats) -> Calibration:
    """Slope 1 and the intercept that brings the mean probability to the observed rate."""
    return Calibration(intercept=_newton(labels, raw, free_slope=False)[1])


def fit_affine(labels: Labels, raw: Floats) -> Calibration:
    """Slope and intercept of the logistic regression of the label on the log-odds."""
    slope, intercept = _newton(labels, raw, free_slope=True)
    # A model that ranks the held-out part backwards has no positive slope: its order must not be turned round here.
    return Calibration(slope=slope, intercept=intercept) if slope > 0 else fit_shift(labels, raw)


def choose_calibration(
    labels: Labels,
    raw: Floats,
    part: NDArray[np.int64],
    period: NDArray[np.int64],
    forms: Sequence[Form] = FORMS,
) -> CalibrationChoice:
    """The one of `forms` that helps rows it was not fitted on, refitted on all rows.

    With several periods each form is fitted on the periods before one and judged on that one: a level that moves from
    month to month must not be corrected after the fact. Within a single period each half (`part` is 0 or 1) judges the
    other. A richer form wins only when it is better every time, and by more than one standard error.
    """
    trials = _later_periods(period) if len(np.unique(period)) > 1 else [(part != held, part == held) for held in (0, 1)]
    losses = {form: _losses(form, labels, raw, trials) for form in forms}
    best = forms[0]
    for form in forms[1:]:
        gains = [losses[best][number] - losses[form][number] for number in range(len(trials))]
        every = np.concatenate(gains)
        if min(gain.mean() for gain in gains) > 0 and every.mean() > every.std() / np.sqrt(len(every)):
            best = form
    means = {form: float(np.concatenate(loss).mean()) for form, loss in losses.items()}
    return CalibrationChoice(calibration=_fit(best, labels, raw), form=best, held_out_log_loss=means, rows=len(labels))


def crossed_probability(form: Form, labels: Labels, raw: Floats, part: NDArray[np.int64]) -> Floats:
    """Probabilities of each half under the calibration fitted on the other half: what may be reported."""
    result = np.empty(len(raw))
    for held in (0, 1):
        rows = part == held
        result[rows] = _fit(form, labels[~rows], raw[~rows]).probability(raw[rows])
    return result


def _later_periods(period: NDArray[np.int64]) -> list[Trial]:
    return [(period < judged, period == judged) for judged in np.unique(period)[1:]]


def _losses(form: Form, labels: Labels, raw: Floats, trials: list[Trial]) -> list[Floats]:
    """For each trial the log loss of the rows it judges."""
    return [
        log_loss(labels[judged], _fit(form, labels[fitted], raw[fitted]).probability(raw[judged]))
        for fitted, judged in trials
    ]


def _fit(form: Form, labels: Labels, raw: Floats) -> Calibration:
    if form == "identity" or labels.min(initial=1) == labels.max(initial=0):
        return Calibration()
    return fit_shift(labels, raw) if form == "shift" else fit_affine(labels, raw)


def _newton(labels: Labels, raw: Floats, *, free_slope: bool) -> tuple[float, float]:
    """Maximum likelihood by Newton's method, with a prior worth about one row at slope 1 and intercept 0."""
    found = np.array([1.0, 0.0])
    prior = np.array([1.0, 0.25])
    design = np.column_stack([raw * free_slope, np.ones(len(raw))])
    offset = raw * (not free_slope)
    loss = _loss(labels, design @ found + offset, found, prior)
    for _ in range(100):
        p = probability(design @ found + offset)
        gradient = design.T @ (labels - p) - prior * (found - [1, 0])
        hessian = (design * (p * (1 - p))[:, None]).T @ design + np.diag(prior)
        step = np.linalg.solve(hessian, gradient)
        while (tried := _loss(labels, design @ (found + step) + offset, found + step, prior)) > loss:
            step = step / 2  # the loss is convex: a shorter step in this direction always gains
            if np.abs(step).max() < 1e-10:
                return float(found[0]), float(found[1])
        found, loss = found + step, tried
        if np.abs(step).max() < 1e-10:
            break
    return float(found[0]), float(found[1])


def _loss(labels: Labels, log_odds: Floats, found: Floats, prior: Floats) -> float:
    """Penalised negative log-likelihood."""
    likelihood = np.sum(np.logaddexp(0, log_odds) - labels * log_odds)
    return float(likelihood + 0.5 * np.sum(prior * (found - [1, 0]) ** 2))
