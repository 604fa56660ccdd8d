"""A made-up month of a risk model, small enough to be told by hand and large enough to be judged."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from features.permitted import FeatureColumn
from features.profiles import make_profile
from monitoring.metric import SCHEMA, Metric
from monitoring.month import MonthInputs
from monitoring.spec import MonitoringSpec, Watch
from training.spec import FairnessSpec

AS_OF = date(2005, 7, 31)
OBSERVED = datetime(2005, 6, 30, tzinfo=UTC)
MATURED = datetime(2005, 7, 31, tzinfo=UTC)
RELEASE = "a" * 64
COLUMNS = [FeatureColumn("utilisation", "v", "float", 30), FeatureColumn("segment", "v", "category", 30)]

SPEC = MonitoringSpec(
    watch=(
        Watch(metric="feature_psi", side="above", yellow=0.1, orange=0.25, minimum=100),
        Watch(metric="missing_rise", side="above", yellow=0.05, orange=0.25),
        Watch(metric="score_psi", side="above", yellow=0.1, orange=0.25, red=0.5, minimum=100),
        Watch(metric="auc", side="below", yellow=0.7, red=0.55, evidence="interval"),
        Watch(metric="observed_to_predicted", side="outside", yellow=1.3, evidence="interval"),
        Watch(metric="calibration_error", side="above", yellow=0.1),
        Watch(metric="selection_gap", side="above", yellow=0.2, evidence="interval"),
        Watch(metric="stale_share", side="above", yellow=0.05, red=0.3),
        Watch(metric="stale_share", side="above", yellow=0.05, period="day"),
    ),
    told={"yellow": ("model-owner",), "red": ("risk-officer",)},
)


def population(n: int, seed: int, shift: float = 0.0) -> pl.DataFrame:
    """Customers with one number and one category; `shift` moves the number."""
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "customer_id": np.arange(n),
            "event_timestamp": [OBSERVED] * n,
            "utilisation": rng.normal(shift, 1, n),
            "segment": rng.choice(["retail", "student"], n, p=[0.8, 0.2]),
        }
    )


def decided(rows: pl.DataFrame, at: datetime, seed: int = 5) -> pl.DataFrame:
    """Decisions about the rows at time `at`, as `read_decisions` gives them."""
    pd = 1 / (1 + np.exp(1.2 - 1.1 * rows["utilisation"].to_numpy()))
    return pl.DataFrame(
        {
            "entity_id": rows["customer_id"].cast(pl.String),
            "decided_at": pl.Series([at] * len(rows), dtype=pl.Datetime("us", "UTC")),
            "release": [RELEASE] * len(rows),
            "probability": pd,
            "outcome": np.where(pd < 0.35, "approve", "review"),
            "stale": [False] * len(rows),
        }
    )


def arrived(*rows: int) -> pl.DataFrame:
    """So many rows of observations in July, and as many as in the first of each of the months before."""
    days = [datetime(2005, month, 20, tzinfo=UTC) for month in (4, 5, 6) for _ in range(rows[0])]
    days += [datetime(2005, 7, 20, tzinfo=UTC)] * rows[-1]
    times = pl.Series(days, dtype=pl.Datetime("us", "UTC"))
    return pl.DataFrame({"event_timestamp": times, "created_timestamp": times})


def month_inputs(n: int = 2000, shift: float = 0.0, **changed: Any) -> MonthInputs:
    """June's observations, decided in July and matured at its end."""
    reference, rows = population(4000, 1), population(n, 2, shift)
    output = [FeatureColumn("probability", "outputs", "float", 1)]
    decisions = decided(rows, OBSERVED + timedelta(days=5))
    happened = np.random.default_rng(3).random(n) < decisions["probability"].to_numpy()
    inputs = MonthInputs(
        portfolio="cards",
        model="risk",
        kind="risk",
        as_of=AS_OF,
        key="customer_id",
        release=RELEASE,
        run="run-7",
        spec=SPEC,
        fairness=FairnessSpec(),
        profile=make_profile(reference, COLUMNS),
        score_profile=make_profile(decided(reference, OBSERVED), output),
        decisions=decisions,
        observations=rows.select("customer_id", "event_timestamp"),
        labels=rows.select("customer_id", "event_timestamp").with_columns(
            label=pl.Series(happened.astype(np.int8)), known_timestamp=pl.lit(MATURED)
        ),
        groups=rows.select("customer_id", sex=pl.when(pl.col("customer_id") % 2 == 0).then(1).otherwise(2)),
        population=rows,
        history=pl.DataFrame(schema=SCHEMA),
        arrived=arrived(n),
    )
    return replace(inputs, **changed)


def metric(**changed: Any) -> Metric:
    """A metric row of no account."""
    base: dict[str, Any] = {
        "portfolio": "cards",
        "as_of": AS_OF,
        "period": "month",
        "model": "risk",
        "role": "champion",
        "name": "score_psi",
        "segment": "",
        "release": RELEASE,
        "value": 0.05,
        "low": 0.01,
        "high": 0.09,
        "n": 1000,
    }
    return Metric(**{**base, **changed})
