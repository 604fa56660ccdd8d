"""The lake's files: rows to Parquet and back, and what is raised when that cannot be."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from infra.disk import RoomNeeded

ROW_GROUP = 2**17
"""Rows for which a file keeps the smallest and largest key: what is read of it at least."""


class LakeError(RuntimeError):
    """The lake cannot do what was asked; the message says what was found and what to try."""


class NoData(LakeError):
    """Nothing is known of a table at a date."""


class LakeFull(LakeError, RoomNeeded):
    """A partition could not be written: what was there before still is, and nothing else."""


def to_parquet(frame: pl.DataFrame, notes: dict[str, str]) -> bytes:
    """The frame as Parquet with `notes` in its metadata; the same rows give the same bytes."""
    # In memory first, so that running out of space is an OSError of ours and not one inside Polars.
    buffer = io.BytesIO()
    frame.rechunk().write_parquet(buffer, metadata=notes, row_group_size=ROW_GROUP)
    return buffer.getvalue()


def lake_full(path: Path, error: OSError) -> LakeFull:
    """What is raised when `path` cannot be written."""
    return LakeFull(
        f"{path}: cannot be written: {error.strerror or error}; nothing half-written is left. "
        "Free space or permissions there, or point LENDLOOP_HOME elsewhere, and run again"
    )


def read_files(files: list[Path], columns: list[str] | None, within: pl.Expr | None) -> pl.DataFrame:
    """The rows of several partitions of one table."""
    frames = [read_file(file, columns, within) for file in files]
    try:
        return pl.concat(frames)
    except pl.exceptions.PolarsError as error:
        raise LakeError(
            f"{files[0].parent.parent}: partitions differ in their columns; ingest again: {error}"
        ) from error


def read_file(file: Path, columns: list[str] | None = None, within: pl.Expr | None = None) -> pl.DataFrame:
    """The rows of one partition (None: all columns, all rows); raises `LakeError`."""
    try:
        if within is None:
            return pl.read_parquet(file, hive_partitioning=False, columns=columns)
        rows = pl.scan_parquet(file, hive_partitioning=False).filter(within)
        return (rows.select(columns) if columns else rows).collect()
    except pl.exceptions.ColumnNotFoundError as error:
        raise LakeError(f"{file}: lacks a column that is read: {error}; ingest again") from error
    except (pl.exceptions.PolarsError, OSError) as error:
        raise LakeError(f"{file}: is not a partition of this lake ({error}); delete it and run again") from error


def in_groups(file: Path, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
    """The rows of a partition (None: all columns), group by group: one is in memory at once; at least one, if empty."""
    from pyarrow import parquet

    with parquet.ParquetFile(file) as opened:
        wanted = None if columns is None else list(columns)
        if not opened.num_row_groups:
            yield pl.DataFrame(opened.read(columns=wanted))
        for place in range(opened.num_row_groups):
            yield pl.DataFrame(opened.read_row_group(place, columns=wanted))


def count_rows(files: Sequence[Path]) -> int:
    """How many rows partitions have, by what their files say of themselves."""
    from pyarrow import parquet

    return sum(parquet.read_metadata(file).num_rows for file in files)
