"""Customers in ranges of their keys: the one way in which work on many customers is cut into parts.

A lake's files are sorted by key, and Parquet keeps the smallest and largest key of each group of rows: a range is read
without what lies outside of it, by this machine or by another.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import polars as pl

Key = int | str
Part = TypeVar("Part")
Made = TypeVar("Made")

AT_ONCE = 2_000_000
"""Rows in memory at once: a table with more is worked on in parts."""


@dataclass(frozen=True)
class Customers:
    """The customers whose key is at least `low` and under `high`; None: no bound."""

    low: Key | None = None
    high: Key | None = None

    @property
    def everyone(self) -> bool:
        """Whether no customer is left out."""
        return self.low is None and self.high is None

    def within(self, key: str) -> pl.Expr:
        """Whether a row is of one of them."""
        held = pl.lit(True)
        if self.low is not None:
            held = pl.col(key) >= self.low
        return held if self.high is None else held & (pl.col(key) < self.high)


EVERYONE = Customers()


class Each(Protocol):
    """How a function is applied to each part: here, one after the other, or by workers; results in the parts' order."""

    def __call__(self, function: Callable[[Part], Made], parts: Iterable[Part], /) -> Iterator[Made]:
        """The results."""


def split(files: Sequence[Path], key: str, rows: int = AT_ONCE) -> list[Customers]:
    """All customers of some files in ranges of about `rows` rows; everyone at once when there are no more of them."""
    groups = sorted(_groups(files, key), key=lambda group: group[0])
    bounds: list[Key] = []
    held = 0
    for lowest, count in groups:
        if held + count > rows and lowest > (bounds[-1] if bounds else groups[0][0]):
            bounds.append(lowest)
            held = 0
        held += count
    return [Customers(low, high) for low, high in zip([None, *bounds], [*bounds, None], strict=True)]


def _groups(files: Sequence[Path], key: str) -> Iterator[tuple[Any, int]]:
    """The smallest key of each group of rows, and how many rows it has."""
    from pyarrow import parquet

    for file in files:
        notes = parquet.read_metadata(file)
        column = notes.schema.names.index(key)
        for place in range(notes.num_row_groups):
            group = notes.row_group(place)
            told = group.column(column).statistics
            if told is not None and told.has_min_max:
                yield told.min, group.num_rows
