"""What the lender knew of an applicant at the close of the day: obligations, and income by the months closed then."""

import polars as pl

from .raw import CREATED, CUSTOMER, EVENT

INCOME_MONTHS = 3


def with_known(asked: pl.DataFrame, answers: pl.DataFrame, book: pl.DataFrame, money: pl.DataFrame) -> pl.DataFrame:
    """Applications with instalments here and elsewhere, and the income seen on the account; null where not known."""
    # An answer that came later has a later event, and one that came in time has the application's.
    intime = answers.unique(["application_id", EVENT], keep="first", maintain_order=True)
    intime = intime.select("application_id", EVENT, "outside_instalments")
    asked = asked.join(intime, on=["application_id", EVENT], how="left", maintain_order="left")
    recent = pl.col("income_sum").rolling_mean(INCOME_MONTHS, min_samples=1).over(CUSTOMER, order_by=EVENT).round(2)
    income = _first(money).select(CUSTOMER, EVENT, account_income=recent)
    owed = _first(book).select(CUSTOMER, EVENT, own_instalments="instalments")
    return _newest(_newest(asked, owed), income).with_columns(
        instalment_asked=(pl.col("amount") / pl.col("term_months")).round(2)
    )


def _first(summaries: pl.DataFrame) -> pl.DataFrame:
    """The summaries as they were drawn up at each month's close."""
    return summaries.filter(pl.col(EVENT) == pl.col(CREATED))


def _newest(asked: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """The newest row of each customer by the close of the day on which the form was sent.

    An application may land after it was decided: a later summary would hold the very loan that is asked for.
    """
    close = pl.col("sent_at").dt.truncate("1d").dt.offset_by("1d") - pl.duration(seconds=1)
    ordered = asked.with_row_index("place").with_columns(moment=pl.min_horizontal(EVENT, close)).sort("moment")
    rows = rows.rename({EVENT: "moment"}).sort("moment")
    joined = ordered.join_asof(rows, on="moment", by=CUSTOMER, check_sortedness=False)
    return joined.sort("place").drop("place", "moment")
