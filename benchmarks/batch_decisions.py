"""Decisions in batches, beside CatBoost's bare `predict` on the same array: 500 trees of depth 6, 40 inputs.

`python -m benchmarks.batch_decisions [ROWS] [ROUNDS]` measures, in turn, scores alone and whole decisions with reasons,
compares a sample with the decisions made one by one, and writes `benchmarks/results/batch_decisions.json`.
`--book CUSTOMERS` decides so many customers from a lake to Parquet, part by part as `lendloop decide-book` does.
"""

import json
import statistics
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from catboost import FeaturesData, Pool
from rich.console import Console
from rich.table import Table

from benchmarks.book_decisions import THREADS, Release, decide_many, release_of
from benchmarks.figures import Line
from benchmarks.machine import describe, moment
from benchmarks.shap import fitted
from benchmarks.turns import keep
from features.permitted import FeatureColumn
from serving.applications import Application, Applications, Circumstances, Context
from serving.book import log_odds_alone
from serving.columns import decision_columns
from serving.decide import FeatureRows, decide
from serving.single import decide_single
from training.inputs import Inputs

RESULTS = Path(__file__).parent / "results" / "batch_decisions.json"
AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
SAMPLE = 2_000
BARE = "CatBoost's predict, from the array"
GOAL = 0.8
"""Of bare predict, that scores alone are to reach."""


def made_up(rows: int) -> tuple[Release, np.ndarray, FeatureRows]:
    """A model of 40 inputs, the array of `rows` that it is given, and the same as feature rows."""
    draw = np.random.default_rng(3)
    columns = [FeatureColumn(f"f{place:02d}", "made_up", "float", 40) for place in range(40)]
    booster = fitted(draw)
    booster.set_feature_names([column.name for column in columns])
    numbers = draw.normal(size=(rows, len(columns))).astype(np.float32)
    values: dict[str, Any] = {column.name: numbers[:, place].astype(np.float64) for place, column in enumerate(columns)}
    return release_of(booster, columns), numbers, FeatureRows(rows, values, {"made_up": np.full(rows, 3.0)})


def contenders(release: Release, numbers: np.ndarray, features: FeatureRows) -> dict[str, Callable[[], Any]]:
    """What is measured, by name."""
    model, rows = release.models["risk"], len(numbers)
    inputs = Inputs(numbers, np.empty((rows, 0), dtype=object))
    asked, context = Applications(np.full(rows, np.nan)), Context(np.zeros(rows, dtype=bool), [AT.date()] * rows)
    return {
        BARE: lambda: model.booster.predict(numbers, thread_count=THREADS),
        "CatBoost's predict, from a pool of it": lambda: model.booster.predict(
            Pool(FeaturesData(num_feature_data=numbers)), thread_count=THREADS
        ),
        "scores alone": lambda: release.policy.risk.scale.score(log_odds_alone(model, inputs)),  # type: ignore[union-attr]
        "whole decisions, as columns": lambda: decision_columns(
            decide(release, asked, features, context), "customer", pa.array(np.arange(rows))
        ),
    }


def measured(tried: dict[str, Callable[[], Any]], rows: int, rounds: int) -> dict[str, float]:
    """Rows a second of each, medians of rounds in turn."""
    rates: dict[str, list[float]] = {name: [] for name in tried}
    for _ in range(rounds):
        for name, work in tried.items():
            began = time.perf_counter()
            work()
            rates[name].append(rows / (time.perf_counter() - began))
    return {name: round(statistics.median(found)) for name, found in rates.items()}


def differing(release: Release, features: FeatureRows) -> int:
    """Of a sample, the rows whose decision in the batch is not, bit for bit, the one made online."""
    rows = min(SAMPLE, features.rows)
    values = {name: column[:rows] for name, column in features.values.items()}
    part = FeatureRows(rows, values, {view: age[:rows] for view, age in features.ages.items()})
    circumstances = Circumstances(business_date=AT.date())
    batch = decide(release, Applications(np.full(rows, np.nan)), part, Context.of([circumstances] * rows))
    wrong = 0
    for row in range(rows):
        alone = {name: [column[row]] for name, column in part.values.items()}
        single = decide_single(
            release, Application(), FeatureRows(1, alone, {"made_up": np.array([3.0])}), circumstances
        )
        wrong += repr(single) != repr(batch.one(row))
    return wrong


def main(rows: int, rounds: int) -> dict[str, Any]:
    """Measure in turn, and compare."""
    release, numbers, features = made_up(rows)
    rates = measured(contenders(release, numbers, features), rows, rounds)
    bare = rates[BARE]
    return {
        "rows": rows,
        "rounds": rounds,
        "threads": THREADS,
        "rows_per_second": rates,
        "scores_of_bare": round(rates["scores alone"] / bare, 2),
        "decisions_of_bare": round(rates["whole decisions, as columns"] / bare, 3),
        "compared_with_online": min(SAMPLE, rows),
        "different_from_online": differing(release, features),
    }


def lines(found: dict[str, Any]) -> list[Line]:
    """What README says."""
    told, rates = [], found.get("rows_per_second", {})
    if rates:
        bare, scores, whole = rates[BARE], rates["scores alone"], rates["whole decisions, as columns"]
        share, wrong = found["scores_of_bare"], found["different_from_online"]
        told = [
            Line(
                f"scores alone of {found['rows']:,} rows, 500 trees of depth 6, 40 inputs",
                f"≥ {GOAL:.0%} of bare predict",
                f"{scores:,} rows/s",
                f"{bare:,} rows/s, CatBoost's predict ({share:.2f} ×)",
                "–",
                share >= GOAL,
            ),
            Line(
                f"whole decisions with reasons of {found['rows']:,} rows",
                "equal to the online answer",
                f"{whole:,} rows/s; {wrong} of {found['compared_with_online']:,} differ",
                "–",
                f"{bare:,} rows/s, scores only",
                wrong == 0,
            ),
        ]
    if book := found.get("book"):
        rate = f"{book['customers_per_second']:,}/s from lake to Parquet, {book['peak_mib'] / 1024:.1f} GiB"
        what = f"a book of {book['customers']:,} customers with {book['months']} months of rows, decided"
        told.append(Line(what, "rate stated", rate, "–", "–", True))
    return told


def show(console: Console, found: dict[str, Any]) -> None:
    """The figures as tables."""
    table = Table("a batch", "rows/s", "of bare predict", box=None)
    rates = found["rows_per_second"]
    for name, rate in rates.items():
        table.add_row(name, f"{rate:,}", f"{rate / next(iter(rates.values())):.2f}")
    console.print(table)
    reached = "reached" if found["scores_of_bare"] >= GOAL else "missed"
    console.print(f"scores alone: {found['scores_of_bare']} of bare predict (goal {GOAL}): {reached}")
    console.print(
        f"{found['different_from_online']} of {found['compared_with_online']:,} differ from the online answer"
    )


if __name__ == "__main__":
    asked = ArgumentParser(prog="python -m benchmarks.batch_decisions", description=__doc__)
    asked.add_argument("rows", type=int, nargs="?", default=200_000)
    asked.add_argument("rounds", type=int, nargs="?", default=5)
    asked.add_argument("--book", type=int, help="decide so many customers, from a lake to Parquet")
    given, console, machine = asked.parse_args(), Console(highlight=False), describe()
    kept = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    if given.book:
        with tempfile.TemporaryDirectory(prefix="lendloop-book-") as place:
            kept["book"] = {"machine": moment()} | decide_many(Path(place), given.book, console)
        machine = kept.get("machine", machine)  # the batches are those of before
        console.print(kept["book"])
    else:
        kept |= main(given.rows, given.rounds)
        show(console, kept)
    keep(RESULTS, {name: kept[name] for name in kept if name not in ("machine", "lines")}, lines(kept), machine)
    sys.exit(1 if kept.get("different_from_online") else 0)
