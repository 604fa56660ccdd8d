"""Train one model: choose its window on past months, test it out of time, calibrate it, refit it up to now."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl

from features.permitted import FeatureColumn
from training.boosted import Boosted
from training.brought.model import BroughtError, BroughtModel
from training.digests import code_digest, inputs_digest
from training.evaluation import Evaluation, auc, evaluate
from training.folds import out_of_fold, sample_entities
from training.groups import fairness_of
from training.holdout import HeldOut, hold_out
from training.labels import LABEL
from training.score import Calibration, probability
from training.scorecard import Scorecard, fit_scorecard
from training.spec import ModelSpec
from training.task import Progress, Task, checked_task
from training.trained import FittedOn, TrainedModel, TrainingReport
from training.windows import month_name, trailing

REFERENCE_ROWS = 50_000
"""Quantiles of a profile need no more; the rows of a longer window are sampled."""

IMPORTANCE_ROWS = 2_000


def _silent(_: str) -> None:
    """The progress of a caller who does not watch."""


def train(
    name: str,
    spec: ModelSpec,
    frame: pl.DataFrame,
    columns: Sequence[FeatureColumn],
    groups: Sequence[str],
    as_of: date,
    *,
    brought: BroughtModel | None = None,
    progress: Progress = _silent,
) -> TrainedModel:
    """Train model `name` on `frame`: the result of `labels` (key first) joined with the features and the groups.

    A model that is `brought` is tested and calibrated as any other, with the longest window to be compared on.
    """
    task = checked_task(spec, frame, columns, groups, as_of, brought)
    held_out = hold_out(_longest_only(task), progress)
    _refuse_backwards(task, held_out)
    window = task.part(trailing(task.months, held_out.window.months, np.ones(task.height, dtype=bool)))
    what = "fitting on" if brought is None else "a profile of"
    progress(f"{what} {window.height} rows, and the benchmark scorecard")
    learned = held_out.learned
    with ThreadPoolExecutor(1, "scorecard") as beside:
        # It reads a sample, and imports for seconds: CatBoost's threads have the processor meanwhile.
        card = beside.submit(fit_scorecard, spec, learned.whole, task.columns, learned.labels, learned.rows)
        model = window.fit()
        scorecard = card.result()
    progress("scoring out of fold")
    folds = _out_of_fold(window, held_out.calibration.calibration)
    tested = _tested(held_out, scorecard)
    return TrainedModel(
        columns=task.columns,
        cbm=model.dump(),
        calibration=held_out.calibration.calibration,
        validated=held_out.model.dump() if held_out.model else None,
        scorecard=scorecard.dump(),
        report=_report(name, task, window, held_out, model, tested, folds, as_of),
        held_out=tested,
        out_of_fold=folds,
        reference=_reference(window),
        brought=None if brought is None else brought.content,
    )


def _longest_only(task: Task) -> Task:
    """A brought model is the same whatever the window: one is enough."""
    if task.brought is None:
        return task
    return replace(task, spec=task.spec.model_copy(update={"windows": (max(task.spec.windows),)}))


def _refuse_backwards(task: Task, held_out: HeldOut) -> None:
    """A brought model whose larger outputs mean fewer events, beyond chance, was made to predict the other outcome."""
    if task.brought is None or (area := auc(held_out.tested.labels, held_out.raw)).high >= 0.5:
        return
    points = task.brought.origin.kind == "scorecard"
    remedy = "state (higher_is_better) 0, or a negative (points_to_double_odds)" if points else "train it on the event"
    raise BroughtError(
        f"{task.brought.origin.file}: ranks the {len(held_out.raw)} held-out rows backwards (AUC {area.value:.3f}, "
        f"{area.low:.3f} to {area.high:.3f}): it predicts the opposite of {task.spec.meaning!r}; {remedy}"
    )


def _out_of_fold(window: Task, calibration: Calibration) -> pl.DataFrame:
    sampled = window.part(sample_entities(window.keys, window.spec.validation.fold_rows, window.spec.seed))
    if sampled.brought is None:
        raw = out_of_fold(sampled.spec, sampled.frame, sampled.columns, sampled.keys)
    else:
        raw = sampled.scored(sampled.fit())
    return sampled.about().with_columns(log_odds=raw, probability=calibration.probability(raw))


def _tested(held_out: HeldOut, scorecard: Scorecard) -> pl.DataFrame:
    rows = held_out.tested.frame
    benchmark = probability(scorecard.log_odds(rows))
    names = [column.name for column in held_out.tested.columns]
    features = rows.select(name for name in names if name not in held_out.tested.groups)
    return (
        held_out.tested.about()
        .hstack(features)
        .with_columns(log_odds=held_out.raw, probability=held_out.probability, scorecard_probability=benchmark)
    )


def _reference(window: Task) -> pl.DataFrame:
    names = [column.name for column in window.columns]
    rows = sample_entities(window.keys, REFERENCE_ROWS, window.spec.seed)
    return window.part(rows).frame.select(names)


def _report(
    name: str,
    task: Task,
    window: Task,
    held_out: HeldOut,
    model: Boosted,
    tested: pl.DataFrame,
    folds: pl.DataFrame,
    as_of: date,
) -> TrainingReport:
    spec = task.spec
    drawn = np.random.default_rng(spec.seed).permutation(window.height)[:IMPORTANCE_ROWS]
    fold_labels, fold_probability = folds[LABEL].to_numpy(), folds["probability"].to_numpy()
    return TrainingReport(
        name=name,
        kind=spec.kind,
        meaning=spec.meaning,
        as_of=f"{as_of}",
        inputs=inputs_digest(name, spec, task.frame, task.columns, task.groups, as_of),
        code=code_digest(),
        **_fitted_on(window).model_dump(),
        window=held_out.window,
        scheme="out of time" if held_out.months else "held-out entities",
        held_out_months=held_out.months or (month_name(int(task.months.max())),),
        held_out_why=held_out.why,
        validated=_fitted_on(held_out.learned),
        parameters={**({} if task.brought else spec.estimator.model_dump(exclude_none=True)), "seed": spec.seed},
        calibration=held_out.calibration,
        model=_evaluate(tested, "probability"),
        scorecard=_evaluate(tested, "scorecard_probability"),
        out_of_fold=evaluate(fold_labels, fold_probability),
        fairness=fairness_of(spec, folds, task.groups, fold_labels, fold_probability),
        importance=model.importance(window.drawn(drawn)),
        origin=None if task.brought is None else task.brought.origin,
    )


def _fitted_on(task: Task) -> FittedOn:
    return FittedOn(
        rows=task.height,
        events=int(task.labels.sum()),
        first_month=month_name(int(task.months.min())),
        last_month=month_name(int(task.months.max())),
    )


def _evaluate(tested: pl.DataFrame, column: str) -> Evaluation:
    return evaluate(tested[LABEL].to_numpy(), tested[column].to_numpy())
