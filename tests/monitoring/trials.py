"""A made-up trial: decisions of the made-up month, and what a challenger would have decided in their place."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl

from monitoring.month import MonthInputs
from serving.trial.frames import SCHEMA
from tests.monitoring.months import OBSERVED, month_inputs

CHALLENGER = "c" * 64


def tried(n: int = 2000, canary: int = 100, shift: float = -0.4) -> tuple[MonthInputs, pl.DataFrame]:
    """A month with a trial: the first `canary` decisions were the challenger's, whose log-odds are less by `shift`."""
    inputs = month_inputs(n)
    odds = np.log(inputs.decisions["probability"] / (1 - inputs.decisions["probability"])).to_numpy()
    theirs = 1 / (1 + np.exp(-(1.2 * odds + shift)))
    outcome = np.where(theirs < 0.35, "approve", "review")
    by_challenger = np.arange(n) < canary
    decisions = inputs.decisions.with_columns(
        decision_id=pl.Series([f"d{place}" for place in range(n)]),
        score=pl.Series(60 - 10 * odds),
        grade=pl.lit("C"),
    )
    other = decisions.with_columns(
        release=pl.lit(CHALLENGER), probability=pl.Series(theirs), outcome=pl.Series(outcome),
        score=pl.Series(60 - 10 * (1.2 * odds + shift)),
    )  # fmt: skip
    made = pl.concat([other.head(canary), decisions.slice(canary)])
    beside = pl.concat([decisions.head(canary), other.slice(canary)]).with_columns(
        role=pl.Series(np.where(by_challenger, "champion", "challenger")),
        portfolio=pl.lit("cards"),
        decided_at=pl.lit(str(OBSERVED + timedelta(days=5))),
        reasons=pl.Series([[]] * n, dtype=pl.List(pl.String)),
    )
    return replace(inputs, decisions=made), beside.select(SCHEMA.keys())
