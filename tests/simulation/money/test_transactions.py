"""Money: balances add up, the rhythm is there, spending tells of trouble."""

from pathlib import Path

import polars as pl

from tests.simulation.small import rows


def test_ids_are_single_and_amounts_have_their_sign(world: Path) -> None:
    moved = rows(world, "transactions").unique("transaction_id", keep="last")
    signs = moved.group_by(pl.col("kind").cast(pl.String)).agg(low=pl.col("amount").min(), high=pl.col("amount").max())
    sign = {kind: (low, high) for kind, low, high in signs.iter_rows()}
    assert all(sign[kind][1] <= 0 for kind in ("purchase", "bill", "cash", "transfer_out", "loan_payment"))
    assert all(sign[kind][0] >= 0 for kind in ("salary", "benefit", "loan_in", "transfer_in"))


def test_balances_follow_from_transactions(world: Path) -> None:
    """From each Sunday to the next, but for the few weeks in which a record came late, twice or wrong."""
    weeks = rows(world, "balances").unique(["customer_id", "event_timestamp"], keep="last")
    weeks = weeks.sort("customer_id", "event_timestamp").with_columns(
        until=pl.col("event_timestamp").shift(-1).over("customer_id"),
        then=pl.col("current").shift(-1).over("customer_id"),
    )
    moved = rows(world, "transactions").unique("transaction_id", keep="last").sort("event_timestamp")
    weekly = moved.join_asof(
        weeks.drop_nulls("until").sort("event_timestamp"), on="event_timestamp", by="customer_id", strategy="backward",
        check_sortedness=False,
    ).filter(pl.col("event_timestamp") <= pl.col("until"))  # fmt: skip
    sums = weekly.group_by("customer_id", "until", "current", "then").agg(pl.col("amount").sum())
    off = sums.filter((pl.col("current") + pl.col("amount") - pl.col("then")).abs() > 0.01)
    assert sums.height > 400
    assert off.height < 0.06 * sums.height


def test_about_sixty_a_customer_month_with_a_weekly_rhythm(world: Path) -> None:
    moved = rows(world, "transactions").unique("transaction_id")
    present = (
        rows(world, "true_people").filter(pl.col("event_timestamp") < pl.datetime(2024, 1, 15, time_zone="UTC")).height
    )
    month = moved.filter(pl.col("event_timestamp").dt.month() == 1).height / present
    assert 48 < month < 75
    bought = moved.filter(pl.col("kind").cast(pl.String) == "purchase")
    weekday = (
        bought.group_by(pl.col("event_timestamp").dt.weekday().alias("weekday")).len().sort("weekday")["len"].to_list()
    )
    assert weekday[5] > max(weekday[0], weekday[1], weekday[2])
