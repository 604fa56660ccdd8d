"""Refunds: each pays back one earlier purchase, whole."""

from pathlib import Path

import polars as pl

from tests.simulation.small import rows


def test_a_refund_pays_back_what_was_bought(world: Path) -> None:
    moved = rows(world, "transactions").unique("transaction_id").cast({"kind": pl.String})
    back = moved.filter(pl.col("kind") == "refund").select(
        "customer_id", "amount", "mcc", "party_id", "event_timestamp"
    )
    bought = moved.filter(pl.col("kind") == "purchase").with_columns(amount=-pl.col("amount"))
    pairs = back.join(bought, on=["customer_id", "amount", "mcc", "party_id"], suffix="_bought")
    days = (pairs["event_timestamp"].dt.date() - pairs["event_timestamp_bought"].dt.date()).dt.total_days()
    assert back.height > 30
    assert pairs.height >= 0.97 * back.height, "but for records that came malformed"
    assert pairs.filter(days.is_between(3, 14)).height >= 0.97 * back.height
    assert set(back["mcc"]) == {5964, 5651, 5732, 5712}
