"""The out-of-time test: every candidate window on the last labelled months, each by a model of its own past."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from training.boosted import Boosted
from training.calibration import CalibrationChoice, choose_calibration, crossed_probability
from training.digests import frame_digest
from training.folds import entity_parts
from training.labels import LABEL
from training.score import Floats
from training.task import Progress, Task, TooFewRows
from training.windows import (
    JudgedWindow,
    Rows,
    WindowChoice,
    choose_window,
    held_out_months,
    is_whole,
    judge,
    known_before,
    month_name,
    trailing,
)

REMEMBERED = 64
"""Trials kept in memory: their models and raw log-odds, some 500 kB each."""


@dataclass(frozen=True)
class _Fitted:
    """A candidate's model (None: it had one class only to learn from) and its raw log-odds of the tested rows."""

    model: Boosted | None
    raw: Floats


_tried: dict[tuple[str, str, str], _Fitted] = {}


@dataclass(frozen=True)
class HeldOut:
    """The test, and what was chosen by it.

    `tested` are the rows of the last held-out month, `learned` those the tested `model` was fitted on. Window and
    calibration of the test itself were chosen on the months before the last; `window` and `calibration`, for the model
    to be released, on all of them. `why` says which rows were held out.
    """

    tested: Task
    learned: Task
    model: Boosted | None
    raw: Floats
    probability: Floats
    calibration: CalibrationChoice
    window: WindowChoice
    months: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class _Trial:
    """One candidate window on one held-out month."""

    window: int
    month: int
    tested: Rows
    learned: Rows
    fitted: _Fitted

    @property
    def raw(self) -> Floats:
        """The raw log-odds of the tested rows."""
        return self.fitted.raw


def hold_out(task: Task, progress: Progress) -> HeldOut:
    """Test out of time; on entities held out of the one labelled month when there is no earlier one to learn from."""
    months = held_out_months(task.frame, task.spec)
    if not months:
        progress("one labelled month: testing on entities held out of it")
        why = "a quarter of the entities of the only month that can be judged"
        return _conclude(task, [_entity_trial(task)], (), why)
    trials = [trial for month in months for trial in _month_trials(task, month, progress)]
    why = "whole months: no label of theirs is still to come"
    if not is_whole(task.frame, months[-1]):
        why = "months some of whose labels are still to come: no whole one can be judged"
    return _conclude(task, trials, tuple(month_name(month) for month in months), why)


def _month_trials(task: Task, month: int, progress: Progress) -> list[_Trial]:
    """Each candidate on one month; candidates that reach the same rows, for lack of older ones, share one model."""
    months = task.months
    tested, known = months == month, known_before(task.frame, months, month)
    trials: list[_Trial] = []
    fitted: dict[int, _Fitted] = {}
    for window in sorted(task.spec.windows):
        learned = trailing(months, window, known)
        rows = int(learned.sum())
        if rows not in fitted:
            progress(f"window of {window} months, tested on {month_name(month)}")
            fitted[rows] = _fitted(task, learned, tested)
        trials.append(_Trial(window, month, tested, learned, fitted[rows]))
    return trials


def _fitted(task: Task, learned: Rows, tested: Rows) -> _Fitted:
    """A candidate's model and predictions; one that learned from the very same rows before is not fitted again.

    Next month's retraining judges most of this month's trials too: in a replay that is two thirds of the work.
    """
    past, rows = task.part(learned), task.frame.filter(tested)
    inputs = [column.name for column in task.columns]
    key = (
        task.spec.model_dump_json(),
        frame_digest(past.frame.select(LABEL, *inputs)),
        frame_digest(rows.select(inputs)),
    )
    if key not in _tried:
        while len(_tried) >= REMEMBERED:
            _tried.pop(next(iter(_tried)))
        _tried[key] = _fit(past, rows)
    return _tried[key]


def _fit(past: Task, rows: pl.DataFrame) -> _Fitted:
    """A candidate with only one class to learn from predicts its rate, so that it is judged, not skipped."""
    if 0 < past.labels.sum() < len(past.labels):
        model = past.fit()
        return _Fitted(model, model.log_odds(rows))
    smoothed = (past.labels.sum() + 0.5) / (len(past.labels) + 1)
    return _Fitted(None, np.full(rows.height, float(np.log(smoothed / (1 - smoothed)))))


def _entity_trial(task: Task) -> _Trial:
    tested = entity_parts(task.keys, 4, task.spec.seed) == 0
    for rows in (tested, ~tested):
        if not 0 < task.labels[rows].sum() < rows.sum():
            raise TooFewRows(f"{int(task.labels.sum())} events among {len(rows)} rows do not fill a held-out quarter")
    return _Trial(max(task.spec.windows), int(task.months.max()), tested, ~tested, _fitted(task, ~tested, tested))


def _conclude(task: Task, trials: list[_Trial], months: tuple[str, ...], why: str) -> HeldOut:
    last = max(trial.month for trial in trials)
    past = [trial for trial in trials if trial.month < last]
    window, tested_window = _choose(task, trials if months else past), _choose(task, past).months
    final = next(trial for trial in trials if trial.month == last and trial.window == tested_window)
    calibration = _calibrate(task, [trial for trial in trials if trial.window == window.months])
    earlier = [trial for trial in past if trial.window == tested_window]
    if earlier:
        tested_probability = _calibrate(task, earlier).calibration.probability(final.raw)
    else:
        form = _calibrate(task, [final]).form
        tested = task.part(final.tested)
        tested_probability = crossed_probability(form, tested.labels, final.raw, _halves(tested))
    return HeldOut(
        tested=task.part(final.tested),
        learned=task.part(final.learned),
        model=final.fitted.model,
        raw=final.raw,
        probability=tested_probability,
        calibration=calibration,
        window=window,
        months=months,
        why=why,
    )


def _choose(task: Task, trials: list[_Trial]) -> WindowChoice:
    judged: list[JudgedWindow] = [judge(t.window, t.month, task.labels[t.tested], t.raw) for t in trials]
    return choose_window(task.spec.windows, judged)


def _calibrate(task: Task, trials: list[_Trial]) -> CalibrationChoice:
    labels = np.concatenate([task.labels[trial.tested] for trial in trials])
    raw = np.concatenate([trial.raw for trial in trials])
    halves = np.concatenate([_halves(task.part(trial.tested)) for trial in trials])
    months = np.concatenate([np.full(len(trial.raw), trial.month) for trial in trials])
    return choose_calibration(labels, raw, halves, months)


def _halves(task: Task) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return entity_parts(task.keys, 2, task.spec.seed)
