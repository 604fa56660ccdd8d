"""Features as they were known: for each observation the newest row of its entity, found by keys and times alone.

Only the columns of key and times are sorted; of the features, which are most of the bytes, just the rows that were
found are kept, a piece of a file at a time. So memory grows with the answer, and not with the files.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
from numpy.typing import NDArray

PART_ROWS = 20_000_000
"""About so many rows of keys and times are in memory at once; above it entities are taken in parts."""
PIECE_ROWS = 250_000
"""Row groups of the files are read together up to so many rows."""
_TIME = pl.Datetime("us", "UTC")
_NONE = np.iinfo(np.int64).min
_LAST = np.iinfo(np.int64).max
_NO_ROW = np.iinfo(np.uint32).max
# No column of a lender begins with an underscore.
_CODE, _WHEN, _EVENT, _CREATED, _AT, _ROW = "_code", "_when", "_event", "_created", "_at", "_row"
_ORDER = [_CODE, _WHEN, _EVENT, _CREATED, _AT]
Places = NDArray[np.int64]


@dataclass(frozen=True)
class FeatureFiles:
    """Parquet files with the rows of one view, and what their columns are called."""

    files: list[Path]
    keys: Mapping[str, str]
    """From the columns of the observations to those of the files; empty: all rows are of one entity."""
    columns: Mapping[str, str]
    """From the names of the features, as they are asked for, to the columns of the files."""
    event: str
    created: str | None = None
    """When a row became known; None: at once."""
    freshness: timedelta | None = None
    """Values of older events are null; None: any age will do."""


def features_known(observations: pl.DataFrame, time: str, source: FeatureFiles, *, strict: bool = True) -> pl.DataFrame:
    """The features of `source` beside each of `observations`, in their order, as of its column `time`.

    The newest event counts, and of one event the row created last. A row that was not known at the time is passed
    over; if not `strict`, a row is known from its event on. Times are compared to the microsecond. A missing key or
    time meets nothing.
    """
    scan = pl.scan_parquet(source.files, hive_partitioning=False, row_index_name=_AT)
    asked = _coded(observations, time, source, scan.collect_schema())
    return _gathered(source, _newest(asked, source, scan, strict=strict))


@dataclass(frozen=True)
class _Asked:
    """The entities by number, and the observations (number, time, row), those with no match left out."""

    codes: pl.DataFrame
    rows: pl.DataFrame
    height: int


def _coded(observations: pl.DataFrame, time: str, source: FeatureFiles, schema: Mapping[str, pl.DataType]) -> _Asked:
    keys = [_as_key(pl.col(name), observations.schema[name], schema[file]) for name, file in source.keys.items()]
    files = list(source.keys.values())
    asked = observations.select(*[key.alias(file) for key, file in zip(keys, files, strict=True)], _utc(time, _WHEN))
    asked = asked.with_row_index(_ROW).drop_nulls([*files, _WHEN])
    if not files:
        return _Asked(pl.DataFrame({_CODE: [0]}), asked.with_columns(pl.lit(0).alias(_CODE)), observations.height)
    codes = asked.select(files).unique().sort(files).with_row_index(_CODE)
    coded = asked.join(codes, on=files, maintain_order="left").select(_CODE, _WHEN, _ROW)
    return _Asked(codes, coded, observations.height)


def _newest(asked: _Asked, source: FeatureFiles, scan: pl.LazyFrame, *, strict: bool) -> Places:
    """For each observation the place of its row in the files; -1: none."""
    found = np.full(asked.height, -1)
    if asked.rows.is_empty():
        return found
    parts = -(-scan.select(pl.len()).collect().item() // PART_ROWS)
    for part in range(parts):
        mine = pl.col(_CODE) % parts == part
        known = _known(scan, asked.codes.filter(mine), source, asked.rows[_WHEN], strict=strict)
        rows, places = _met(known, asked.rows.filter(mine), source.freshness, strict=strict and bool(source.created))
        found[rows] = places
    return found


def _known(
    scan: pl.LazyFrame, codes: pl.DataFrame, source: FeatureFiles, asked: pl.Series, *, strict: bool
) -> pl.DataFrame:
    """Key and times of all rows that could be met, as numbers."""
    event, created = _utc(source.event, _EVENT), _utc(source.created or source.event, _CREATED)
    first, last = asked.min(), asked.max()
    rows = scan.select(_AT, *dict.fromkeys(source.keys.values()), event, created).filter(pl.col(_EVENT) <= last)
    if source.freshness:
        rows = rows.filter(pl.col(_EVENT) >= pl.lit(first) - source.freshness)
    when = pl.col(_EVENT)
    if strict:
        # One whose time of creation is missing was never known.
        rows, when = rows.filter(pl.col(_CREATED) <= last), pl.max_horizontal(_EVENT, _CREATED)
    coded = (
        rows.join(codes.lazy(), on=list(source.keys.values()))
        if source.keys
        else rows.with_columns(pl.lit(0).alias(_CODE))
    )
    times = [time.dt.epoch("us").fill_null(_NONE) for time in (when.alias(_WHEN), pl.col(_EVENT), pl.col(_CREATED))]
    return coded.select(pl.col(_CODE).cast(pl.UInt32), *times, pl.col(_AT).cast(pl.UInt32)).collect()


def _met(
    known: pl.DataFrame, asked: pl.DataFrame, freshness: timedelta | None, *, strict: bool
) -> tuple[Places, Places]:
    """Rows of observations that meet a row of the files, and the places of these."""
    # Among the rows of the same time an observation comes last, so that it sees them all.
    later = asked.select(
        pl.col(_CODE).cast(pl.UInt32),
        pl.col(_WHEN).dt.epoch("us"),
        *[pl.lit(_LAST).alias(name) for name in (_EVENT, _CREATED)],
        pl.lit(_NO_ROW, pl.UInt32).alias(_AT),
        _ROW,
    )
    line = pl.concat([known.with_columns(pl.lit(0, pl.UInt32).alias(_ROW)), later]).sort(_ORDER)
    code, when, event, created, at, row = (line[name].to_numpy() for name in [*_ORDER, _ROW])
    is_row = at != _NO_ROW
    if strict:
        is_row[is_row] = _was_newest(code[is_row], event[is_row], created[is_row])
    last = np.maximum.accumulate(np.where(is_row, np.arange(len(at)), -1))
    asking = np.flatnonzero(at == _NO_ROW)
    before = last[asking]
    met = (before >= 0) & (code[before] == code[asking])
    if freshness:
        met &= event[before] >= when[asking] - freshness // timedelta(microseconds=1)
    return row[asking[met]], at[before[met]].astype(np.int64)


def _was_newest(code: NDArray[np.uint32], event: Places, created: Places) -> NDArray[np.bool_]:
    """Of rows in the order of entity and of becoming known: those whose event was the entity's newest then.

    One that came late, after a newer event was known, never was.
    """
    kept = np.ones(len(code), dtype=bool)
    older = (event[1:] < event[:-1]) | ((event[1:] == event[:-1]) & (created[1:] < created[:-1]))
    late = np.unique(code[1:][older & (code[1:] == code[:-1])])
    if not len(late):
        return kept
    some = np.flatnonzero(np.isin(code, late))
    age = np.empty(len(some), dtype=np.int64)
    age[np.lexsort((created[some], event[some]))] = np.arange(len(some))
    # Entities follow each other, each with greater numbers: one running maximum serves all.
    age += np.searchsorted(late, code[some]) * len(some)
    kept[some] = age == np.maximum.accumulate(age)
    return kept


def _gathered(source: FeatureFiles, places: Places) -> pl.DataFrame:
    wanted = np.unique(places[places >= 0])
    columns = [pl.col(file).alias(name) for name, file in source.columns.items()]
    pieces = [pl.scan_parquet(source.files, hive_partitioning=False).select(columns).head(0).collect()]
    for file, offset, first, rows in _spans(source.files):
        begin, end = np.searchsorted(wanted, [offset + first, offset + first + rows])
        if end > begin:
            piece = pl.scan_parquet(file, hive_partitioning=False).select(columns).slice(first, rows).collect()
            pieces.append(piece[wanted[begin:end] - offset - first])
    found = pl.concat(pieces, rechunk=True)
    pieces.clear()
    rows_of = pl.Series(np.searchsorted(wanted, places)).set(pl.Series(places < 0), None)
    return found.select(pl.all().gather(rows_of))


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


def _as_key(column: pl.Expr, found: pl.DataType, wanted: pl.DataType) -> pl.Expr:
    """The column in the type of the files' key; null where the value has no equal there."""
    cast = column.cast(wanted, strict=False)
    return pl.when(cast.cast(found, strict=False) == column).then(cast)


def _utc(column: str, name: str) -> pl.Expr:
    """A column of times in UTC, as which times without a zone are taken."""
    return pl.col(column).cast(_TIME).alias(name)
