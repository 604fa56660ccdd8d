"""A small made-up portfolio, and feature rows put into a lake as a build would."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from features.calendar import month_end, month_of
from features.lake import Lake
from features.portfolio import Portfolio, open_portfolio
from features.spec import CREATED, EVENT

NAME, KEY, VIEW, SERVICE = "shop", "customer_id", "orders", "risk"
SPEC = """
entity: {name: customer, key: customer_id, type: KIND, meaning: a customer}
tables:
  orders:
    meaning: one row a month
    columns:
      amount: {type: float, meaning: spent, uses: [credit], nullable: true}
      channel: {type: category, meaning: how, uses: [credit], nullable: true}
      sex: {type: category, meaning: sex, uses: [fairness]}
views:
  orders:
    table: orders
    freshness: 40
    features:
      amount: {transform: value, column: amount}
      amount_y: {transform: value, column: amount}
      channel: {transform: category, column: channel}
  protected:
    table: orders
    freshness: 4000
    online: false
    features:
      sex: {transform: category, column: sex}
services:
  risk: {use: credit, views: {orders: all}}
  groups: {use: fairness, views: {protected: all}}
"""
TYPES = {"amount": pl.Float64, "amount_y": pl.Float64, "channel": pl.String, "sex": pl.String}
TIME = pl.Datetime("us", "UTC")

Row = tuple[int | str, str, str, float | None, str | None]


def portfolio(root: Path, spec: str = SPEC, kind: str = "int") -> Portfolio:
    """The portfolio `shop` under `root`, its entity key an int or a string."""
    (root / NAME).mkdir(parents=True, exist_ok=True)
    (root / NAME / "features.yaml").write_text(spec.replace("KIND", kind))
    return open_portfolio(root, NAME)


def at(text: str) -> datetime:
    """A time in UTC, from `2024-01-31` or `2024-01-31 12:00`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def rows(*given: Row) -> pl.DataFrame:
    """Feature rows of view `orders`, from (key, event, created, amount, channel)."""
    columns: dict[str, Any] = {
        KEY: [row[0] for row in given],
        EVENT: [at(row[1]) for row in given],
        CREATED: [at(row[2]) for row in given],
        "amount": [row[3] for row in given],
        "amount_y": [row[3] for row in given],
        "channel": [row[4] for row in given],
    }
    kind = pl.String if given and isinstance(given[0][0], str) else pl.Int64
    schema = {KEY: kind, EVENT: TIME, CREATED: TIME} | {name: TYPES[name] for name in ("amount", "amount_y", "channel")}
    return pl.DataFrame(columns, schema=schema)


def put(lake: Lake, frame: pl.DataFrame, *, covers: str | None = None, inputs: str = "first", view: str = VIEW) -> None:
    """Put all rows of a view into the lake, by the month they became known in; the last covers `covers`."""
    months = frame[CREATED].dt.strftime("%Y-%m")
    for month in sorted(months.unique()):
        end = month_end(date.fromisoformat(f"{month}-01"))
        last = min(end, date.fromisoformat(covers)) if covers and covers.startswith(month) else end
        lake.write(NAME, "features", view, month, frame.filter(months == month), covers=last, inputs=inputs)
    if covers and (last := date.fromisoformat(covers)) and month_of(last) not in set(months):
        lake.write(NAME, "features", view, month_of(last), frame.clear(), covers=last, inputs=inputs)


def monthly(customers: int, months: int, kind: str = "int") -> pl.DataFrame:
    """A row for each customer and month of 2024, known two days after the month's end, with gaps in its values."""
    made: list[Row] = []
    for number in range(1, months + 1):
        end = month_end(date(2024, number, 1))
        created = end + timedelta(days=2)
        for customer in range(customers):
            key = f"c{customer}" if kind == "string" else customer
            amount = None if (customer + number) % 7 == 0 else customer + number / 3
            channel = None if (customer + number) % 5 == 0 else "shop" if customer % 2 else "网店"
            made.append((key, str(end), str(created), amount, channel))
    return rows(*made)
