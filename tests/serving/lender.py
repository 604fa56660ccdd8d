"""A made-up lender for the tests of policy, decisions and releases: features, models, and a policy for both."""

import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

from features.documents import parse_document
from features.permitted import FeatureColumn
from serving.policy import Policy
from serving.scoring import Kind, LoadedModel, load_model
from training.inputs import encode
from training.score import Calibration

COLUMNS = (
    FeatureColumn("late_streak", "behaviour", "float", 45),
    FeatureColumn("utilisation", "behaviour", "float", 45),
    FeatureColumn("payment_ratio", "payments", "float", 45),
    FeatureColumn("tenure", "behaviour", "float", 45),
    FeatureColumn("job", "person", "category", 400),
    FeatureColumn("channel", "person", "category", 400),
)
NUMERIC = COLUMNS[:4]

POLICY = """
risk:
  model: risk
  scale: {pd_at_60: 0.2, points_to_double_odds: 12}
  decline_below: 30
  grades: {A: 80, B: 70, C: 60, D: 45}
  limits: {A: 4000, B: 3000, C: 2000, D: 1000, E: 0}
  rules:
    - id: VERY_LATE
      when: feature.late_streak >= 7
      outcome: decline
      en: Seven months late
      zh: 逾期七个月
    - id: LARGE_AMOUNT
      when: request.amount > 3_500
      outcome: review
      en: A large amount
      zh: 金额较大
  gates: {largest_auc_loss: 0.005, largest_calibration_error: 0.02}
propensity:
  model: propensity
  contact_from: 0.3
  gates: {largest_auc_loss: 0.01, largest_calibration_error: 0.05}
may_be_missing:
  - because: no bill to pay
    features: [payment_ratio]
reasons:
  LATENESS: {features: [late_streak], en: How late you are, zh: 逾期}
  DEBT: {features: [utilisation, payment_ratio], en: Your debt, zh: 欠款}
  JOB: {features: [job], en: Your work, zh: 职业}
reasons_shown: 2
"""


@dataclass(frozen=True)
class Release:
    """What deciding needs of a release, without the folder."""

    sha: str
    policy: Policy
    models: dict[str, LoadedModel] = field(default_factory=dict)


@cache
def policy(text: str = POLICY) -> Policy:
    return parse_document(text, Policy, "policy.yaml")


def customers(rows: int, seed: int = 0) -> pl.DataFrame:
    """Customers with missing values where the policy allows them, and whether they fell late."""
    random = np.random.default_rng(seed)
    late, utilisation = random.poisson(0.8, rows), random.gamma(2, 0.3, rows)
    ratio = random.random(rows)
    job = random.choice(["clerk", "nurse", "smith", "none", "other"], rows)
    channel = random.choice(["web", "branch"], rows)
    pull = late + utilisation - 2 * ratio + (job == "none") * np.where(channel == "web", 2, -1) - 1.5
    frame = pl.DataFrame(
        {
            "late_streak": late.astype(float),
            "utilisation": utilisation,
            "payment_ratio": ratio,
            "tenure": random.integers(0, 240, rows).astype(float),
            "job": job,
            "channel": channel,
            "label": (random.random(rows) < 1 / (1 + np.exp(-pull))).astype(np.int8),
        }
    )
    absent = pl.Series(random.random(rows) < 0.1)
    return frame.with_columns(pl.when(absent).then(None).otherwise(pl.col("payment_ratio")).alias("payment_ratio"))


@cache
def fit(columns: tuple[FeatureColumn, ...], seed: int = 0, one_hot: int = 2, depth: int = 4) -> bytes:
    """The `.cbm` of a small model; `one_hot` 2 makes CatBoost use statistics (CTRs) of the categories."""
    from catboost import CatBoost, FeaturesData, Pool

    frame = customers(1500, seed)
    inputs = encode(frame, columns)
    data = FeaturesData(
        num_feature_data=inputs.numbers,
        cat_feature_data=inputs.categories if inputs.categories.shape[1] else None,
        num_feature_names=[column.name for column in columns if column.dtype == "float"],
        cat_feature_names=[column.name for column in columns if column.dtype == "category"] or None,
    )
    model = CatBoost(
        {
            "loss_function": "Logloss",
            "iterations": 40,
            "depth": depth,
            "one_hot_max_size": one_hot,
            "random_seed": seed,
            "thread_count": 2,
            "allow_writing_files": False,
            "logging_level": "Silent",
        }
    )
    model.fit(Pool(data, frame["label"].to_numpy()))
    model.get_metadata()["train_finish_time"] = model.get_metadata()["model_guid"] = ""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.cbm"
        model.save_model(str(path))
        return path.read_bytes()


@cache
def model(kind: Kind, columns: tuple[FeatureColumn, ...] = COLUMNS) -> LoadedModel:
    return load_model(kind, kind, "late", fit(columns), columns, Calibration(slope=0.9, intercept=-0.1), policy())


@cache
def release(columns: tuple[FeatureColumn, ...] = COLUMNS) -> Release:
    return Release("a" * 64, policy(), {"risk": model("risk", columns), "propensity": model("propensity", columns)})
