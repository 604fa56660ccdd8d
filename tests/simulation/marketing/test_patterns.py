"""Planted patterns: those in a stage buy its items together, read its pages and apply more; decoys do not."""

import polars as pl

from simulation.marketing.patterns import PATTERNS
from tests.simulation.lures import lured


def in_stage(name: str) -> pl.DataFrame:
    return lured().rows("true_patterns").filter(pl.col("pattern") == name).select("customer_id").unique()


def test_they_buy_both_items_and_read() -> None:
    orders, pages = lured().rows("orders"), lured().rows("app_events")
    for pattern in PATTERNS:
        people = in_stage(pattern.name)
        assert len(people) > 30
        theirs, others = orders.join(people, on="customer_id"), orders.join(people, on="customer_id", how="anti")
        shares = [part["item"].cast(pl.String).is_in(pattern.items).mean() for part in (theirs, others)]
        assert shares[0] > 1.5 * shares[1]
        read = [
            part["topic"].cast(pl.String).eq(pattern.topic).sum() / part["topic"].cast(pl.String).ne("none").sum()
            for part in (pages.join(people, on="customer_id"), pages.join(people, on="customer_id", how="anti"))
        ]
        assert read[0] > 1.4 * read[1]


def test_they_need_credit() -> None:
    world = lured()
    people = pl.concat([in_stage(pattern.name) for pattern in PATTERNS[:2]]).unique()
    honest = world.rows("true_fraud").select("customer_id")
    rate = {}
    for name, how in (("in", "semi"), ("out", "anti")):
        everyone = world.rows("true_people").join(honest, on="customer_id", how="anti")
        part = everyone.join(people, on="customer_id", how=how)
        asked = world.rows("applications").join(part, on="customer_id", how="semi")
        rate[name] = len(asked) / len(part)
    assert rate["in"] > 1.3 * rate["out"]
