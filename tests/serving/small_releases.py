"""Small real releases for the service's tests: one model on two numbers; its calibration tells releases apart."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from features.permitted import FeatureColumn
from features.spec import Entity
from features.store.online import OnlineRows
from serving.desk import Reader
from serving.policy import ConsentPurpose, Gates, Policy, PropensityPolicy, Reason, RiskPolicy
from serving.release import ModelParts, build_release
from training.score import Calibration, ScoreScale

PORTFOLIO = "small_cards"
CAMPAIGN = "small_campaign"
COLUMNS = (
    FeatureColumn("utilisation", "behaviour", "float", 40),
    FeatureColumn("late_streak", "behaviour", "float", 40),
)
GATES = Gates(largest_auc_loss=0.1, largest_calibration_error=0.1)
REASONS = {
    "USE": Reason(features=("utilisation",), en="How much of the limit is used.", zh="额度使用情况。"),
    "LATE": Reason(features=("late_streak",), en="Payments were late.", zh="还款逾期。"),
}


NO_MORE: Mapping[str, Any] = {}


class FakeReader(Reader):
    """Features from memory; `fault` is raised instead when set, and a read lasts `seconds`."""

    def __init__(self, rows: dict[int | str, tuple[float | None, float | None, datetime]]) -> None:
        self.rows = rows
        self.fault: Exception | None = None
        self.seconds = 0.0

    def read(self, keys: Sequence[int | str]) -> OnlineRows:
        import time

        time.sleep(self.seconds)
        if self.fault is not None:
            raise self.fault
        found = [self.rows.get(key) for key in keys]
        values: dict[str, list[float | str | None]] = {
            column.name: [row[place] if row else None for row in found]  # type: ignore[misc]
            for place, column in enumerate(COLUMNS)
        }
        return OnlineRows(values, {"behaviour": [row[2] if row else None for row in found]})


def fresh_reader(at: datetime | None = None) -> FakeReader:
    """Entity 1 is safe, entity 2 is risky, entity 3 is safe by features that are too old, 4 has one of two values."""
    at = at or datetime.now(UTC)
    day = at - timedelta(days=1)
    old = at - timedelta(days=90)
    return FakeReader({1: (0.1, 0.0, day), 2: (0.9, 6.0, day), 3: (0.1, 0.0, old), 4: (0.1, None, day)})


def build_small(
    releases: Path,
    *,
    portfolio: str = PORTFOLIO,
    slope: float = 1.0,
    view: str = "behaviour",
    consents: tuple[ConsentPurpose, ...] = (),
    risk: Mapping[str, Any] = NO_MORE,
) -> str:
    """Build a release into `releases`/sha; another `slope` of the calibration gives another release.

    `risk`: what its policy of risk says besides.
    """
    from features.profiles import make_profile

    cbm, frame = _train()
    kind = "propensity" if portfolio == CAMPAIGN else "risk"
    columns = tuple(replace(column, view=view) for column in COLUMNS)
    parts = ModelParts(
        kind=kind,
        label="small",
        cbm=cbm,
        calibration=Calibration(slope=slope, intercept=0.0),
        columns=columns,
        profile=make_profile(frame, columns),
    )
    entity = Entity(name="customer", key="customer_id", type="int", meaning="a made-up customer")
    policy = _campaign() if kind == "propensity" else cards_policy(risk)
    policy = policy.model_copy(update={"consents": consents})
    manifest = build_release(
        releases, portfolio=portfolio, as_of=date(2026, 1, 31), entity=entity, policy=policy, models={kind: parts}
    )
    return manifest.sha


def cards_policy(more: Mapping[str, Any]) -> Policy:
    """The policy of the small portfolio of cards, whose policy of risk says `more` besides."""
    risk = RiskPolicy(
        model="risk",
        scale=ScoreScale(pd_at_60=0.3, points_to_double_odds=10),
        review_below=60,
        decline_below=20,
        grades={"A": 90, "B": 80, "C": 70, "D": 60},
        limits={"A": 5000, "B": 4000, "C": 3000, "D": 2000, "E": 0},
        gates=GATES,
        **more,
    )
    return Policy(risk=risk, reasons=REASONS)


def _campaign() -> Policy:
    return Policy(propensity=PropensityPolicy(model="propensity", contact_from=0.5, gates=GATES), reasons=REASONS)


_trained: list[tuple[bytes, pl.DataFrame]] = []


def _train() -> tuple[bytes, pl.DataFrame]:
    if not _trained:
        _trained.append(_train_once())
    return _trained[0]


def _train_once() -> tuple[bytes, pl.DataFrame]:
    import tempfile

    from catboost import CatBoostClassifier

    random = np.random.default_rng(7)
    frame = pl.DataFrame({"utilisation": random.random(800), "late_streak": random.integers(0, 7, 800).astype(float)})
    odds = 5 * frame["utilisation"].to_numpy() + frame["late_streak"].to_numpy() - 6
    label = (random.random(800) < 1 / (1 + np.exp(-odds))).astype(int)
    options = {"allow_writing_files": False, "verbose": False, "thread_count": 1}
    model = CatBoostClassifier(iterations=40, depth=3, random_seed=1, **options)
    model.fit(frame.to_pandas(), label)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.cbm"
        model.save_model(str(path))
        return path.read_bytes(), frame
