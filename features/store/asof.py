"""Features as they were known: for each observation the newest row of its entity, found by keys and times alone.

Only the columns of key and times are looked at; the features, which are most of the bytes, are fetched afterwards
(`gathered`). So memory grows with the answer, and not with the features in the files: keys and times of many entities
are taken in parts, those of one entity, or of a view without any, are held whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.store.gathered import Places, rows_at
from features.store.reading import key_type, scan, types_of, unchanged

PART_ROWS = 20_000_000
"""About so many rows of keys and times are in memory at once, if neighbours have as many as others; above it entities
are taken in parts. A view without an entity, and an entity that most rows are of, cannot be parted: all their rows of
times are."""
_TIME = pl.Datetime("us", "UTC")
_NONE = np.iinfo(np.int64).min
# Names that no column of a file has.
_CODE, _WHEN, _EVENT, _CREATED, _AT, _ROW = (
    f"{__name__}:{one}" for one in ("code", "when", "event", "created", "at", "row")
)
_ORDER = [_CODE, _WHEN, _EVENT, _CREATED, _AT]


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
    time meets nothing. Raises `FilesChanged` or `UnreadableFiles` where the files are not what they were, or differ.
    """
    with unchanged(source.files):
        named = [*source.keys.values(), *source.columns.values(), source.event, *filter(None, [source.created])]
        types = types_of(source.files, list(dict.fromkeys(named)))
        keys = {name: key_type(name, types[name]) for name in source.keys.values()}
        asked = _coded(observations, time, source, keys)
        places = _newest(asked, source, _numbered(source, keys), strict=strict)
        return rows_at(source.files, source.columns, types, places)


def _numbered(source: FeatureFiles, keys: Mapping[str, pl.DataType]) -> pl.LazyFrame:
    """Keys and times of all files, and the place of each row."""
    offset, parts = 0, []
    times = [_utc(source.event, _EVENT), _utc(source.created or source.event, _CREATED)]
    for file in source.files:
        place = (pl.col(_AT).cast(pl.UInt32) + offset).alias(_AT)
        parts.append(scan(file, _AT).select(place, *[pl.col(name).cast(type_) for name, type_ in keys.items()], *times))
        offset += pq.read_metadata(file).num_rows
    return pl.concat(parts)


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


def _newest(asked: _Asked, source: FeatureFiles, numbered: pl.LazyFrame, *, strict: bool) -> Places:
    """For each observation the place of its row in the files; -1: none."""
    found = np.full(asked.height, -1)
    rows = sum(pq.read_metadata(file).num_rows for file in source.files)
    if asked.rows.is_empty() or not rows:
        return found
    parts = -(-rows // PART_ROWS) if source.keys else 1
    entities = -(-asked.codes.height // parts)
    # By ranges: where files are sorted by key, each part reads its own groups of rows.
    for first in range(0, asked.codes.height, entities):
        codes = asked.codes.slice(first, entities).with_columns(pl.col(_CODE) - first)
        mine = asked.rows.filter(pl.col(_CODE).is_between(first, first + codes.height - 1))
        known = _ordered(_known(numbered, codes, source, asked.rows[_WHEN], strict=strict))
        mine = mine.with_columns(pl.col(_CODE) - first)
        met, places = _met(known, mine, codes.height, source.freshness, strict=strict and bool(source.created))
        found[met] = places
    return found


def _known(
    numbered: pl.LazyFrame, codes: pl.DataFrame, source: FeatureFiles, asked: pl.Series, *, strict: bool
) -> pl.DataFrame:
    """Key and times of all rows that could be met, as numbers."""
    first, last = asked.min(), asked.max()
    rows = _between(numbered, codes, source).filter(pl.col(_EVENT) <= last)
    if source.freshness:
        rows = rows.filter(pl.col(_EVENT) >= pl.lit(first) - source.freshness)
    when = pl.col(_EVENT)
    if strict:
        # One whose time of creation is missing was never known.
        rows, when = rows.filter(pl.col(_CREATED) <= last), pl.max_horizontal(_EVENT, _CREATED)
    coded = (
        rows.join(codes.lazy(), on=list(source.keys.values()), maintain_order="left")
        if source.keys
        else rows.with_columns(pl.lit(0).alias(_CODE))
    )
    times = [time.dt.epoch("us").fill_null(_NONE) for time in (when.alias(_WHEN), pl.col(_EVENT), pl.col(_CREATED))]
    return coded.select(pl.col(_CODE).cast(pl.UInt32), *times, _AT).collect()


def _between(rows: pl.LazyFrame, codes: pl.DataFrame, source: FeatureFiles) -> pl.LazyFrame:
    """Rows from the smallest key to the largest: where files are sorted, groups of rows that lie outside go unread."""
    for key in list(source.keys.values())[:1]:
        if codes.height and (codes.schema[key].is_integer() or codes.schema[key] == pl.String):
            rows = rows.filter(pl.col(key).is_between(pl.lit(codes[key].min()), pl.lit(codes[key].max())))
    return rows


def _ordered(known: pl.DataFrame) -> pl.DataFrame:
    """Rows by entity, and those of one as they became known; of the same time the older event comes first."""
    if _is_ordered(known):
        return known
    # Files are of one month each, as a rule: by entity alone, and else as they come, their rows are in order.
    by_entity = known.sort(_CODE, maintain_order=True)
    return by_entity if _is_ordered(by_entity) else known.sort(_ORDER)


def _is_ordered(rows: pl.DataFrame) -> bool:
    same = np.ones(max(rows.height - 1, 0), dtype=bool)
    for name in _ORDER:
        column = rows[name].to_numpy()
        if (same & (column[1:] < column[:-1])).any():
            return False
        same &= column[1:] == column[:-1]
        if not same.any():
            break
    return True


def _met(
    known: pl.DataFrame, asked: pl.DataFrame, entities: int, freshness: timedelta | None, *, strict: bool
) -> tuple[Places, Places]:
    """Rows of observations that meet a row of the files, and the places of these; `known` is in order."""
    code, when, event, created, at = (known[name].to_numpy() for name in _ORDER)
    if strict and not (kept := _was_newest(code, event, created)).all():
        code, when, event, at = code[kept], when[kept], event[kept], at[kept]
    rows = np.bincount(code, minlength=entities)
    ends = np.cumsum(rows)
    of, then, row = asked[_CODE].to_numpy(), asked[_WHEN].dt.epoch("us").to_numpy(), asked[_ROW].to_numpy()
    first = (ends - rows)[of]
    last = _last_until(when, then, first, ends[of])
    met = last >= first
    if freshness and len(event):
        met &= event[last] >= then - freshness // timedelta(microseconds=1)
    return row[met], at[last[met]].astype(np.int64)


def _last_until(times: Places, asked: Places, low: Places, high: Places) -> Places:
    """For each of `asked` the last place from `low` to before `high` with no later time; `low - 1`: there is none."""
    for _ in range(int((high - low).max(initial=0)).bit_length()):
        middle = np.minimum((low + high) // 2, len(times) - 1)
        earlier = (low < high) & (times[middle] <= asked)
        low, high = np.where(earlier, middle + 1, low), np.where(earlier, high, np.maximum(low, middle))
    return low - 1


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


def _as_key(column: pl.Expr, found: pl.DataType, wanted: pl.DataType) -> pl.Expr:
    """The column in the type of the files' key; null where the value has no equal there."""
    cast = column.cast(wanted, strict=False)
    return pl.when(cast.cast(found, strict=False) == column).then(cast)


def _utc(column: str, name: str) -> pl.Expr:
    """A column of times in UTC, as which times without a zone are taken."""
    return pl.col(column).cast(_TIME).alias(name)
