"""The out-of-time test: every candidate window on the last labelled months, each by a model of its own past."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import partial

import numpy as np

from features.calendar import cutoff
from training.boosted import Boosted, side_by_side
from training.calibration import CalibrationChoice, choose_calibration, crossed_probability
from training.digests import frame_digest
from training.folds import entity_parts
from training.inputs import Rows
from training.labels import KNOWN, LABEL
from training.score import Floats
from training.task import Progress, Task, TooFewRows
from training.windows import (
    JudgedWindow,
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
class _Candidate:
    """One window on one held-out month: the rows it is tested on, and those it learns from."""

    window: int
    month: int
    tested: Rows
    learned: Rows


@dataclass(frozen=True)
class _Trial(_Candidate):
    """A candidate that was fitted and tested."""

    fitted: _Fitted

    @property
    def raw(self) -> Floats:
        """The raw log-odds of the tested rows."""
        return self.fitted.raw


def hold_out(task: Task, progress: Progress) -> HeldOut:
    """Test out of time; on entities held out of the one labelled month when there is no earlier one to learn from."""
    months = held_out_months(task.frame, task.spec)
    if task.spec.brought and task.spec.brought.learned_until:
        months = _unlearned(task, months, task.spec.brought.learned_until)
    if not months:
        progress("one labelled month: testing on entities held out of it")
        why = "a quarter of the entities of the only month that can be judged"
        return _conclude(task, [_entity_trial(task, progress)], (), why)
    candidates = [candidate for month in months for candidate in _candidates(task, month)]
    trials = _tried_out(task, candidates, progress)
    why = "whole months: no label of theirs is still to come"
    if not is_whole(task.frame, months[-1]):
        why = "months some of whose labels are still to come: no whole one can be judged"
    return _conclude(task, trials, tuple(month_name(month) for month in months), why)


def _unlearned(task: Task, months: list[int], until: date) -> list[int]:
    """The months none of whose outcomes was known at the day `until` which a brought model has learned."""
    early = (task.column(KNOWN) < cutoff(until)).to_numpy()
    later = [month for month in months if not (early & (task.months == month)).any()]
    if not later and early.any():
        first, newest = (month_name(int(pick(task.months))) for pick in (min, max))
        raise TooFewRows(
            f"the brought model learned from outcomes up to {until}; the labelled rows are of {first} to {newest}, and "
            "no month of later outcomes is there to test it on; take a later --as-of, or correct learned_until in "
            "models.yaml"
        )
    return later


def _candidates(task: Task, month: int) -> list[_Candidate]:
    """Every window on one month."""
    months = task.months
    tested, known = months == month, known_before(task.frame, months, month)
    return [_Candidate(window, month, tested, trailing(months, window, known)) for window in sorted(task.spec.windows)]


def _tried_out(task: Task, candidates: list[_Candidate], progress: Progress) -> list[_Trial]:
    """Each candidate fitted and tested; candidates that reach the same rows, for lack of older ones, share one model.

    One that learned from the very same rows before, in a month before, is not fitted again: next month's retraining
    judges most of this month's trials too, and in a replay that is two thirds of the work.
    """
    keys = [_key(task, candidate) for candidate in candidates]
    due = {key: candidate for key, candidate in zip(keys, candidates, strict=True) if key not in _tried}
    if due:
        progress(f"{len(due)} models of candidate windows, tested on {_spelled(due.values())}")
        fit = [partial(_fit, task, candidate) for candidate in due.values()]
        _remember(dict(zip(due, side_by_side(fit, task.height), strict=True)))
    pairs = zip(candidates, keys, strict=True)
    return [_Trial(c.window, c.month, c.tested, c.learned, _tried[key]) for c, key in pairs]


def _key(task: Task, candidate: _Candidate) -> tuple[str, str, str]:
    inputs = [column.name for column in task.columns]
    return (
        task.spec.model_dump_json(),
        frame_digest(task.frame.select(LABEL, *inputs), candidate.learned),
        frame_digest(task.frame.select(inputs), candidate.tested),
    )


def _spelled(candidates: Iterable[_Candidate]) -> str:
    return ", ".join(month_name(month) for month in sorted({candidate.month for candidate in candidates}))


def _remember(fitted: dict[tuple[str, str, str], _Fitted]) -> None:
    """Keep what was fitted; the oldest go first, but nothing that was fitted just now."""
    _tried.update(fitted)
    while len(_tried) > max(REMEMBERED, len(fitted)):
        _tried.pop(next(iter(_tried)))


def _fit(task: Task, candidate: _Candidate) -> _Fitted:
    """A candidate with only one class to learn from predicts its rate, so that it is judged, not skipped."""
    past, tested = task.part(candidate.learned), candidate.tested
    if past.can_learn:
        model = past.fit()
        return _Fitted(model, task.part(tested).scored(model))
    smoothed = (past.labels.sum() + 0.5) / (len(past.labels) + 1)
    return _Fitted(None, np.full(int(tested.sum()), float(np.log(smoothed / (1 - smoothed)))))


def _entity_trial(task: Task, progress: Progress) -> _Trial:
    tested = entity_parts(task.keys, 4, task.spec.seed) == 0
    for rows in (tested, ~tested):
        if not 0 < task.labels[rows].sum() < rows.sum():
            raise TooFewRows(f"{int(task.labels.sum())} events among {len(rows)} rows do not fill a held-out quarter")
    candidate = _Candidate(max(task.spec.windows), int(task.months.max()), tested, ~tested)
    return _tried_out(task, [candidate], progress)[0]


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
    return choose_calibration(labels, raw, halves, months, task.forms)


def _halves(task: Task) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return entity_parts(task.keys, 2, task.spec.seed)
