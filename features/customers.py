"""Customers in ranges of their keys: the one way in which work on many customers is cut into parts.

A lake's files are sorted by key, and Parquet keeps the smallest and largest key of each group of rows: a range is read
without what lies outside of it, by this machine or by another. Where to cut is told by a sample of the keys themselves.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import polars as pl

from features.lake_files import count_rows, in_groups

Key = int | str
Part = TypeVar("Part")
Made = TypeVar("Made")

AT_ONCE = 2_000_000
"""Rows in memory at once: a table with more is worked on in parts."""
SAMPLES = 16
"""Of the rows of a range, how many in each file at least are looked at to find where the next begins."""
DRAWN = 1000
"""Customers of a range that are looked at to find where the next begins."""


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
    """All customers of some files in ranges of at most `rows` rows; everyone at once when there are no more of them.

    Only a customer with more rows alone makes a range larger. The files are sorted by key.
    """
    if count_rows(files) <= rows:
        return [EVERYONE]
    # Statistics of row groups would not do: where each month is one group, all of them begin with the same customer.
    step = max(1, rows // (len(files) * SAMPLES))
    sample = pl.concat([_every(file, key, step) for file in files])
    # Between two keys of a sample lie rows of each file that nobody has counted.
    return _ranges(sample.group_by("key").len("count"), step, rows - len(files) * (step - 1))


def split_evenly(files: Sequence[Path], key: str, customers: int) -> list[Customers]:
    """All customers of some files in ranges of about so many, however many rows each has."""
    if count_rows(files) <= customers:
        return [EVERYONE]
    # The same customers in every file, since they are drawn by a digest of their keys.
    step = max(1, customers // DRAWN)
    drawn = [keys.filter(keys.hash() % step == 0).unique() for file in files for keys in _keys(file, key)]
    sample = pl.concat([keys.to_frame("key") for keys in drawn]).unique()
    return _ranges(sample.with_columns(count=pl.lit(1, pl.UInt32)), step, customers)


def bounded(bounds: Sequence[Key]) -> list[Customers]:
    """Everyone, in ranges that begin at `bounds` but for the first."""
    return [Customers(low, high) for low, high in zip([None, *bounds], [*bounds, None], strict=True)]


def _ranges(sample: pl.DataFrame, step: int, most: int) -> list[Customers]:
    """Ranges of at most `most` where each of the sampled keys, with its `count`, stands for `step` times as many."""
    bounds: list[Key] = []
    held = 0
    for key, count in sample.sort("key").iter_rows():
        if held and held + count * step > most:
            bounds.append(key)
            held = 0
        held += count * step
    return bounded(bounds)


def _every(file: Path, key: str, step: int) -> pl.DataFrame:
    """The key of each `step`-th row of a file."""
    found, seen = [], 0
    for keys in _keys(file, key):
        found.append(keys.gather_every(step, -seen % step) if -seen % step < keys.len() else keys.clear())
        seen += keys.len()
    return pl.concat(found).to_frame("key")


def _keys(file: Path, key: str) -> Iterator[pl.Series]:
    for group in in_groups(file, [key]):
        yield group[key]
