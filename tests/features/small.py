"""A small made-up portfolio of loans, and ways to make its rows."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from features.calendar import month_ends
from features.documents import parse_document
from features.portfolio import Portfolio, open_portfolio
from features.spec import CREATED, EVENT, FeatureSpec

KEY = "client_id"
TIME = pl.Datetime("us", "UTC")
SPEC = """
entity: {name: client, key: client_id, type: int, meaning: a borrower}
tables:
  payments:
    meaning: one row a client and month
    quarantine_limit: 0.2
    columns:
      amount: {type: float, meaning: paid, uses: [credit, marketing], range: [0, 1000], nullable: true}
      due: {type: int, meaning: owed, uses: [credit], range: [0, null]}
      channel: {type: category, meaning: how, uses: [credit, marketing], categories: [web, "branch", 3]}
      note: {type: string, meaning: free text, uses: [], nullable: true}
      first_seen: {type: timestamp, meaning: since when, uses: [credit], nullable: true}
      urgent: {type: bool, meaning: flagged, uses: [credit], nullable: true}
      age: {type: int, meaning: years, uses: [fairness], nullable: true}
views:
  behaviour:
    table: payments
    freshness: 40
    features:
      amount: {transform: value, column: amount}
      amount_1: {transform: lag, column: amount}
      paid_share: {transform: ratio, numerator: amount, denominator: due}
      channel: {transform: category, column: channel}
  protected:
    table: payments
    freshness: 4000
    online: false
    features:
      age_band: {transform: band, column: age, edges: [25, 65]}
services:
  risk: {use: credit, views: {behaviour: all}}
  offers: {use: marketing, views: {behaviour: [amount, channel]}}
  groups: {use: fairness, views: {protected: all}}
"""
ROW = {
    KEY: "1",
    EVENT: "2024-01-31",
    CREATED: "2024-01-31",
    "amount": "10.5",
    "due": "20",
    "channel": "web",
    "note": "hello",
    "first_seen": "2023-05-06",
    "urgent": "yes",
    "age": "40",
}


def spec(text: str = SPEC) -> FeatureSpec:
    """The made-up portfolio's features.yaml, or another one, parsed."""
    return parse_document(text, FeatureSpec, "features.yaml")


def raw(*changes: dict[str, Any]) -> pl.DataFrame:
    """Raw rows of text, each a good row with the given changes."""
    return pl.DataFrame([ROW | change for change in changes], schema=dict.fromkeys(ROW, pl.String))


def months(clients: int, count: int) -> pl.DataFrame:
    """Raw rows: each client has one at the end of each of `count` months from January 2024, known the same day."""
    days = month_ends(date(2024, 1, 1), date(2024, count, 1))
    rows = [
        {KEY: str(client), EVENT: f"{day:%Y-%m-%d}", CREATED: f"{day:%Y-%m-%d}", "amount": str(client + place)}
        for place, day in enumerate(days)
        for client in range(1, clients + 1)
    ]
    return raw(*rows)


def portfolio(root: Path, rows: pl.DataFrame, text: str = SPEC, own: str | None = None) -> Portfolio:
    """A portfolio folder with `rows` as its payments, opened."""
    folder = root / "loans"
    (folder / "data").mkdir(parents=True, exist_ok=True)
    (folder / "features.yaml").write_text(text)
    rows.write_csv(folder / "data" / "payments.csv")
    if own is not None:
        (folder / "features.py").write_text(own)
    return open_portfolio(root, "loans")


def history(values: list[float | None], *, client: int = 1) -> pl.DataFrame:
    """Typed rows of one client, a month apart, with `values` as amounts."""
    start = datetime(2020, 1, 1, tzinfo=UTC)
    times = [start + timedelta(days=31 * place) for place in range(len(values))]
    return pl.DataFrame(
        {KEY: [client] * len(values), EVENT: times, CREATED: times, "amount": values},
        schema={KEY: pl.Int64, EVENT: TIME, CREATED: TIME, "amount": pl.Float64},
    )
