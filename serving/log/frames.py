"""The decision log as tables: what monitoring reads."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
import polars as pl

from serving.log.decision_log import DecisionLog
from serving.log.entry import Opened
from serving.log.record import PLATFORM
from serving.log.schema import REVIEWS_ENDED

TIME = pl.Datetime("us", "UTC")
READ = {
    "decision_id": pl.String,
    "portfolio": pl.String,
    "kind": pl.String,
    "model": pl.String,
    "entity_id": pl.String,
    "decided_at": TIME,
    "release": pl.String,
    "probability": pl.Float64,
    "score": pl.Float64,
    "grade": pl.String,
    "outcome": pl.String,
    "stale": pl.Boolean,
    "features": pl.String,
}
FINAL = "final"


def read_decisions(log: DecisionLog, portfolio: str, since: datetime, until: datetime) -> pl.DataFrame:
    """The decisions of a portfolio in [since, until), by time, with their features as JSON text.

    Those that the platform made to check itself are left out: they are no business, and nobody's outcome. `final` is
    the outcome with what people had made of a review by `until`.
    """
    frame = _frame(log, portfolio, since, until, (*READ, "partner"))
    last = log.select(("inputs", "outcome"), portfolio, since, until, REVIEWS_ENDED)
    rows = [(orjson.loads(inputs)["decision"], outcome) for inputs, outcome in last]
    ended = pl.DataFrame(rows, schema={"decision_id": pl.String, FINAL: pl.String}, orient="row")
    kept = frame.filter(pl.col("partner") != PLATFORM).drop("partner")
    joined = kept.join(ended, on="decision_id", how="left", maintain_order="left")
    return joined.with_columns(pl.col(FINAL).fill_null(pl.col("outcome")))


def _frame(
    log: DecisionLog, portfolio: str, since: datetime, until: datetime, columns: tuple[str, ...]
) -> pl.DataFrame:
    stored = tuple(name for name in columns if name not in ("entity_id", "features"))
    rows = [_values(row, opened, columns) for row, opened in log.read_opened(stored, portfolio, since, until)]
    text = pl.DataFrame(rows, schema=[(name, _stored_type(name)) for name in columns], orient="row")
    return text.with_columns(
        pl.col("decided_at").str.to_datetime("%Y-%m-%dT%H:%M:%S%.6fZ", time_unit="us", time_zone="UTC"),
        pl.col("stale").cast(pl.Boolean),
    )


def _values(row: Mapping[str, Any], opened: Opened | None, columns: tuple[str, ...]) -> tuple[Any, ...]:
    """The values of a row; what was erased is null."""
    entity = None if opened is None else orjson.loads(opened.subject)["entity_id"]
    personal = {"entity_id": entity, "features": None if opened is None else opened.features}
    return tuple(personal[name] if name in personal else row[name] for name in columns)


def _stored_type(name: str) -> Any:
    return {"stale": pl.Int64, "probability": pl.Float64, "score": pl.Float64}.get(name, pl.String)
