"""The newest feature rows that were known at the end of a day: what the online store holds after a materialize."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from features.calendar import cutoff, month_end, month_of
from features.customers import Customers, split_evenly
from features.digests import RowsDigest
from features.lake import Lake, NoData, Partition
from features.lake_files import in_groups
from features.permitted import FeatureColumn
from features.spec import CREATED, EVENT

_FILE = f"{__name__}:file"
"""A name that no column of a file has."""


@dataclass(frozen=True)
class Newest:
    """The newest row of each customer in every view, known at the end of `as_of`, however old it is.

    A row that is too old says so by its age: the online store keeps it too, and a decision treats it as stale.
    """

    lake: Lake
    portfolio: str
    key: str
    columns: tuple[FeatureColumn, ...]
    as_of: date

    @property
    def views(self) -> dict[str, int]:
        """The views, and the days after which each is stale."""
        return {column.view: column.freshness for column in self.columns}

    def ranges(self, customers: int) -> list[Customers]:
        """Everyone with a row in any of the views, in ranges of about so many customers."""
        return split_evenly([file for view in self.views for file in self._files(view)], self.key, customers)

    def made_from(self) -> dict[str, dict[str, str]]:
        """The digests of what is read, by view and month: a month that fills up afterwards has the same."""
        return {view: {one.month: self._digest(view, one) for one in self._partitions(view)} for view in self.views}

    def read(self, customers: Customers) -> pl.DataFrame:
        """A row for each of the customers, in their order, with the event of every view as `event of <view>`."""
        frames = [self._view(view, customers) for view in self.views]
        whole = frames[0]
        for frame in frames[1:]:
            whole = whole.join(frame, on=self.key, how="full", coalesce=True)
        return whole.sort(self.key)

    def _view(self, view: str, customers: Customers) -> pl.DataFrame:
        files, names = self._files(view), [column.name for column in self.columns if column.view == view]
        found = [
            self._month(file, customers, names).join(mine, self.key, "semi")
            for file, mine in self._met(files, customers)
        ]
        return pl.concat(found).drop(CREATED).rename({EVENT: event_of(view)})

    def _met(self, files: list[Path], customers: Customers) -> Iterator[tuple[Path, pl.DataFrame]]:
        """The months that have the newest row of somebody, and of whom: keys and times tell, a month at a time."""
        newest = self._month(files[0], customers, []).with_columns(pl.lit(0).alias(_FILE))
        for number, file in enumerate(files[1:], start=1):
            month = self._month(file, customers, []).with_columns(pl.lit(number).alias(_FILE))
            newest = self._last([newest, month])
        for number, file in enumerate(files):
            mine = newest.filter(pl.col(_FILE) == number)
            # Of a month without anyone nothing is read again; the last one has the columns also when nobody has a row.
            if mine.height or number == len(files) - 1:
                yield file, mine

    def _month(self, file: Path, customers: Customers, names: list[str]) -> pl.DataFrame:
        # Parquet's statistics leave out row groups of other customers.
        until = cutoff(self.as_of)
        rows = (
            pl.scan_parquet(file, hive_partitioning=False)
            .filter(customers.within(self.key), pl.col(EVENT) < until, pl.col(CREATED) < until)
            .select(self.key, EVENT, CREATED, *names)
        )
        return self._last([rows.collect()])

    def _last(self, rows: Iterable[pl.DataFrame]) -> pl.DataFrame:
        ordered = pl.concat(rows).sort(self.key, EVENT, CREATED, maintain_order=True)
        return ordered.unique(self.key, keep="last", maintain_order=True)

    def _digest(self, view: str, one: Partition) -> str:
        if one.month < month_of(self.as_of) or self.as_of == month_end(self.as_of):
            return one.inputs
        digest: RowsDigest | None = None
        for rows in in_groups(self.lake.file(self.portfolio, "features", view, one.month)):
            digest = digest or RowsDigest(rows.schema)
            digest.add(rows.filter(pl.col(CREATED) < cutoff(self.as_of)))
        assert digest is not None, "a file has at least one group, if an empty one"
        return digest.digest()

    def _files(self, view: str) -> list[Path]:
        return [self.lake.file(self.portfolio, "features", view, one.month) for one in self._partitions(view)]

    def _partitions(self, view: str) -> list[Partition]:
        """The months up to the day's; those that came later are not of this book."""
        there = self.lake.partitions(self.portfolio, "features", view)
        mine = [one for one in there if one.month <= month_of(self.as_of)]
        if not mine or max(one.covers for one in there) < self.as_of:
            found = max(one.covers for one in there) if there else "nothing"
            command = f"`lendloop run materialize --portfolio {self.portfolio} --as-of {self.as_of}`"
            raise NoData(
                f"{self.portfolio}: found features of {view!r} up to {found}; expected {self.as_of}: {command}"
            )
        return mine


def event_of(view: str) -> str:
    """The column that holds when the row of a view happened."""
    return f"event of {view}"
