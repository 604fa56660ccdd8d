"""Exact SHAP values of a batch from our leaf tables, beside CatBoost's own function: 500 trees of depth 6, 40 inputs.

`python -m benchmarks.shap [ROWS] [ROUNDS]` prints rows a second (medians, in turn) and the largest difference of any
value, and writes `benchmarks/results/shap.json`. Both use two threads where they can; ours pays for finding the leaves.
"""

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from catboost import CatBoost, Pool
from rich.console import Console
from rich.table import Table

from benchmarks.figures import Line
from benchmarks.machine import describe
from benchmarks.turns import keep
from serving.contributions import LeafTable, leaf_table

RESULTS = Path(__file__).parent / "results" / "shap.json"
INPUTS, TREES, DEPTH, SEED = 40, 500, 6, 3
THREADS = 2
GOAL, TOLERANCE = 10, 1e-9


def fitted(draw: np.random.Generator) -> CatBoost:
    """A model of made-up rows whose outcome depends on a few inputs."""
    inputs = draw.normal(size=(20_000, INPUTS)).astype(np.float32)
    outcome = draw.random(len(inputs)) < 1 / (1 + np.exp(2 - inputs[:, :6].sum(axis=1)))
    settings = {"iterations": TREES, "depth": DEPTH, "loss_function": "Logloss", "random_seed": SEED}
    model = CatBoost({**settings, "thread_count": THREADS, "logging_level": "Silent", "allow_writing_files": False})
    model.fit(Pool(inputs, outcome.astype(int)))
    return model


def table_of(model: CatBoost) -> LeafTable:
    """The leaf table of a fitted model, from CatBoost's JSON of it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        model.save_model(str(path), format="json")
        return leaf_table(json.loads(path.read_text()))


def main(rows: int, rounds: int) -> None:
    """Measure in turn, print, and keep the figures."""
    machine, draw = describe(), np.random.default_rng(SEED)
    model = fitted(draw)
    table = table_of(model)
    pool = Pool(draw.normal(size=(rows, INPUTS)).astype(np.float32))
    rates: dict[str, list[float]] = {"theirs": [], "ours": []}
    difference = 0.0
    for _ in range(rounds):
        began = time.perf_counter()
        theirs = model.get_feature_importance(pool, type="ShapValues", thread_count=THREADS)
        between = time.perf_counter()
        ours = table.explain(model.calc_leaf_indexes(pool, thread_count=THREADS))
        rates["theirs"].append(rows / (between - began))
        rates["ours"].append(rows / (time.perf_counter() - between))
        difference = max(difference, float(np.abs(ours - theirs[:, :-1]).max()))
    found: dict[str, Any] = {name: round(statistics.median(measured)) for name, measured in rates.items()}
    found |= {"times": round(found["ours"] / found["theirs"], 1), "largest_difference": difference}
    found |= {"rows": rows, "rounds": rounds, "trees": TREES, "depth": DEPTH, "inputs": INPUTS}
    show(found)
    keep(RESULTS, found, [line(found)], machine)


def line(found: dict[str, Any]) -> Line:
    """What README says."""
    return Line(
        f"exact SHAP values of {found['rows']:,} rows, {found['trees']} trees of depth {found['depth']}",
        f"≥ {GOAL} × CatBoost, equal to {TOLERANCE:.0e}".replace("e-0", "e-"),
        f"{found['ours']:,} rows/s, equal to {found['largest_difference']:.0e}",
        f"{found['theirs']:,} rows/s ({found['times']} ×)",
        "–",
        found["times"] >= GOAL and found["largest_difference"] <= TOLERANCE,
    )


def show(found: dict[str, Any]) -> None:
    """The figures as a table."""
    shown = Table("SHAP values of a batch", "rows/s", box=None)
    shown.add_row("CatBoost's own", f"{found['theirs']:,}")
    shown.add_row("our leaf tables", f"{found['ours']:,}")
    shown.add_row(f"times as fast (goal {GOAL})", f"{found['times']}")
    shown.add_row(f"largest difference (goal {TOLERANCE})", f"{found['largest_difference']:.1e}")
    Console(highlight=False).print(shown)


if __name__ == "__main__":
    rows, rounds = (*map(int, sys.argv[1:]), *(20_000, 15)[len(sys.argv) - 1 :])
    main(rows, rounds)
