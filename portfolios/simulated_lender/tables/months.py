"""Months: what a customer did in one, summed when it closes, and summed again when rows of it came late."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

import polars as pl

from .raw import CREATED, CUSTOMER, EVENT, Period, Raw, Schema, at, close_of, next_month

Frames = Mapping[str, pl.DataFrame]


@dataclass(frozen=True)
class Version:
    """A version of a month's summary: the moment the month closed, and the moment up to which rows had landed."""

    close: datetime
    known: datetime


Summarise = Callable[[Frames, Version], pl.DataFrame]
Summaries = Iterator[tuple[date, pl.DataFrame]]
"""Rows with the last day of the month in which they became known, month after month."""


@dataclass(frozen=True)
class Source:
    """A raw table that a month is summed from: its columns, and those that name a row within its corrections."""

    columns: Schema
    key: tuple[str, ...]


def joined_by(raw: Raw) -> pl.DataFrame:
    """Every customer and when their profile first landed."""
    rows = raw.scan("customers", {CUSTOMER: pl.Int64}).group_by(CUSTOMER).agg(pl.col(CREATED).min().alias("joined"))
    return rows.sort(CUSTOMER).collect()


class Known:
    """Summaries by the month in which they became known, taken month after month."""

    def __init__(self, summaries: Summaries) -> None:
        self._months = groupby(summaries, lambda part: part[0])
        self._empty = pl.DataFrame()

    def of(self, period: Period) -> pl.DataFrame:
        """Those known in the next period; of a month that is not whole, none."""
        if (month := next(self._months, None)) is None:
            return self._empty
        known, parts = month
        assert known == period.last, f"{known} was summed, and {period.last} is due"
        rows = pl.concat(rows for _, rows in parts)
        self._empty = rows.clear()
        return rows


def by_month(
    raw: Raw, sources: Mapping[str, Source], roster: pl.DataFrame, summarise: Summarise, counted: pl.Expr
) -> Summaries:
    """A row for each whole month and customer of the `roster`, by what had landed at its close.

    `summarise` makes rows of some customers out of the month's rows; of the others the columns `counted` are 0.
    Customers of whom a row landed in the month after have a second version, known at that one's close; what is later
    still is left out. Two months of raw rows are in memory at a time.
    """
    for month in raw.months:
        for version, rows in _month(raw, sources, roster, summarise, month):
            yield version.known.date(), _dated(rows, version).with_columns(counted.fill_null(0))


def _month(
    raw: Raw, sources: Mapping[str, Source], roster: pl.DataFrame, summarise: Summarise, month: date
) -> Iterator[tuple[Version, pl.DataFrame]]:
    close, again = close_of(month), close_of(next_month(month))
    landed = {name: _landed(raw, name, source, month) for name, source in sources.items()}
    intime = {name: rows.filter(pl.col(CREATED) <= at(close)) for name, rows in landed.items()}
    everyone = roster.filter(pl.col("joined") <= at(close)).select(CUSTOMER)
    first, second = Version(close, close), Version(close, again)
    yield first, everyone.join(summarise(intime, first), on=CUSTOMER, how="left", maintain_order="left")
    if next_month(month) in raw.months:
        there = {name: rows.filter(pl.col(CREATED) <= at(again)) for name, rows in landed.items()}
        behind = pl.concat([rows.filter(pl.col(CREATED) > at(close)).select(CUSTOMER) for rows in there.values()])
        late = everyone.join(behind.unique(), on=CUSTOMER, how="semi", maintain_order="left")
        if late.height:
            theirs = {name: rows.join(late, on=CUSTOMER, how="semi") for name, rows in there.items()}
            yield second, late.join(summarise(theirs, second), on=CUSTOMER, how="left", maintain_order="left")


def _landed(raw: Raw, name: str, source: Source, month: date) -> pl.DataFrame:
    """The month's rows that landed by the end of the month after, every version of them."""
    until = next_month(next_month(month)) - timedelta(days=1)
    rows = raw.scan(name, {CUSTOMER: pl.Int64, **source.columns}, month, until)
    inside = pl.col(EVENT).dt.date().is_between(month, next_month(month), closed="left")
    return rows.filter(inside).collect()


def _dated(rows: pl.DataFrame, version: Version) -> pl.DataFrame:
    return rows.with_columns(at(version.close).alias(EVENT), at(version.known).alias(CREATED))
