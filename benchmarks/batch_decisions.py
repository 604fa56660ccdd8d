"""Decisions in batches, beside CatBoost's bare `predict` on the same array: 500 trees of depth 6, 40 inputs.

`python -m benchmarks.batch_decisions [ROWS] [ROUNDS]` measures, in turn, scores alone and whole decisions with reasons,
compares a sample with the decisions made one by one, and writes `benchmarks/results/batch_decisions.json`.
`--book FOLDER` decides everyone in the lake that `features_scale --keep FOLDER` left, part by part, to Parquet.
"""

import json
import statistics
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from catboost import FeaturesData, Pool
from rich.console import Console
from rich.table import Table

from benchmarks.features_scale import LAST, NAME, cards
from benchmarks.shap import fitted
from features.calendar import cutoff
from features.documents import parse_document
from features.lake import Lake
from features.newest import Newest
from features.permitted import FeatureColumn, select
from serving.applications import Application, Applications, Circumstances, Context
from serving.book import book_context, book_rows, decide_book, log_odds_alone
from serving.columns import decision_columns
from serving.decide import FeatureRows, decide
from serving.policy import Policy
from serving.scoring import LoadedModel, load_model
from serving.single import decide_single
from training.inputs import Inputs
from training.score import Calibration, probability

RESULTS = Path(__file__).parent / "results" / "batch_decisions.json"
AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
SAMPLE, THREADS, PART = 2_000, 2, 250_000
GOAL = 0.8
"""Of bare predict, that scores alone are to reach."""
POLICY = """
risk:
  model: risk
  scale: {pd_at_60: 0.2, points_to_double_odds: 12}
  decline_below: 30
  grades: {A: 80, B: 70, C: 60, D: 45}
  limits: {A: 4000, B: 3000, C: 2000, D: 1000, E: 0}
  rules:
    - {id: FIRST_HIGH, when: feature.%s > 2.5, outcome: decline, en: Too high, zh: 过高}
    - {id: LARGE, when: request.amount > 3_500, outcome: review, en: A large amount, zh: 金额较大}
  gates: {largest_auc_loss: 0.005, largest_calibration_error: 0.02}
reasons:
%s
"""


@dataclass(frozen=True)
class Release:
    """What deciding needs of a release."""

    sha: str
    policy: Policy
    models: dict[str, LoadedModel]


def release_of(booster: Any, columns: list[FeatureColumn]) -> Release:
    """A release of a fitted model, with a reason code for every four of its inputs."""
    names = [column.name for column in columns]
    reasons = [
        f"  REASON_{n // 4}: {{features: [{', '.join(names[n : n + 4])}], en: Why, zh: 原因}}"
        for n in range(0, len(names), 4)
    ]
    policy = parse_document(POLICY % (names[0], "\n".join(reasons)), Policy, "policy.yaml")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.cbm"
        booster.save_model(str(file))
        cbm = file.read_bytes()
    model = load_model("risk", "risk", "late", cbm, columns, Calibration(slope=0.9, intercept=-0.1), policy)
    return Release("a" * 64, policy, {"risk": model})


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
        "CatBoost's predict, from the array": lambda: model.booster.predict(numbers, thread_count=THREADS),
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
    bare = rates["CatBoost's predict, from the array"]
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


def decide_lake(folder: Path, console: Console) -> dict[str, Any]:
    """Everyone in a lake, whole decisions to Parquet; the model is one of its twenty features."""
    from resource import RUSAGE_SELF, getrusage

    portfolio, lake = cards(folder), Lake(folder / "lake")
    columns = select(portfolio.features, "risk")
    newest = Newest(lake, NAME, portfolio.features.entity.key, tuple(columns), LAST)
    ranges = newest.ranges(PART)
    release = release_of(learned(newest.read(ranges[0]), columns), columns)
    model, at, began = release.models["risk"], cutoff(LAST), time.perf_counter()
    customers = written = 0
    for number, part in enumerate(ranges):
        frame = newest.read(part)
        rows, context = book_context(book_rows(frame, model, at), at, "decision", False)
        table = decide_book(release, "decision", rows, context, newest.key, frame[newest.key].to_arrow())
        buffer = BytesIO()
        pl.DataFrame(table).write_parquet(buffer)
        (folder / "book.parquet").write_bytes(buffer.getvalue())  # one file again and again: the disk is needed
        customers, written = customers + frame.height, written + buffer.tell()
        if number % 10 == 0:
            console.print(f"{customers:,} customers in {time.perf_counter() - began:.0f} s")
    seconds, peak = time.perf_counter() - began, getrusage(RUSAGE_SELF).ru_maxrss / 1024
    return {
        "customers": customers,
        "features": len(columns),
        "seconds": round(seconds, 1),
        "customers_per_second": round(customers / seconds),
        "peak_mib": round(peak),
        "written_mb": round(written / 1e6),
    }


def learned(frame: pl.DataFrame, columns: list[FeatureColumn]) -> Any:
    """A model of 500 trees of depth 6 on some customers whose outcome is made up."""
    from catboost import CatBoost

    sample = frame.head(50_000).select(column.name for column in columns).cast(pl.Float32).fill_null(float("nan"))
    draw, names = np.random.default_rng(3), [column.name for column in columns]
    pull = np.nan_to_num(sample["late_streak"].to_numpy() + 2 * sample["utilisation"].to_numpy()) - 2
    settings = {"iterations": 500, "depth": 6, "loss_function": "Logloss", "random_seed": 3, "thread_count": THREADS}
    booster = CatBoost({**settings, "logging_level": "Silent", "allow_writing_files": False})
    outcome = (draw.random(len(pull)) < probability(pull)).astype(int)
    return booster.fit(Pool(sample.to_numpy(), outcome, feature_names=names))


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
    asked.add_argument("--book", type=Path, help="a folder that `features_scale --keep` left: decide everyone in it")
    given, console = asked.parse_args(), Console(highlight=False)
    kept = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    if given.book:
        kept["book"] = decide_lake(given.book, console)
        console.print(kept["book"])
    else:
        kept |= main(given.rows, given.rounds)
        show(console, kept)
    RESULTS.write_text(json.dumps(kept, indent=1) + "\n")
    sys.exit(1 if kept.get("different_from_online") else 0)
