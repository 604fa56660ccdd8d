"""Months: what a customer did in one, summed when it closes, and summed again when rows of it came late."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from .raw import CREATED, CUSTOMER, EVENT, Period, Raw, Schema, at, close_of, next_month

Frames = Mapping[str, pl.DataFrame]


@dataclass(frozen=True)
class Version:
    """A version of a month's summary: the moment the month closed, and the moment up to which rows had landed."""

    close: datetime
    known: datetime


Summarise = Callable[[Frames, Version], pl.DataFrame]


@dataclass(frozen=True)
class Source:
    """A raw table that a month is summed from: its columns, and those that name a row within its corrections."""

    columns: Schema
    key: tuple[str, ...]


def joined_by(raw: Raw) -> pl.DataFrame:
    """Every customer and when their profile first landed."""
    rows = raw.scan("customers", {CUSTOMER: pl.Int64}).group_by(CUSTOMER).agg(pl.col(CREATED).min().alias("joined"))
    return rows.sort(CUSTOMER).collect()


class Summaries:
    """A row for each whole month and customer of the `roster`, by what had landed at its close.

    `summarise` makes rows of some customers out of the month's rows; of the others the columns `counted` are 0.
    Customers of whom a row landed in the month after have a second version, known at that one's close; what is later
    still is left out. Raw rows of a month are in memory only while it is summed.
    """

    def __init__(
        self, raw: Raw, sources: Mapping[str, Source], roster: pl.DataFrame, summarise: Summarise, counted: pl.Expr
    ) -> None:
        self._raw, self._sources, self._roster = raw, sources, roster
        self._summarise, self._counted = summarise, counted
        self._second: list[pl.DataFrame] = []
        self._empty = pl.DataFrame()

    def of(self, period: Period) -> pl.DataFrame:
        """Those known in the next period; of a month that is not whole, none."""
        month = period.last.replace(day=1)
        if month not in self._raw.months:
            return self._empty
        first, *second = [self._dated(rows, version) for version, rows in self._versions(month)]
        rows = pl.concat([*self._second, first])
        self._second, self._empty = second, rows.clear()
        return rows

    def _versions(self, month: date) -> Iterator[tuple[Version, pl.DataFrame]]:
        close, again = close_of(month), close_of(next_month(month))
        landed = {name: _landed(self._raw, name, source, month) for name, source in self._sources.items()}
        everyone = self._roster.filter(pl.col("joined") <= at(close)).select(CUSTOMER)
        yield self._version({name: rows.filter(pl.col(CREATED) <= at(close)) for name, rows in landed.items()},
                            everyone, Version(close, close))  # fmt: skip
        if next_month(month) in self._raw.months:
            behind = pl.col(CREATED).is_between(at(close), at(again), closed="right")
            whose = pl.concat([rows.lazy().filter(behind).select(CUSTOMER) for rows in landed.values()])
            late = everyone.join(whose.unique().collect(), on=CUSTOMER, how="semi", maintain_order="left")
            if late.height:
                theirs = {
                    name: rows.join(late, on=CUSTOMER, how="semi").filter(pl.col(CREATED) <= at(again))
                    for name, rows in landed.items()
                }
                yield self._version(theirs, late, Version(close, again))

    def _version(self, frames: Frames, whose: pl.DataFrame, version: Version) -> tuple[Version, pl.DataFrame]:
        return version, whose.join(self._summarise(frames, version), on=CUSTOMER, how="left", maintain_order="left")

    def _dated(self, rows: pl.DataFrame, version: Version) -> pl.DataFrame:
        dated = rows.with_columns(at(version.close).alias(EVENT), at(version.known).alias(CREATED))
        return dated.with_columns(self._counted.fill_null(0))


def accounted(landed: pl.DataFrame, rows: pl.DataFrame, sound: pl.Expr) -> pl.DataFrame:
    """Of how many raw rows a customer's month is made: in = kept + repeated + malformed; `rows` are the current."""
    counts = landed.group_by(CUSTOMER).agg(rows_in=pl.len())
    kept = rows.group_by(CUSTOMER).agg(rows_kept=sound.fill_null(False).sum(), versions=pl.len())
    return counts.join(kept, on=CUSTOMER).select(
        CUSTOMER, "rows_in", "rows_kept", rows_repeated=pl.col("rows_in") - pl.col("versions"),
        rows_malformed=pl.col("versions") - pl.col("rows_kept"),
    )  # fmt: skip


def _landed(raw: Raw, name: str, source: Source, month: date) -> pl.DataFrame:
    """The month's rows that landed by the end of the month after, every version of them."""
    until = next_month(next_month(month)) - timedelta(days=1)
    rows = raw.scan(name, {CUSTOMER: pl.Int64, **source.columns}, month, until)
    inside = pl.col(EVENT).dt.date().is_between(month, next_month(month), closed="left")
    return rows.filter(inside).collect()
