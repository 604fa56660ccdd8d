"""Cards: the publisher's label, stratified 3-fold, all 30,000 customers pooled."""

import json
from collections.abc import Callable

import numpy as np

from benchmarks.figures import Figures, Goal, Section
from benchmarks.folds import OUTER_SEED, cross_validated, outer_folds
from benchmarks.frames import Rows, taiwan_official
from benchmarks.peers import untuned_catboost
from benchmarks.tune import RESULTS
from training.boosted import fit_boosted
from training.evaluation import evaluate
from training.score import Floats, probability
from training.scorecard import fit_scorecard
from training.spec import Boosting

LAGS = ("", *(f"_{months}" for months in range(1, 6)))
PUBLISHED = ("credit_limit", *(f"{kind}{lag}" for kind in ("status", "bill", "paid") for lag in LAGS))
"""The features that are columns of the published table."""


def taiwan_section(say: Callable[[str], None]) -> Section:
    """Our model beside untuned CatBoost, the scorecard and the published range."""
    say("cards: building features")
    rows = taiwan_official()
    say("cards: CatBoost with nested tuning")
    ours = _figures("CatBoost, our features, tuned inside the outer folds", rows, _tuned(rows), ours=True)
    say("cards: CatBoost as retrained by the loop")
    loop = _figures("CatBoost, our features, parameters of models.yaml", rows, cross_validated(rows, OUTER_SEED))
    say("cards: untuned CatBoost")
    untuned = _figures("CatBoost untuned, published columns", rows, untuned_catboost(rows, PUBLISHED))
    names = [column.name for column in rows.columns]
    plain = _figures("CatBoost untuned, our features", rows, untuned_catboost(rows, names))
    say("cards: scorecard")
    card_raw = cross_validated(rows, OUTER_SEED, fit_scorecard)
    card = _figures("scorecard (logistic regression on optimal bins)", rows, card_raw)
    auc, ks, error = (float(ours.values[name]) for name in ("AUC", "KS", "ECE"))
    return Section(
        title="taiwan_cards · default in October 2005 · stratified 3-fold, no protected column",
        note="ECE: ten equal bins of all 30,000 pooled. Published: boosting and neural networks on this table.",
        headings=("AUC", "95 % interval", "KS", "ECE", "Brier"),
        rows=(ours, loop, plain, untuned, card, Figures("published", {"AUC": "0.778-0.792"}, published=True)),
        goals=(
            Goal("AUC", auc, 0.786),
            Goal("KS", ks, 0.43),
            Goal("calibration error", error, 0.01, at_least=False),
        ),
    )


def _tuned(rows: Rows) -> Floats:
    """Each outer fold by a model with the parameters that were chosen without it."""
    chosen = json.loads(RESULTS.read_text(encoding="utf-8"))["taiwan_cards"]["outer_folds"]
    raw = np.empty(len(rows.labels))
    for (learned, tested), found in zip(outer_folds(rows.labels), chosen, strict=True):
        part = rows.part(learned).using(Boosting.model_validate(found["estimator"]))
        raw[tested] = fit_boosted(part.spec, part.frame, part.columns, part.labels).log_odds(rows.frame.filter(tested))
    return raw


def _figures(name: str, rows: Rows, raw: Floats, *, ours: bool = False) -> Figures:
    found = evaluate(rows.labels, probability(raw))
    values: dict[str, float | str] = {
        "AUC": found.auc.value,
        "95 % interval": f"{found.auc.low:.4f}-{found.auc.high:.4f}",
        "KS": found.ks,
        "ECE": found.calibration_error,
        "Brier": found.brier,
    }
    return Figures(name, values, ours=ours)
