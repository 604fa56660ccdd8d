"""A whole book of customers decided, from a lake to Parquet, and the made-up release that decides."""

import tempfile
import time
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from catboost import Pool
from rich.console import Console

from benchmarks.features_scale import FEATURES, NAME, VIEW, cards
from benchmarks.scale_tables import Shape, feature_chunks
from features.calendar import cutoff, month_end
from features.documents import parse_document
from features.growing import GrowingFile
from features.lake import Lake
from features.newest import Newest
from features.permitted import FeatureColumn, select
from serving.book import book_context, book_rows, decide_book
from serving.policy import Policy
from serving.scoring import LoadedModel, load_model
from training.score import Calibration, probability

THREADS, PART, DAY, MONTHS = 2, 250_000, date(2024, 12, 31), 12
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


def make_features(folder: Path, customers: int) -> Lake:
    """A year of monthly feature rows of so many customers, made up, as a build leaves them."""
    lake = Lake(folder / "lake")
    chunks = feature_chunks(Shape(customers, MONTHS, len(FEATURES)), FEATURES)
    for month, pieces in groupby(chunks, key=itemgetter(0)):
        page = GrowingFile(lake, NAME, lake.file(NAME, "features", VIEW, month))
        for _, chunk in pieces:
            page.add(pl.DataFrame(chunk).with_columns(pl.col(FEATURES).cast(pl.Float64)))
        covers = month_end(date.fromisoformat(f"{month}-01"))
        page.replace({"covers": covers.isoformat(), "inputs": page.digest})
    return lake


def decide_many(folder: Path, customers: int, console: Console) -> dict[str, Any]:
    """So many customers, whole decisions to Parquet; the model reads twenty features."""
    from resource import RUSAGE_SELF, getrusage

    portfolio, lake = cards(folder), make_features(folder, customers)
    columns = select(portfolio.features, "risk")
    newest = Newest(lake, NAME, portfolio.features.entity.key, tuple(columns), DAY)
    ranges = newest.ranges(PART)
    release = release_of(learned(newest.read(ranges[0]), columns), columns)
    model, at, began = release.models["risk"], cutoff(DAY), time.perf_counter()
    before, decided, written = getrusage(RUSAGE_SELF), 0, 0
    for number, part in enumerate(ranges):
        frame = newest.read(part)
        rows, context = book_context(book_rows(frame, model, at), at, "decision", False)
        table = decide_book(release, "decision", rows, context, newest.key, frame[newest.key].to_arrow())
        buffer = BytesIO()
        pl.DataFrame(table).write_parquet(buffer)
        (folder / "book.parquet").write_bytes(buffer.getvalue())  # one file again and again: the disk is needed
        decided, written = decided + frame.height, written + buffer.tell()
        if number % 10 == 0:
            console.print(f"{decided:,} customers in {time.perf_counter() - began:.0f} s")
    seconds, used = time.perf_counter() - began, getrusage(RUSAGE_SELF)
    return {
        "customers": decided,
        "months": MONTHS,
        "features": len(columns),
        "seconds": round(seconds, 1),
        "customers_per_second": round(decided / seconds),
        "processor_seconds": round(used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime, 1),
        "peak_mib": round(used.ru_maxrss / 1024),
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
