"""The search for parameters, `python -m benchmarks.tune`: writes results/tuned.json, which `benchmarks.quality` reads.

Nothing that quality reports on is seen here. Deposits: months before May 2009 only, each predicted from its own past.
Cards: nested; for each of the three outer folds, candidates are judged by cross-validation inside the other two, so
an outer fold is scored with parameters that were chosen without it.
"""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from benchmarks.folds import cross_validated, outer_folds
from benchmarks.frames import Rows, bank_contacts, taiwan_official
from benchmarks.months import START, predict_months
from training.evaluation import auc
from training.score import Floats, probability
from training.spec import Boosting
from training.windows import months_of

RESULTS = Path(__file__).parent / "results" / "tuned.json"
SEED = 1729
CANDIDATES = {"bank_deposits": 16, "taiwan_cards": 8}
FIRST_MONTH = 2008 * 12 + 6

CHOICES: dict[str, dict[str, list[float]]] = {
    "bank_deposits": {
        "iterations": [60, 100, 150, 250],
        "depth": [2, 3, 4],
        "learning_rate": [0.03, 0.05, 0.08],
        "l2_leaf_reg": [3, 10, 30],
        "rsm": [0.5, 0.7, 1.0],
        "subsample": [0.6, 0.8],
        "random_strength": [0.5, 1, 2],
    },
    "taiwan_cards": {
        "iterations": [200, 300, 400],
        "depth": [4, 5, 6],
        "learning_rate": [0.03, 0.05],
        "l2_leaf_reg": [3, 10, 30],
        "rsm": [0.2, 0.4, 0.7],
        "subsample": [0.7, 0.9],
        "random_strength": [1, 2],
        "border_count": [64, 128],
    },
}


def candidates(portfolio: str) -> Iterator[Boosting]:
    """The parameters to try, drawn with the seed."""
    random = np.random.default_rng(SEED)
    for _ in range(CANDIDATES[portfolio]):
        drawn = {name: random.choice(values).item() for name, values in CHOICES[portfolio].items()}
        yield Boosting.model_validate(drawn)


def tune_bank(say: Callable[[str], None]) -> dict[str, object]:
    """The best of the candidates on July 2008 to April 2009: mean of pooled and monthly AUC over three windows."""
    rows = bank_contacts()
    tried = []
    for boosting in candidates("bank_deposits"):
        tried.append((bank_figure(rows.using(boosting)), boosting))
        say(f"bank_deposits {tried[-1][0]:.4f} {boosting.model_dump()}")
    best = max(tried, key=lambda pair: pair[0])
    # Why the loop reads the client's features only: the same search figure with months and campaign figures added.
    every = bank_figure(bank_contacts(every_feature=True).using(best[1]))
    return {
        "figure": best[0],
        "figure_with_every_feature": every,
        "estimator": best[1].model_dump(),
        "tried": len(tried),
    }


def bank_figure(rows: Rows) -> float:
    """What deposits are tuned by: mean of pooled and monthly AUC before May 2009, over three windows."""
    months = [month for month in range(FIRST_MONTH, START) if (months_of(rows.frame) == month).sum() >= 100]
    return float(np.mean([_window_figure(rows, window, months) for window in (3, 6, 12)]))


def _window_figure(rows: Rows, window: int, months: list[int]) -> float:
    labels, of_month = rows.labels, months_of(rows.frame)
    raw = predict_months(rows, window, months)
    scored = ~np.isnan(raw)
    monthly = [auc(labels[of_month == month], raw[of_month == month]).value for month in months]
    return (auc(labels[scored], raw[scored]).value + float(np.mean(monthly))) / 2


def tune_taiwan(say: Callable[[str], None]) -> dict[str, object]:
    """For each outer fold the candidate with the best cross-validated AUC inside the other two."""
    rows = taiwan_official()
    chosen = []
    for number, (learned, _) in enumerate(outer_folds(rows.labels)):
        inside = rows.part(learned)
        tried = []
        for boosting in candidates("taiwan_cards"):
            tried.append((_cross_validated_auc(inside.using(boosting), number), boosting))
            say(f"taiwan_cards fold {number} {tried[-1][0]:.5f} {boosting.model_dump()}")
        best = max(tried, key=lambda pair: pair[0])
        chosen.append({"figure": best[0], "estimator": best[1].model_dump(), "tried": len(tried)})
    return {"outer_folds": chosen}


def _cross_validated_auc(rows: Rows, fold: int) -> float:
    raw: Floats = cross_validated(rows, seed=SEED + fold)
    return auc(rows.labels, probability(raw)).value


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


def main() -> None:
    """Tune the portfolios named on the command line, both without any."""
    tuners = {"bank_deposits": tune_bank, "taiwan_cards": tune_taiwan}
    found = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    for name in sys.argv[1:] or tuners:
        found[name] = {"seed": SEED, **tuners[name](_say)}
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
