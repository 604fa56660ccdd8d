"""Rows of a world's folder, and of the two real portfolios beside it."""

from pathlib import Path

import polars as pl

PORTFOLIOS = Path(__file__).parents[2] / "portfolios"


def rows(world: Path, kind: str, table: str) -> pl.LazyFrame:
    """All rows of a table of a world; of rows that came twice or were corrected, the last one is wanted by few."""
    return pl.scan_parquet(world / kind / table / "day=*" / "*.parquet", hive_partitioning=False)


def months_on_book(opened: str, then: str) -> pl.Expr:
    """Whole months between two times."""
    from_, to = pl.col(opened), pl.col(then)
    return (to.dt.year() - from_.dt.year()) * 12 + (to.dt.month() - from_.dt.month()).cast(pl.Int32)


def taiwan() -> pl.DataFrame:
    """The Taiwanese cards as published."""
    return pl.read_csv(PORTFOLIOS / "taiwan_cards" / "data" / "taiwan_credit.csv.gz")


def bank() -> pl.DataFrame:
    """The Portuguese bank's contacts as published."""
    return pl.read_csv(PORTFOLIOS / "bank_deposits" / "data" / "bank_marketing.csv.gz", separator=";")
