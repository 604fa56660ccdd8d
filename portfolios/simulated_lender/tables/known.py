"""What the lender knew of an applicant at the close of the day: obligations, and income by the months closed then."""

from datetime import timedelta

import polars as pl

from .raw import CREATED, CUSTOMER, EVENT

INCOME_MONTHS = 3
KEPT = timedelta(days=460)
"""How far back summaries are looked for: an application that lands more than a year late meets none."""


class Seen:
    """Instalments and income of the months closed so far, as they were drawn up at each month's close."""

    def __init__(self) -> None:
        self._owed: list[pl.DataFrame] = []
        self._income: list[pl.DataFrame] = []

    def add(self, book: pl.DataFrame, money: pl.DataFrame) -> None:
        """Take in what became known in the next month."""
        self._owed = _kept(self._owed, _first(book).select(CUSTOMER, EVENT, own_instalments="instalments"))
        self._income = _kept(self._income, _first(money).select(CUSTOMER, EVENT, "income_sum"))

    def with_known(self, asked: pl.DataFrame, answers: pl.DataFrame) -> pl.DataFrame:
        """Applications with instalments here and elsewhere, and the income seen on the account; null if not known."""
        # An answer that came later has a later event, and one that came in time has the application's.
        intime = answers.unique(["application_id", EVENT], keep="first", maintain_order=True)
        intime = intime.select("application_id", EVENT, "outside_instalments")
        asked = asked.join(intime, on=["application_id", EVENT], how="left", maintain_order="left")
        theirs = [rows.join(asked, on=CUSTOMER, how="semi") for rows in self._income]
        recent = pl.col("income_sum").rolling_mean(INCOME_MONTHS, min_samples=1).over(CUSTOMER, order_by=EVENT).round(2)
        income = pl.concat(theirs).select(CUSTOMER, EVENT, account_income=recent)
        return _newest(_newest(asked, pl.concat(self._owed)), income).with_columns(
            instalment_asked=(pl.col("amount") / pl.col("term_months")).round(2)
        )


def _kept(before: list[pl.DataFrame], rows: pl.DataFrame) -> list[pl.DataFrame]:
    if rows.is_empty():
        return before or [rows]
    return [*(part for part in before if part.height and part[EVENT][-1] > rows[EVENT][-1] - KEPT), rows]


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
