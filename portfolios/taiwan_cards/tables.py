"""Taiwan cards: one wide row a customer becomes six monthly statements, a customer and the official outcome."""

from pathlib import Path

import polars as pl

# Suffixes of the wide columns, newest first as published: PAY_0 and BILL_AMT1 are September 2005.
MONTH_ENDS = ("2005-09-30", "2005-08-31", "2005-07-31", "2005-06-30", "2005-05-31", "2005-04-30")


def tables(data: Path) -> dict[str, pl.DataFrame]:
    """The canonical tables, as text."""
    wide = pl.read_csv(data / "taiwan_credit.csv.gz", infer_schema=False)
    statements = pl.concat([_statement(wide, place, day) for place, day in enumerate(MONTH_ENDS)])
    customers = wide.select(
        *_keys("2005-04-30"),
        sex="SEX",
        education="EDUCATION",
        marriage="MARRIAGE",
        age="AGE",
    )
    outcomes = wide.select(*_keys("2005-10-31"), defaulted="DEFAULT")
    return {"statements": statements, "customers": customers, "official_outcomes": outcomes}


def _keys(day: str) -> list[pl.Expr]:
    times = {"event_timestamp": day, "created_timestamp": day}
    return [pl.col("ID").alias("customer_id"), *(pl.lit(value).alias(name) for name, value in times.items())]


def _statement(wide: pl.DataFrame, place: int, day: str) -> pl.DataFrame:
    return wide.select(
        *_keys(day),
        credit_limit="LIMIT_BAL",
        pay_status=f"PAY_{place + 1 if place else 0}",
        bill_amount=f"BILL_AMT{place + 1}",
        paid_amount=f"PAY_AMT{place + 1}",
    )
