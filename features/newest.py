"""The newest feature rows that were known at the end of a day: what the online store holds after a materialize."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import polars as pl

from features.calendar import cutoff
from features.customers import Customers, split
from features.lake import Lake, NoData
from features.permitted import FeatureColumn
from features.spec import CREATED, EVENT


@dataclass(frozen=True)
class Newest:
    """The newest row of each customer in every view, known at the end of `as_of` and not stale on that day."""

    lake: Lake
    portfolio: str
    key: str
    columns: tuple[FeatureColumn, ...]
    as_of: date

    @property
    def views(self) -> dict[str, int]:
        """The views, and the days after which each is stale."""
        return {column.view: column.freshness for column in self.columns}

    def ranges(self, rows: int) -> list[Customers]:
        """The customers in ranges of about so many, told by the largest file: there each is about once."""
        largest = max((file for view in self.views for file in self._files(view)), key=lambda file: file.stat().st_size)
        return split([largest], self.key, rows)

    def made_from(self) -> dict[str, dict[str, str]]:
        """The digests of the partitions that are read, by view and month."""
        return {
            view: {one.month: one.inputs for one in self.lake.partitions(self.portfolio, "features", view)}
            for view in self.views
        }

    def read(self, customers: Customers) -> pl.DataFrame:
        """A row for each of the customers, in their order, with the event of every view as `event of <view>`."""
        frames = [self._view(view, customers) for view in self.views]
        whole = frames[0]
        for frame in frames[1:]:
            whole = whole.join(frame, on=self.key, how="full", coalesce=True)
        return whole.sort(self.key)

    def _view(self, view: str, customers: Customers) -> pl.DataFrame:
        oldest = datetime.combine(self.as_of, time(), UTC) - timedelta(days=self.views[view])
        until, names = cutoff(self.as_of), [column.name for column in self.columns if column.view == view]
        # Parquet's statistics leave out partitions that are too old, and row groups of other customers.
        rows = (
            pl.scan_parquet(self._files(view), hive_partitioning=False)
            .filter(customers.within(self.key), pl.col(EVENT) >= oldest, pl.col(EVENT) < until)
            .filter(pl.col(CREATED) < until)
            .select(self.key, EVENT, CREATED, *names)
            .collect()
        )
        ordered = rows.sort(self.key, EVENT, CREATED, maintain_order=True)
        newest = ordered.unique(self.key, keep="last", maintain_order=True)
        return newest.drop(CREATED).rename({EVENT: event_of(view)})

    def _files(self, view: str) -> list[Path]:
        there = self.lake.partitions(self.portfolio, "features", view)
        if not there or max(one.covers for one in there) < self.as_of:
            found = max(one.covers for one in there) if there else "nothing"
            command = f"`lendloop run materialize --portfolio {self.portfolio} --as-of {self.as_of}`"
            raise NoData(
                f"{self.portfolio}: found features of {view!r} up to {found}; expected {self.as_of}: {command}"
            )
        return [self.lake.file(self.portfolio, "features", view, one.month) for one in there]


def event_of(view: str) -> str:
    """The column that holds when the row of a view happened."""
    return f"event of {view}"
