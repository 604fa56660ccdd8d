"""What is to be written to the online store: slices of time with the newest row of each entity that became known."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path

import polars as pl

from features.calendar import cutoff, month_of, next_month
from features.customers import EVERYONE, Customers
from features.lake import Lake
from features.spec import CREATED, EVENT


@dataclass(frozen=True)
class Window:
    """Rows that became known in [`since`, `until`) and happened at `oldest` or later; `since` None: ever."""

    since: datetime | None
    until: datetime
    oldest: datetime


@dataclass(frozen=True)
class Slice:
    """What is to be written of one partition; once it is, all that was known before `done` is in the store.

    Of `asked`, files with all that was known before `known`, a newer event overtakes a row.
    """

    file: Path
    key: str
    wanted: Window
    done: datetime
    asked: tuple[Path, ...]
    known: datetime

    @cached_property
    def rows(self) -> pl.DataFrame:
        """All of it."""
        return self.of(EVERYONE)

    def of(self, customers: Customers) -> pl.DataFrame:
        """The newest row of each of these customers, unless it is overtaken."""
        within = customers.within(self.key)
        rows = _newest(_rows(self.file, self.wanted).filter(within).collect(), self.key)
        return _not_overtaken(rows, self.asked, self.key, self.known, within) if rows.height else rows

    def count(self) -> int:
        """How many rows it is made from."""
        found: int = _rows(self.file, self.wanted).select(pl.len()).collect().item()
        return found


def window(as_of: date, since: datetime | None, until: datetime, freshness: timedelta) -> Window:
    """The window for a run at `as_of`: what is stale on that day already is not worth writing."""
    return Window(since, until, datetime.combine(as_of, time(), UTC) - freshness)


def slices(
    lake: Lake, portfolio: str, view: str, key: str, wanted: Window, held: datetime | None = None
) -> Iterator[Slice]:
    """Slices in the order of time, which are read when asked: one partition at once, and of others keys and times only.

    What was known before `held` may be in the store already: a row that one of those overtakes is not written.
    """
    earlier: list[Path] = []
    for partition in lake.partitions(portfolio, "features", view):
        if month_of((wanted.until - timedelta(microseconds=1)).date()) < partition.month:
            break
        file = lake.file(portfolio, "features", view, partition.month)
        earlier.append(file)
        # A row may be known before it happens, so old partitions are asked too; Parquet's statistics answer for most.
        done = min(cutoff(_last_day(partition.month)), wanted.until)
        asked = earlier if held is None or held <= done else _up_to(lake, portfolio, view, held)
        known = max(held, wanted.until) if held else wanted.until
        yield Slice(file, key, wanted, done, tuple(asked), known)


def _up_to(lake: Lake, portfolio: str, view: str, held: datetime) -> list[Path]:
    last = month_of((held - timedelta(microseconds=1)).date())
    parts = lake.partitions(portfolio, "features", view)
    return [lake.file(portfolio, "features", view, one.month) for one in parts if one.month <= last]


def _rows(file: Path, wanted: Window) -> pl.LazyFrame:
    rows = _known(file, wanted.until).filter(pl.col(EVENT) >= wanted.oldest)
    if wanted.since is None:
        return rows
    return rows.filter((pl.col(CREATED) >= wanted.since) | (pl.col(EVENT) >= wanted.since))


def _known(file: Path, until: datetime) -> pl.LazyFrame:
    rows = pl.scan_parquet(file, hive_partitioning=False)
    return rows.filter(pl.col(CREATED) < until, pl.col(EVENT) < until)


def _newest(rows: pl.DataFrame, key: str) -> pl.DataFrame:
    ordered = rows.sort(EVENT, CREATED, maintain_order=True)
    return ordered.unique(key, keep="last", maintain_order=True)


def _not_overtaken(
    rows: pl.DataFrame, files: Sequence[Path], key: str, until: datetime, within: pl.Expr
) -> pl.DataFrame:
    """`rows` without those of an entity of which a newer event was known before: a late row must not replace it."""
    wanted = within & (pl.col(EVENT) >= rows[EVENT].min())
    known = pl.concat([_known(file, until).filter(wanted).select(key, EVENT, CREATED) for file in files])
    newest = _newest(known.collect().join(rows, on=key, how="semi"), key)
    return rows.join(newest, on=[key, EVENT, CREATED], how="semi", maintain_order="left")


def _last_day(month: str) -> date:
    return next_month(date.fromisoformat(f"{month}-01")) - timedelta(days=1)
