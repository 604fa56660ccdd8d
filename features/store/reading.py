"""Parquet files of one view read more than once: the same files each time, in one schema, or an error that says why."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pyarrow as pa

from features.store.failures import StoreError

_UNREADABLE = (pl.exceptions.PolarsError, pa.ArrowException, OSError, IndexError)


class FilesChanged(StoreError):
    """A file was replaced while it was read; the message names it."""


class UnreadableFiles(StoreError):
    """Files do not hold what was expected of them; the message says what, and what to try."""


@contextmanager
def unreplaced(files: Sequence[Path]) -> Iterator[None]:
    """Raise `FilesChanged` if one of them is replaced or written inside, whatever else fails then."""
    before = list(map(_stamp, files))
    try:
        yield
    except Exception:
        _compare(files, before)
        raise
    _compare(files, before)


@contextmanager
def unchanged(files: Sequence[Path]) -> Iterator[None]:
    """The same for who reads them: what fails is told as `UnreadableFiles`."""
    with unreplaced(files):
        try:
            yield
        except _UNREADABLE as error:
            text = " ".join(str(error).split())[:500]
            raise UnreadableFiles(f"{files[0].parent}: {text}; check keys, times and the types of columns") from error


def _compare(files: Sequence[Path], before: list[tuple[int, int, int] | None]) -> None:
    changed = [file for file, stamp in zip(files, before, strict=True) if _stamp(file) != stamp]
    if changed:
        raise FilesChanged(f"{changed[0]}: the file was replaced while it was read; run again when its writer is done")


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def scan(file: Path, row_index: str | None = None) -> pl.LazyFrame:
    """One file, by its very name: brackets and stars in it are no pattern."""
    return pl.scan_parquet(file, glob=False, hive_partitioning=False, row_index_name=row_index)


def types_of(files: Sequence[Path], columns: Sequence[str]) -> dict[str, list[pl.DataType]]:
    """The type of each column in each file."""
    schemas = [scan(file).collect_schema() for file in files]
    for file, schema in zip(files, schemas, strict=True):
        if missing := [column for column in columns if column not in schema]:
            raise UnreadableFiles(
                f"{file}: found no column {missing[0]!r}, expected it in every file of the view; write the file again"
            )
    return {column: [schema[column] for schema in schemas] for column in columns}


def key_type(name: str, found: Sequence[pl.DataType]) -> pl.DataType:
    """One type for a key whose files may differ in width."""
    some = list(dict.fromkeys(one for one in found if one != pl.Null)) or [found[0]]
    if len(some) == 1:
        return some[0]
    empty = [pl.Series(name, [], dtype=one).to_frame() for one in some]
    try:
        wide = pl.concat(empty, how="vertical_relaxed").schema[name]
    except pl.exceptions.PolarsError:
        wide = None
    if wide is None or (wide.is_float() and not all(one.is_float() for one in some)):
        raise UnreadableFiles(f"key {name!r}: found {', '.join(map(str, some))} in files of one view; write one type")
    return wide


def in_types(rows: pl.DataFrame, wanted: Mapping[str, pl.DataType], file: Path) -> pl.DataFrame:
    """Rows of a file in the types of the first one, as Feast's DuckDB store has them; but no number may change."""
    return rows.select(_in_type(rows[name], type_, file) for name, type_ in wanted.items())


def _in_type(column: pl.Series, wanted: pl.DataType, file: Path) -> pl.Series:
    if column.dtype == wanted:
        return column
    cast = column.cast(wanted, strict=False)
    lost = cast.is_null() & column.is_not_null()
    if column.dtype.is_float() and wanted.is_integer():
        lost = lost & column.is_not_nan() | (cast.cast(column.dtype) != column).fill_null(False)
    if lost.any():
        value = column.filter(lost)[0]
        raise UnreadableFiles(
            f"{file}: column {column.name!r}: found {value!r} of type {column.dtype}, expected {wanted}, as in the"
            " first file; write all files with one type"
        )
    return cast
