"""Rows of files fetched by their places: of the columns asked for just these are kept, a piece of a file at a time."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.store.reading import in_types, scan

PIECE_ROWS = 250_000
"""Row groups of the files are read together up to so many rows."""
Places = NDArray[np.int64]
"""Of rows, counted over all files; -1: no row."""


def rows_at(
    files: Sequence[Path], columns: Mapping[str, str], types: Mapping[str, list[pl.DataType]], places: Places
) -> pl.DataFrame:
    """The rows at `places`, in their order, nulls where there is none.

    `columns`: from the names in the answer to those in the files, whose `types` are listed file by file.
    """
    # Not `np.unique`: it looks for the different ones in a table of all, in ten times the time of sorting them.
    order = np.argsort(places)
    ordered = places[order]
    new = np.diff(ordered, prepend=-1) > 0
    wanted = ordered[new]
    rows_of = np.empty(len(places), dtype=np.int64)
    rows_of[order] = np.cumsum(new) - 1
    named = [pl.col(file).alias(name) for name, file in columns.items()]
    wanted_types = {
        name: next((one for one in types[file] if one != pl.Null), types[file][0]) for name, file in columns.items()
    }
    pieces = [pl.DataFrame(schema=wanted_types)]
    for file, offset, first, rows in _spans(files):
        begin, end = np.searchsorted(wanted, [offset + first, offset + first + rows])
        if end > begin:
            piece = scan(file).select(named).slice(first, rows).collect()[wanted[begin:end] - offset - first]
            pieces.append(in_types(piece, wanted_types, file))
    found = pl.concat(pieces, rechunk=True)
    pieces.clear()
    return found.select(pl.all().gather(pl.Series(rows_of).set(pl.Series(places < 0), None)))


def _spans(files: Sequence[Path]) -> Iterator[tuple[Path, int, int, int]]:
    """Pieces of the files, in whole row groups: file, rows before the file, first row in it, rows."""
    offset = 0
    for file in files:
        about = pq.read_metadata(file)
        first = rows = 0
        for group in range(about.num_row_groups):
            rows += about.row_group(group).num_rows
            if rows >= PIECE_ROWS or group == about.num_row_groups - 1:
                yield file, offset, first, rows
                first, rows = first + rows, 0
        offset += about.num_rows
