"""`python -m benchmarks.reasons [PORTFOLIO]`: does changing what the first reason names move the score as it says?

On the rows held out of the champion's training, in the home of LENDLOOP_HOME: the features of the first reason's code
are set to the population's typical value (median, commonest category) and the row is scored again. A reason against a
customer is right when the score rises, one for a customer when it falls; a score that stays counts as wrong.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from flows.workspace import open_workspace
from serving.decide import Applications, Context, FeatureRows, decide, frame_rows
from serving.decisions import Decisions
from serving.release import LoadedRelease, load_release
from serving.scoring import LoadedModel, check_inputs
from training.evaluation import NORMAL_95
from training.fairness import wilson
from training.inputs import Inputs
from training.score import Floats

RESULTS = Path(__file__).parent / "results" / "reasons.json"


def main(portfolio: str = "taiwan_cards") -> None:
    """Measure, print and write."""
    workspace = open_workspace(portfolio)
    champion = workspace.registry.champion(portfolio)
    if champion is None:
        raise SystemExit(f"{portfolio} has no champion in {workspace.settings.root()}; run `lendloop demo` there first")
    release = load_release(workspace.release_folder(champion.sha))
    rows = workspace.registry.held_out(champion.runs["risk"])
    facts = measure(release, rows)
    console = Console()
    table = Table("first reason", "decisions", "moves as it says", "95 %", "median points", box=None)
    for name, found in facts.items():
        interval = f"{found['low']:.1%} to {found['high']:.1%}"
        table.add_row(
            name, f"{found['decisions']:,.0f}", f"{found['right']:.1%}", interval, f"{found['median_points']:+.1f}"
        )
    console.print(f"{portfolio}, release {release.sha[:12]}, {rows.height:,} held-out rows", table)
    RESULTS.parent.mkdir(exist_ok=True)
    about = {"portfolio": portfolio, "release": release.sha, "rows": rows.height, "reasons": facts}
    RESULTS.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    console.print("written to benchmarks/results/reasons.json")


def measure(release: LoadedRelease, rows: pl.DataFrame) -> dict[str, dict[str, float]]:
    """For refusals, approvals, and each code of a refusal: how often its removal moves the score as it says."""
    model = release.models["risk"]
    features = frame_rows(rows, model.columns)
    calm = Context(paused=np.zeros(rows.height, dtype=bool))
    made = decide(release, Applications(np.full(rows.height, np.nan)), features, calm)
    # Where something else than the score decided, no part of the score is its reason.
    first = np.where(made.problems.unscored, -1, made.shown[:, 0])
    scale = release.policy.risk.scale.points_per_log_odds if release.policy.risk else 1.0
    before = scale * model.score(_inputs(model, features)).log_odds
    moved = np.full(rows.height, np.nan)
    for place, code in enumerate(made.codes):
        hit = first == place
        if hit.any():
            changed = _typical(features, release.policy.reasons[code].features)
            moved[hit] = (scale * model.score(_inputs(model, changed)).log_odds - before)[hit]
    return _facts(made, first, moved)


def _facts(made: Decisions, first: NDArray[np.intp], moved: Floats) -> dict[str, dict[str, float]]:
    rows = np.arange(len(made))
    against = (first >= 0) & ~made.passes & (made.points[rows, first] < 0)
    speaks_for = (first >= 0) & made.passes & (made.points[rows, first] > 0)
    facts = {"all not passed by score": _share(moved[against])}
    for place, code in enumerate(made.codes):
        if (hit := against & (first == place)).any():
            facts[f"  {code}"] = _share(moved[hit])
    return facts | {"all passed by score": _share(-moved[speaks_for])}


def _share(moved: Floats) -> dict[str, float]:
    right = int((moved > 1e-9).sum())
    low, high = wilson(right, len(moved), NORMAL_95)
    middle = float(np.median(moved)) if len(moved) else float("nan")
    share = right / max(len(moved), 1)
    return {"decisions": len(moved), "right": share, "low": low, "high": high, "median_points": middle}


def _inputs(model: LoadedModel, features: FeatureRows) -> Inputs:
    return check_inputs(model.columns, features.values, features.rows).inputs


def _typical(features: FeatureRows, names: tuple[str, ...]) -> FeatureRows:
    changed = dict(features.values)
    for name in names:
        if name in changed:
            column = pl.Series(name, changed[name], nan_to_null=True)
            numeric = column.dtype.is_numeric()
            usual: Any = column.median() if numeric else column.drop_nulls().mode().sort()[0]
            changed[name] = [usual] * features.rows
    return FeatureRows(features.rows, changed, features.ages)


if __name__ == "__main__":
    main(*sys.argv[1:2])
