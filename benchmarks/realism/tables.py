"""Rows of a world's folder, and of the two real portfolios beside it."""

from pathlib import Path

import numpy as np
import polars as pl

PORTFOLIOS = Path(__file__).parents[2] / "portfolios"
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
FIRST_YEAR = 2008


def rows(world: Path, kind: str, table: str) -> pl.LazyFrame:
    """All rows of a table of a world; of rows that came twice or were corrected, the last one is wanted by few."""
    return pl.scan_parquet(world / kind / table / "day=*" / "*.parquet", hive_partitioning=False)


def months_on_book(opened: str, then: str) -> pl.Expr:
    """Whole months between two times."""
    from_, to = pl.col(opened), pl.col(then)
    return (to.dt.year() - from_.dt.year()) * 12 + (to.dt.month() - from_.dt.month()).cast(pl.Int32)


def month_ends(world: Path) -> pl.DataFrame:
    """Every live loan at each month's end: `loan_id`, `at`, `stage` from 0 (current), `days_past_due`."""
    end = pl.col("event_timestamp").dt.date() == pl.col("event_timestamp").dt.month_end().dt.date()
    ends = rows(world, "raw", "loan_states").filter(end).unique(["loan_id", "event_timestamp"])
    stage = pl.col("state").to_physical().cast(pl.Int64)
    at = pl.col("event_timestamp").dt.date()
    return ends.select("loan_id", "days_past_due", at=at, stage=stage).sort("loan_id", "at").collect()


def taiwan() -> pl.DataFrame:
    """The Taiwanese cards as published."""
    return pl.read_csv(PORTFOLIOS / "taiwan_cards" / "data" / "taiwan_credit.csv.gz")


def taiwan_months() -> list[np.ndarray]:
    """Months of delay of every card, April to September 2005; none is 0, and 1 hardly occurs before September."""
    wide = taiwan()
    return [np.maximum(wide[f"PAY_{place}"].to_numpy(), 0) for place in (6, 5, 4, 3, 2, 0)]


def bank() -> pl.DataFrame:
    """The Portuguese bank's contacts as published."""
    return pl.read_csv(PORTFOLIOS / "bank_deposits" / "data" / "bank_marketing.csv.gz", separator=";")


def bank_days() -> pl.Series:
    """The days of the bank's calls: they are in order and tell no year, which turns where the month falls."""
    number = pl.col("month").replace_strict(
        {name: place + 1 for place, name in enumerate(MONTHS)}, return_dtype=pl.Int32
    )
    year = FIRST_YEAR + (pl.col("month").diff().fill_null(0) < 0).cum_sum()
    return bank().select("day", month=number).select(day=pl.date(year, pl.col("month"), pl.col("day")))["day"]
