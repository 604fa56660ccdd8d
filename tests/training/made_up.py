"""A made-up portfolio whose truth is known: small enough that training on it takes a moment."""

from datetime import UTC, date, datetime

import numpy as np
import polars as pl

from features.permitted import FeatureColumn
from training.score import Floats, Labels, probability
from training.spec import Boosting, FairnessSpec, ModelSpec, Recorded, Validation

AS_OF = date(2024, 6, 30)

COLUMNS = (
    FeatureColumn("debt", "v", "float", 60),
    FeatureColumn("trade", "v", "category", 60),
    FeatureColumn("income", "v", "float", 60),
)


def spec(**changes: object) -> ModelSpec:
    """A risk model with few trees; `changes` replace its fields."""
    given = ModelSpec(
        kind="risk",
        meaning="late",
        service="risk",
        groups="groups",
        observations="loans",
        label=Recorded(kind="recorded", table="outcomes", column="late"),
        estimator=Boosting(iterations=30, depth=3, learning_rate=0.2),
        windows=(1, 2, 4),
        validation=Validation(months=2, folds=2, least_rows=50),
        fairness=FairnessSpec(smallest_group=50),
    )
    return given.model_copy(update=changes)


def frame(rows: int = 300, months: int = 6, seed: int = 1) -> pl.DataFrame:
    """`rows` loans in each of `months` months from January 2024, each known late or not at its month's end.

    Debt raises the risk, income lowers it, one trade is riskier; a tenth of the debts and of the trades is missing.
    """
    random = np.random.default_rng(seed)
    total = rows * months
    debt, income = random.normal(size=total), random.normal(size=total)
    trade = random.choice(["baker", "miner", "clerk"], size=total)
    raw = -1.5 + 1.2 * debt - 0.8 * income + 1.0 * (trade == "miner")
    late = random.random(total) < probability(raw)
    month = np.repeat(np.arange(1, months + 1), rows)
    made = pl.DataFrame(
        {
            "loan_id": np.arange(total),
            "event_timestamp": [datetime(2024, int(m), 10, tzinfo=UTC) for m in month],
            "label": late.astype(np.int8),
            "debt": np.where(random.random(total) < 0.1, np.nan, debt),
            "income": income,
            "trade": np.where(random.random(total) < 0.1, None, trade),
            "sex": random.choice(["f", "m"], size=total),
            "age": random.integers(18, 80, size=total),
        },
        schema_overrides={"event_timestamp": pl.Datetime("us", "UTC"), "trade": pl.String},
    )
    return made.with_columns(
        pl.col("debt").fill_nan(None),
        known_timestamp=pl.col("event_timestamp").dt.month_end().cast(pl.Datetime("us", "UTC")),
        whole_month=pl.lit(True),
    )


def labels_of(rows: pl.DataFrame) -> Labels:
    """The labels of a frame."""
    return rows["label"].to_numpy()


def scored(rows: int = 2000, seed: int = 3, slope: float = 1.0, shift: float = 0.0) -> tuple[Labels, Floats]:
    """Labels, and log-odds that are off from the true ones by `slope` and `shift`."""
    random = np.random.default_rng(seed)
    truth = random.normal(-1, 1.3, size=rows)
    labels = (random.random(rows) < probability(truth)).astype(np.int8)
    return labels, (truth - shift) / slope
