"""What an estimator is given: numbers first, then categories, checked, in one fixed order."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.permitted import FeatureColumn

MISSING = "(missing)"
"""The category that stands for a missing one; a missing number is NaN."""

Rows = NDArray[np.bool_]
"""Which rows of a frame are meant."""


class InputError(ValueError):
    """A frame cannot be given to a model; the message names the columns and what was expected."""


@dataclass(frozen=True)
class Inputs:
    """Encoded rows: `numbers` is rows x floats (float32, NaN missing), `categories` is rows x categories (str)."""

    numbers: NDArray[np.float32]
    categories: NDArray[np.object_]

    def part(self, rows: slice) -> "Inputs":
        """Some of the rows, not copied."""
        return Inputs(self.numbers[rows], self.categories[rows])


def input_order(columns: Sequence[FeatureColumn]) -> tuple[FeatureColumn, ...]:
    """Numbers before categories, else as given: the order of a model's inputs everywhere."""
    return tuple(sorted(columns, key=lambda column: column.dtype == "category"))


def names_of(columns: Sequence[FeatureColumn], dtype: str) -> list[str]:
    """Names of the columns of one dtype, in order."""
    return [column.name for column in columns if column.dtype == dtype]


def encode(frame: pl.DataFrame, columns: Sequence[FeatureColumn], rows: Rows | None = None) -> Inputs:
    """The frame's columns as a model reads them; a missing, mistyped or infinite column is an error.

    Of `rows` only, if given: what is encoded is the only copy of them.
    """
    absent = [column.name for column in columns if column.name not in frame.columns]
    if absent:
        raise InputError(
            f"the frame has no column {absent}; expected every feature of the model; found {frame.columns}"
        )
    numbers, categories = names_of(columns, "float"), names_of(columns, "category")
    mistyped = [name for name in numbers if not (frame.schema[name].is_numeric() or frame.schema[name] == pl.Null)]
    if mistyped:
        raise InputError(f"columns {mistyped} are {[str(frame.schema[n]) for n in mistyped]}; expected numbers")
    dense = _dense(frame, numbers, rows)
    infinite = [name for place, name in enumerate(numbers) if np.isinf(dense[:, place]).any()]
    if infinite:
        raise InputError(f"columns {infinite} hold an infinite value (as float32); expected finite numbers or null")
    words = [column_of(frame, name, rows).cast(pl.String).fill_null(MISSING).to_list() for name in categories]
    return Inputs(dense, np.array(words, dtype=object).T.reshape(len(dense), len(categories)))


def column_of(frame: pl.DataFrame, name: str, rows: Rows | None) -> pl.Series:
    """A column of some rows, or of all."""
    return frame[name] if rows is None else frame[name].filter(pl.Series(rows))


def _dense(frame: pl.DataFrame, names: Sequence[str], rows: Rows | None) -> NDArray[np.float32]:
    """The columns as one array, written in place: a matrix of millions of rows is not to be there twice.

    Column by column in memory, as CatBoost reads them: of rows that lie side by side it would make a copy.
    """
    height = frame.height if rows is None else int(rows.sum())
    dense = np.empty((height, len(names)), dtype=np.float32, order="F")
    for place, name in enumerate(names):
        dense[:, place] = column_of(frame, name, rows).cast(pl.Float32).fill_null(float("nan")).to_numpy()
    return dense
