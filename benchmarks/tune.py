"""The search for parameters, `python -m benchmarks.tune`: writes results/tuned.json, which `benchmarks.quality` reads.

Nothing that quality reports on is seen here. Deposits: months before May 2009 only, each predicted from its own past.
Cards: nested; for each of the three outer folds, candidates are judged by cross-validation inside the other two, so
an outer fold is scored with parameters that were chosen without it.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
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
WINDOWS = (3, 6, 12)

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


CLIENT = (
    "balance", "job", "has_default", "has_housing_loan", "has_personal_loan", "contact_kind", "contacts_in_campaign",
    "days_since_contact", "contacts_before", "earlier_outcome",
)  # fmt: skip
DOUBLES = ("balance_log", "in_debt", "never_contacted", "contacts_before_log", "earlier_success")
CALENDAR = ("month", "day_of_month", "weekday", "season_sine", "season_cosine")
CAMPAIGN = (
    "volume_1", "volume_7", "volume_30", "days_since_campaign_day", "cellular_share_30", "earlier_success_share_30",
    "contacts_in_campaign_mean_7", "contacts_before_mean_30", "housing_share_30", "balance_over_mean_30",
)  # fmt: skip

FEATURE_SETS: dict[str, tuple[str, ...]] = {
    "client": CLIENT,
    "client and its logs and flags": CLIENT + DOUBLES,
    "client and calendar": CLIENT + CALENDAR,
    "client and campaign": CLIENT + CAMPAIGN,
    "client, calendar and campaign": CLIENT + CALENDAR + CAMPAIGN,
    "every permitted feature": CLIENT + DOUBLES + CALENDAR + CAMPAIGN,
}
"""What deposits' model may read, by the ideas behind it: who is called, when, and how the campaign goes."""


def candidates(portfolio: str) -> Iterator[Boosting]:
    """The parameters to try, drawn with the seed."""
    random = np.random.default_rng(SEED)
    for _ in range(CANDIDATES[portfolio]):
        drawn = {name: random.choice(values).item() for name, values in CHOICES[portfolio].items()}
        yield Boosting.model_validate(drawn)


def tune_bank(say: Callable[[str], None]) -> dict[str, object]:
    """Features, then parameters, by July 2008 to April 2009 alone.

    A set of features is judged by its mean over all candidates, so that no one choice of parameters speaks for it. Of
    those within one standard error of the best the smallest is taken (the one-standard-error rule of Breiman et al.,
    Classification and Regression Trees, 1984), and of the candidates the best with that set.
    """
    whole = bank_contacts(every_feature=True)
    found: dict[str, list[tuple[float, Boosting]]] = {}
    for name, features in FEATURE_SETS.items():
        rows = whole.reading(features)
        found[name] = []
        for boosting in candidates("bank_deposits"):
            found[name].append((bank_figure(rows.using(boosting)), boosting))
            say(f"bank_deposits {name} {found[name][-1][0]:.4f} {boosting.model_dump()}")
    return chosen_bank(whole, found)


def chosen_bank(whole: Rows, found: Mapping[str, Sequence[tuple[float, Boosting]]]) -> dict[str, object]:
    """The features and parameters by the rule of `tune_bank`, with what it rests on."""
    means = {name: float(np.mean([figure for figure, _ in tried])) for name, tried in found.items()}
    bests = {name: max(tried, key=lambda pair: pair[0]) for name, tried in found.items()}
    top = max(means, key=lambda name: means[name])
    error = _standard_error(whole.reading(FEATURE_SETS[top]).using(bests[top][1]))
    near = [name for name in means if means[name] >= means[top] - error]
    chosen = min(near, key=lambda name: len(FEATURE_SETS[name]))
    return {
        "feature_sets": {name: {"mean": means[name], "best": bests[name][0]} for name in found},
        "highest_mean": top,
        "standard_error": error,
        "features": chosen,
        "figure": bests[chosen][0],
        "estimator": bests[chosen][1].model_dump(),
        "tried": CANDIDATES["bank_deposits"],
    }


def bank_figure(rows: Rows) -> float:
    """What deposits are tuned by: mean of pooled and monthly AUC before May 2009, over three windows."""
    return float(np.mean([_window_figure(rows, window, _searched(rows)) for window in WINDOWS]))


def _standard_error(rows: Rows) -> float:
    """That of the mean of the months' AUC: how far it would move with other months; mean over the windows."""
    errors = []
    for window in WINDOWS:
        monthly, _ = _aucs(rows, window, _searched(rows))
        errors.append(np.std(monthly, ddof=1) / np.sqrt(len(monthly)))
    return float(np.mean(errors))


def _searched(rows: Rows) -> list[int]:
    return [month for month in range(FIRST_MONTH, START) if (months_of(rows.frame) == month).sum() >= 100]


def _window_figure(rows: Rows, window: int, months: list[int]) -> float:
    monthly, pooled = _aucs(rows, window, months)
    return (pooled + float(np.mean(monthly))) / 2


def _aucs(rows: Rows, window: int, months: list[int]) -> tuple[list[float], float]:
    """Of each month, and of all of them together."""
    labels, of_month = rows.labels, months_of(rows.frame)
    raw = predict_months(rows, window, months)
    scored = ~np.isnan(raw)
    monthly = [auc(labels[of_month == month], raw[of_month == month]).value for month in months]
    return monthly, auc(labels[scored], raw[scored]).value


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
