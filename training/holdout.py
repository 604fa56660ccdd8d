"""The out-of-time test: every candidate window on the last labelled months, each by a model of its own past."""

from dataclasses import dataclass

import numpy as np
import polars as pl

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
    judge,
    known_before,
    month_name,
    trailing,
)

REMEMBERED = 64
"""Trials kept in memory: their raw log-odds only, some 100 kB each."""

_tried: dict[tuple[str, str, str], Floats] = {}


@dataclass(frozen=True)
class HeldOut:
    """The test, and what was chosen by it.

    `tested` are the rows of the last held-out month, `learned` those their model was fitted on. Window and calibration
    of the test itself were chosen on the months before the last; `window` and `calibration`, for the model to be
    released, on all of them.
    """

    tested: Task
    learned: Task
    raw: Floats
    probability: Floats
    calibration: CalibrationChoice
    window: WindowChoice
    months: tuple[str, ...]


@dataclass(frozen=True)
class _Trial:
    """One candidate window on one held-out month."""

    window: int
    month: int
    tested: Rows
    learned: Rows
    raw: Floats


def hold_out(task: Task, progress: Progress) -> HeldOut:
    """Test out of time; on entities held out of the one labelled month when there is no earlier one to learn from."""
    months = held_out_months(task.frame, task.spec)
    if not months:
        progress("one labelled month: testing on entities held out of it")
        return _conclude(task, [_entity_trial(task)], ())
    trials = [trial for month in months for trial in _month_trials(task, month, progress)]
    return _conclude(task, trials, tuple(month_name(month) for month in months))


def _month_trials(task: Task, month: int, progress: Progress) -> list[_Trial]:
    """Each candidate on one month; candidates that reach the same rows, for lack of older ones, share one model."""
    months = task.months
    tested, known = months == month, known_before(task.frame, months, month)
    trials: list[_Trial] = []
    raw_of: dict[int, Floats] = {}
    for window in sorted(task.spec.windows):
        learned = trailing(months, window, known)
        rows = int(learned.sum())
        if rows not in raw_of:
            progress(f"window of {window} months, tested on {month_name(month)}")
            raw_of[rows] = _raw(task, learned, tested)
        trials.append(_Trial(window, month, tested, learned, raw_of[rows]))
    return trials


def _raw(task: Task, learned: Rows, tested: Rows) -> Floats:
    """A candidate's raw log-odds; one that learned from the very same rows before is not fitted again.

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
        _tried[key] = _predicted(past, rows)
    return _tried[key]


def _predicted(past: Task, rows: pl.DataFrame) -> Floats:
    """A candidate with only one class to learn from predicts its rate, so that it is judged, not skipped."""
    if 0 < past.labels.sum() < len(past.labels):
        return past.fit().log_odds(rows)
    smoothed = (past.labels.sum() + 0.5) / (len(past.labels) + 1)
    return np.full(rows.height, float(np.log(smoothed / (1 - smoothed))))


def _entity_trial(task: Task) -> _Trial:
    tested = entity_parts(task.keys, 4, task.spec.seed) == 0
    for rows in (tested, ~tested):
        if not 0 < task.labels[rows].sum() < rows.sum():
            raise TooFewRows(f"{int(task.labels.sum())} events among {len(rows)} rows do not fill a held-out quarter")
    return _Trial(max(task.spec.windows), int(task.months.max()), tested, ~tested, _raw(task, ~tested, tested))


def _conclude(task: Task, trials: list[_Trial], months: tuple[str, ...]) -> HeldOut:
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
        raw=final.raw,
        probability=tested_probability,
        calibration=calibration,
        window=window,
        months=months,
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
