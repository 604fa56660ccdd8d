"""The shadow as a table: what monitoring reads."""

from dataclasses import astuple
from datetime import datetime
from typing import Any

import polars as pl

from serving.trial.rows import ShadowRows

SCHEMA: dict[str, Any] = {
    "decision_id": pl.String,
    "portfolio": pl.String,
    "decided_at": pl.String,
    "role": pl.String,
    "release": pl.String,
    "outcome": pl.String,
    "probability": pl.Float64,
    "score": pl.Float64,
    "grade": pl.String,
    "stale": pl.Boolean,
    "reasons": pl.List(pl.String),
}


def read_shadow(rows: ShadowRows, portfolio: str, since: datetime, until: datetime) -> pl.DataFrame:
    """What would have been decided beside the decisions of a portfolio in [since, until), by time."""
    found = [astuple(row) for row in rows.read(portfolio, since, until)]
    return pl.DataFrame(found, schema=SCHEMA, orient="row")
