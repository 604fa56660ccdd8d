"""People: profiles, other products held, and who is linked to how many."""

import polars as pl

from .raw import CUSTOMER, EVENT, Period, Raw, Schema

PROFILE: Schema = {
    CUSTOMER: pl.Int64, "change": pl.String, "kind": pl.String, "birth_date": pl.Date, "sex": pl.String,
    "group": pl.String, "region": pl.Int64, "city_tier": pl.Int64, "postcode": pl.Int64, "marital": pl.String,
    "children": pl.Int64, "education": pl.String, "occupation": pl.String, "employment": pl.String,
    "housing": pl.String, "stated_income": pl.Float64, "literacy_quiz": pl.Int64, "joined_by": pl.String,
    "consents_marketing": pl.Boolean, "business_months": pl.Int64, "business_staff": pl.Int64,
}  # fmt: skip


def profiles(raw: Raw, period: Period) -> pl.DataFrame:
    """A row for each profile that landed in a period, whole every time, with the age of that day."""
    rows = raw.landed("customers", PROFILE, period)
    born, day = pl.col("birth_date"), pl.col(EVENT).dt.date()
    had = (day.dt.month() * 100 + day.dt.day()) >= (born.dt.month() * 100 + born.dt.day())
    age = day.dt.year() - born.dt.year() - (~had).cast(pl.Int32)
    return rows.with_columns(age=age, ethnic_group="group").drop("birth_date", "group")
