"""Profiles: binned statistics of a reference, and the counts of any later rows on the same bins.

A number's bins are cut at the reference's quantiles, so that each holds about as many of its rows; a column of few
values has a bin for each. A category has a bin a name. Missing values have a bin of their own in both.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.documents import Document
from features.permitted import FeatureColumn

Counts = NDArray[np.int64]
MISSING = "(missing)"
OTHER = "(other)"
MOST_CATEGORIES = 30  # rarer names share the bin OTHER: drift of a name seen a few times is chance


class ProfileError(ValueError):
    """A frame and a profile do not fit; the message says where."""


class ColumnProfile(Document):
    """One column's bins and the reference's rows in each; the last bin is for missing values.

    `edges` e₁ < … < eₖ make the bins (−∞, e₁), [e₁, e₂), …, [eₖ, ∞). `names` are the categories that have a bin.
    """

    dtype: Literal["float", "category"]
    edges: tuple[float, ...] = ()
    names: tuple[str, ...] = ()
    counts: tuple[int, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """A text for each bin."""
        if self.dtype == "category":
            return (*self.names, OTHER, MISSING)
        if not self.edges:
            return ("any number", MISSING)
        inner = (f"{low:.6g} to {high:.6g}" for low, high in pairwise(self.edges))
        return (f"under {self.edges[0]:.6g}", *inner, f"{self.edges[-1]:.6g} and over", MISSING)

    def count(self, values: pl.Series) -> Counts:
        """How many of `values` fall in each bin; a name the reference has not is in the bin for others."""
        if self.dtype == "category":
            return _category_counts(values, self.names)
        return _number_counts(values, self.edges)


class Profile(Document):
    """The reference statistics of a set of columns."""

    rows: int
    columns: Mapping[str, ColumnProfile]

    def joined(self, other: "Profile") -> "Profile":
        """Both profiles' columns; the row count stays that of this one. Their names must differ."""
        if twice := sorted(set(self.columns) & set(other.columns)):
            raise ProfileError(f"columns {twice} are in both profiles; expected different names")
        return Profile(rows=self.rows, columns={**self.columns, **other.columns})

    def only(self, names: Sequence[str]) -> "Profile":
        """The profile of some of the columns."""
        return Profile(rows=self.rows, columns={name: self.columns[name] for name in names})


def make_profile(frame: pl.DataFrame, columns: Sequence[FeatureColumn], bins: int = 10) -> Profile:
    """The profile of `columns` in the reference `frame`, numbers in at most `bins` bins."""
    _require(frame, [column.name for column in columns])
    made = {column.name: _profiled(frame[column.name], column.dtype, bins) for column in columns}
    return Profile(rows=frame.height, columns=made)


def counts(profile: Profile, frame: pl.DataFrame) -> dict[str, Counts]:
    """Rows of `frame` in each bin of each column of the profile."""
    _require(frame, profile.columns)
    return {name: column.count(frame[name]) for name, column in profile.columns.items()}


def reference_counts(profile: Profile) -> dict[str, Counts]:
    """Rows of the reference in each bin of each column."""
    return {name: np.array(column.counts, dtype=np.int64) for name, column in profile.columns.items()}


def shares(found: Mapping[str, Counts]) -> dict[str, NDArray[np.float64]]:
    """Counts as shares of their sum; zeros where there are no rows."""
    return {name: count / max(int(count.sum()), 1) for name, count in found.items()}


def _require(frame: pl.DataFrame, names: Sequence[str] | Mapping[str, ColumnProfile]) -> None:
    if missing := sorted(set(names) - set(frame.columns)):
        raise ProfileError(f"columns {missing} are missing from the frame; it has {sorted(frame.columns)}")


def _profiled(values: pl.Series, dtype: Literal["float", "category"], bins: int) -> ColumnProfile:
    if dtype == "category":
        names = _names(values)
        return ColumnProfile(dtype=dtype, names=names, counts=tuple(_category_counts(values, names).tolist()))
    edges = _edges(_finite(values), bins)
    return ColumnProfile(dtype=dtype, edges=edges, counts=tuple(_number_counts(values, edges).tolist()))


def _finite(values: pl.Series) -> NDArray[np.float64]:
    numbers: NDArray[np.float64] = values.cast(pl.Float64).drop_nulls().to_numpy()
    return numbers[np.isfinite(numbers)]


def _edges(numbers: NDArray[np.float64], bins: int) -> tuple[float, ...]:
    distinct = np.unique(numbers)
    if len(distinct) <= 1:
        # A constant has bins under, at and above it, or a change of it would not show; nothing is above the largest.
        edges = [edge for value in distinct.tolist() for edge in (value, math.nextafter(value, math.inf))]
        return tuple(edge for edge in edges if math.isfinite(edge))
    if len(distinct) <= bins:
        return tuple(distinct[1:].tolist())
    cuts = np.quantile(numbers, np.arange(1, bins) / bins, method="inverted_cdf")
    return tuple(np.setdiff1d(cuts, distinct[:1]).tolist())


def _number_counts(values: pl.Series, edges: tuple[float, ...]) -> Counts:
    numbers = _finite(values)
    places = np.searchsorted(np.array(edges, dtype=np.float64), numbers, side="right")
    found = np.bincount(places, minlength=len(edges) + 1)
    return np.append(found, len(values) - len(numbers)).astype(np.int64)


def _names(values: pl.Series) -> tuple[str, ...]:
    found = (
        values.cast(pl.String)
        .drop_nulls()
        .rename("name")
        .value_counts(name="n")
        .sort("n", "name", descending=[True, False])
    )
    return tuple(sorted(found["name"].head(MOST_CATEGORIES).to_list()))


def _category_counts(values: pl.Series, names: tuple[str, ...]) -> Counts:
    found = dict(values.cast(pl.String).rename("name").value_counts(name="n").iter_rows())
    missing = found.pop(None, 0)
    named = [found.pop(name, 0) for name in names]
    return np.array([*named, sum(found.values()), missing], dtype=np.int64)
