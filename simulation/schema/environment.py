"""The environment: the economy as published, and the rules in force."""

import polars as pl

from simulation.schema.table import Column, Table

ECONOMY = Table(
    "economy",
    "Published figures of a month, known in the middle of the next.",
    ("event_timestamp",),
    (
        Column("base_rate", pl.Float64, "the central bank's rate, a year"),
        Column("unemployment", pl.Float64, "share of those who would work"),
        Column("inflation", pl.Float64, "over a year"),
        Column("house_prices", pl.Float64, "index, 100 at the start"),
        Column("retail_sales", pl.Float64, "index, 100 at the start, seasonal"),
    ),
)
REGULATIONS = Table(
    "regulations",
    "Rules in force from a date on.",
    ("rule", "event_timestamp"),
    (
        Column("rule", pl.String, "rate_cap, contact_cap_month"),
        Column("value", pl.Float64, "its value"),
    ),
)
TABLES = (ECONOMY, REGULATIONS)
