"""Deposits: month after month from May 2009 on, the retrained model beside the one frozen at the start."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.figures import Figures, Goal, Section
from benchmarks.folds import OUTER_SEED, cross_validated
from benchmarks.frames import Rows, bank_contacts
from benchmarks.months import END, START
from benchmarks.tune import RESULTS
from training.boosted import fit_boosted
from training.evaluation import auc, calibration_error
from training.holdout import HeldOut, hold_out
from training.score import Floats, Labels, probability
from training.scorecard import fit_scorecard
from training.spec import Boosting
from training.task import Task
from training.windows import known_before, month_name, months_of, trailing

TRAILING = 3
HEADINGS = ("AUC pooled", "AUC mean of months", "level error", "ECE of months")
NOTE = (
    "level error: |mean probability - conversion rate| of a month; ECE: ten bins of a month (of 75 to 5,575 contacts, "
    "so chance alone gives some 0.05); both weighted by contacts. Windows and calibrations by past months only."
)


def bank_sections(say: Callable[[str], None]) -> list[Section]:
    """The loop out of time, then random folds."""
    say("deposits: building features")
    rows, whole = bank_contacts(), bank_contacts(every_feature=True)
    return [_out_of_time(rows, whole, say), _choice_of_features(), _random(rows, whole, say)]


@dataclass(frozen=True)
class _Month:
    """What the loop did at the end of the month before, and how it fared."""

    month: str
    contacts: int
    window: int
    calibration: str
    auc: float
    auc_frozen: float
    rate: float
    mean: float


def _out_of_time(rows: Rows, whole: Rows, say: Callable[[str], None]) -> Section:
    labels, of_month = rows.labels, months_of(rows.frame)
    tested = of_month >= START
    frozen = _predict_after_start(rows)
    retrained, every, card, constant = (np.full(len(labels), np.nan) for _ in range(4))
    lived: list[_Month] = []
    for month in range(START, END + 1):
        say(f"deposits: {month_name(month)}")
        here, known = of_month == month, known_before(rows.frame, of_month, month)
        made, frame = _made_before(rows, month), rows.frame.filter(here)
        retrained[here] = made.predict(frame)
        every[here] = _made_before(whole, month).predict(whole.frame.filter(here))
        scorecard = fit_scorecard(rows.spec, made.window.frame, rows.columns, made.window.labels)
        card[here] = probability(scorecard.log_odds(frame))
        constant[here] = labels[trailing(of_month, TRAILING, known)].mean()
        lived.append(_lived(month, made.choice, labels[here], retrained[here], frozen[here]))
    lines = (
        _figures("retrained monthly (CatBoost)", labels, retrained, of_month, ours=True),
        _figures("frozen at the start (CatBoost)", labels, frozen, of_month),
        _figures("every permitted feature, retrained monthly (CatBoost)", labels, every, of_month),
        _figures("scorecard, retrained monthly on the same window", labels, card, of_month),
        _figures(f"mean of the last {TRAILING} months, no features", labels, constant, of_month),
    )
    ours, still = lines[0].values, lines[1].values
    return Section(
        title=f"bank_deposits · {month_name(START)} to {month_name(END)} · {int(tested.sum()):,} contacts, out of time",
        note=NOTE,
        headings=HEADINGS,
        rows=lines,
        goals=(
            Goal("frozen, AUC pooled", float(still["AUC pooled"]), 0.72),
            Goal("retrained, AUC pooled", float(ours["AUC pooled"]), 0.79),
            Goal("retrained, AUC mean of months", float(ours["AUC mean of months"]), 0.675),
        ),
        details={"months": [vars(month) for month in lived]},
    )


@dataclass(frozen=True)
class _Made:
    """A model of the loop: what it chose, and the rows it was fitted on."""

    choice: HeldOut
    window: Task

    def predict(self, frame: pl.DataFrame) -> Floats:
        """Calibrated probabilities."""
        return self.choice.calibration.calibration.probability(self.window.fit().log_odds(frame))


def _made_before(rows: Rows, month: int) -> _Made:
    """The model that the loop makes at the end of the month before."""
    known = known_before(rows.frame, months_of(rows.frame), month)
    task = _task(rows.part(known))
    choice = hold_out(task, lambda _: None)
    return _Made(choice, task.part(trailing(task.months, choice.window.months, np.ones(known.sum(), dtype=bool))))


def _predict_after_start(rows: Rows) -> Floats:
    """The model that the loop would have made at the end of April 2009, kept ever since."""
    after = months_of(rows.frame) >= START
    found = np.full(len(after), np.nan)
    found[after] = _made_before(rows, START).predict(rows.frame.filter(after))
    return found


def _task(rows: Rows) -> Task:
    return Task(rows.spec, rows.frame, rows.columns, ())


def _lived(month: int, choice: HeldOut, labels: Labels, retrained: Floats, frozen: Floats) -> _Month:
    return _Month(
        month=month_name(month),
        contacts=len(labels),
        window=choice.window.months,
        calibration=choice.calibration.form,
        auc=auc(labels, retrained).value,
        auc_frozen=auc(labels, frozen).value,
        rate=float(labels.mean()),
        mean=float(retrained.mean()),
    )


def _figures(name: str, labels: Labels, found: Floats, of_month: NDArray[np.int64], *, ours: bool = False) -> Figures:
    months = range(START, END + 1)
    parts = [(labels[of_month == month], found[of_month == month]) for month in months]
    weights = [len(part) for part, _ in parts]
    scored = ~np.isnan(found)
    values: dict[str, float | str] = {
        "AUC pooled": auc(labels[scored], found[scored]).value,
        "AUC mean of months": float(np.mean([auc(part, given).value for part, given in parts])),
        "level error": float(np.average([abs(given.mean() - part.mean()) for part, given in parts], weights=weights)),
        "ECE of months": float(np.average([calibration_error(part, given) for part, given in parts], weights=weights)),
    }
    return Figures(name, values, ours=ours)


def _choice_of_features() -> Section:
    """Which features the months before May 2009 choose by themselves, as `benchmarks.tune` found."""
    found = json.loads(RESULTS.read_text(encoding="utf-8"))["bank_deposits"]
    lines = tuple(
        Figures(name, {"mean of candidates": each["mean"], "best": each["best"]}, ours=name == found["features"])
        for name, each in found["feature_sets"].items()
    )
    return Section(
        title="bank_deposits · the choice of features by July 2008 to April 2009",
        note="Mean of pooled and monthly AUC, windows of 3, 6 and 12 months. Of the sets within one standard error "
        f"({found['standard_error']:.3f}) of the highest mean the smallest is taken.",
        headings=("mean of candidates", "best"),
        rows=lines,
    )


def _random(rows: Rows, whole: Rows, say: Callable[[str], None]) -> Section:
    """What a random split shows: easier, since it knows every month's level from the month's other contacts."""
    say("deposits: random folds")
    plain = whole.using(Boosting(iterations=300, depth=6, learning_rate=0.1))
    lines = []
    for name, given, fit, ours in (
        ("CatBoost, every permitted feature, not tuned", plain, fit_boosted, True),
        ("CatBoost, the loop's client features", rows, fit_boosted, False),
        ("scorecard, every permitted feature", whole, fit_scorecard, False),
    ):
        raw = cross_validated(given, OUTER_SEED, fit)
        error = calibration_error(rows.labels, probability(raw))
        lines.append(Figures(name, {"AUC": auc(rows.labels, raw).value, "ECE": error}, ours=ours))
    return Section(
        title="bank_deposits · stratified random 3-fold, all 45,211 contacts, no duration, no protected column",
        note="Months and campaign figures help here and harm out of time: they tell months apart, and each comes once.",
        headings=("AUC", "ECE"),
        rows=tuple(lines),
        goals=(Goal("random 3-fold AUC", float(lines[0].values["AUC"]), 0.80),),
    )
