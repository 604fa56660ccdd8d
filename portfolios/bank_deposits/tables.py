"""Bank deposits: contacts in time order without a year become dated contacts and their outcomes."""

from pathlib import Path

import polars as pl

FIRST_YEAR = 2008
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
COLUMNS = (
    "age", "job", "marital", "education", "default", "balance", "housing", "loan",
    "contact", "duration", "campaign", "pdays", "previous", "poutcome",
)  # fmt: skip


def tables(data: Path) -> dict[str, pl.DataFrame]:
    """The canonical tables, as text; a contact is named by its row number, from 1."""
    raw = pl.read_csv(data / "bank_marketing.csv.gz", separator=";", infer_schema=False)
    dated = raw.with_row_index("contact_id", offset=1).with_columns(
        day=_day(),
        # The file writes "never contacted before" as −1 days: no value, so that no model reads it as a small number.
        pdays=pl.when(pl.col("pdays") != "-1").then("pdays"),
    )
    contacts = dated.select("contact_id", *_times(pl.col("day")), *COLUMNS)
    outcomes = dated.select("contact_id", *_times(pl.col("day").dt.month_end()), converted="y")
    return {"contacts": contacts, "outcomes": outcomes}


def _day() -> pl.Expr:
    # The year rolls over whenever the month number falls. An unreadable month gives no day, which the contract catches.
    numbers = {name: number for number, name in enumerate(MONTHS, start=1)}
    month = pl.col("month").replace_strict(numbers, default=None, return_dtype=pl.Int32)
    fell = (month < month.forward_fill().shift(1)).fill_null(False)
    year = pl.lit(FIRST_YEAR) + fell.cast(pl.Int32).cum_sum()
    text = pl.format("{}-{}-{}", year, month, pl.col("day"))
    return text.str.to_date("%Y-%m-%d", strict=False)


def _times(day: pl.Expr) -> list[pl.Expr]:
    return [day.alias("event_timestamp"), day.alias("created_timestamp")]
