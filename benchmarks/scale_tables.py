"""Tables of a lender as large as asked: seeded, vectorised, made in pieces, so that memory does not grow with them.

`python -m benchmarks.scale_tables [FOLDER] [--customers N] [--months N] [--features N] [--mixed] [--statements]` writes
one Parquet file a month below FOLDER and prints its rate; without FOLDER the files are removed again, and the rate of
float32 features goes to `benchmarks/results/scale_tables.json`. The other benchmarks take the pieces, or the files.
"""

import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from benchmarks.figures import Line
from benchmarks.machine import describe
from benchmarks.turns import keep

KEY, EVENT, CREATED = "customer_id", "event_timestamp", "created_timestamp"
RESULTS = Path(__file__).parent / "results" / "scale_tables.json"
GOAL, ROUNDS = 1_000_000, 3
CHUNK_ROWS = 250_000
"""Rows of a piece; the same seed and shape give the same pieces."""
_FIRST = np.datetime64("2024-01", "M")
_TIME = pa.timestamp("us", "UTC")
_MICROS = 1_000_000
_LEVELS = pa.array([f"level {number}" for number in range(500)])
Chunks = Iterator[tuple[str, pa.Table]]
"""Pieces in the order of their months, each with its month as `2024-01`."""


@dataclass(frozen=True)
class Shape:
    """How large a table is, and what it is like: a row a customer and month."""

    customers: int
    months: int = 12
    features: int = 40
    mixed: bool = False
    """Float32, whole numbers, text, times and flags in turn; else all float32."""
    missing: float = 0.0
    """The share of values missing in every fifth feature."""
    corrected: float = 0.0
    """The share of rows that come again with other values, the same event, and known days later."""
    seed: int = 11

    @property
    def rows(self) -> int:
        """Rows without corrections."""
        return self.customers * self.months

    @property
    def last(self) -> datetime:
        """The end of the last month."""
        end: datetime = (_FIRST + self.months).astype("datetime64[us]").item()
        return end.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Written:
    """What was written, and how long it took, made and written."""

    rows: int
    size: int
    seconds: float

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / self.seconds


def feature_chunks(shape: Shape, names: Iterable[str] | None = None) -> Chunks:
    """A feature table: key, event and created timestamps, features `f00`, `f01`, … (or `names`)."""
    chosen = list(names or feature_names(shape.features))
    return _chunks(shape, lambda draw, rows: _features(shape, chosen, draw, rows))


def statement_chunks(shape: Shape) -> Chunks:
    """A canonical table, as the cards portfolio has it: limit, repayment status, bill and payment of a month."""
    return _chunks(shape, _statement)


def feature_names(features: int) -> list[str]:
    """What the features are called."""
    return [f"f{place:02d}" for place in range(features)]


def observations(shape: Shape, rows: int) -> pl.DataFrame:
    """Customers at moments of those months, in no order: what a training set is joined to."""
    draw = np.random.default_rng([shape.seed, 1 << 20])
    begin, end = (int(at.astype("datetime64[us]").astype(np.int64)) for at in (_FIRST, _FIRST + shape.months))
    keys, times = draw.integers(0, shape.customers, rows), draw.integers(begin, end, rows)
    return pl.DataFrame({KEY: keys, EVENT: pl.Series(times).cast(pl.Datetime("us", "UTC"))})


def write_months(chunks: Chunks, folder: Path) -> Written:
    """One file a month, `known=2024-01/part.parquet`, as the lake has them."""
    return _write(chunks, lambda month: folder / f"known={month}" / "part.parquet")


def write_file(chunks: Chunks, path: Path) -> Written:
    """All months in one file."""
    return _write(chunks, lambda _: path)


def _write(chunks: Chunks, file_of: Callable[[str], Path]) -> Written:
    began, rows, files = time.perf_counter(), 0, list[Path]()
    writer: pq.ParquetWriter | None = None
    try:
        for month, table in chunks:
            if not files or file_of(month) != files[-1]:
                if writer:
                    writer.close()
                files.append(file_of(month))
                files[-1].parent.mkdir(parents=True, exist_ok=True)
                writer = _writer(files[-1], table.schema)
            assert writer is not None
            writer.write_table(table)
            rows += table.num_rows
    finally:
        if writer:
            writer.close()
    return Written(rows, sum(file.stat().st_size for file in files), time.perf_counter() - began)


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    # Numbers drawn at random neither repeat nor compress; readers skip by key and time.
    text = [field.name for field in schema if pa.types.is_string(field.type)]
    return pq.ParquetWriter(
        path, schema, compression="none", use_dictionary=text, write_statistics=[KEY, EVENT, CREATED]
    )


Columns = dict[str, pa.Array]
Draw = Callable[[np.random.Generator, int], Columns]


def _chunks(shape: Shape, columns: Draw) -> Chunks:
    """The pieces; the next is made by a thread while one is written."""
    places = [(month, first) for month in range(shape.months) for first in range(0, shape.customers, CHUNK_ROWS)]
    with ThreadPoolExecutor(1) as maker:
        made = (maker.submit(_chunk, shape, columns, *place) for place in places)
        waiting = next(made, None)
        while waiting:
            ready, waiting = waiting.result(), next(made, None)
            yield ready


def _chunk(shape: Shape, columns: Draw, month: int, first: int) -> tuple[str, pa.Table]:
    # Made from its own place, so that a piece is the same whatever else is made.
    draw = np.random.Generator(np.random.SFC64([shape.seed, month, first]))
    keys = np.arange(first, min(first + CHUNK_ROWS, shape.customers))
    again = draw.random(len(keys)) < shape.corrected
    keys = np.concatenate([keys, keys[again]])
    begin, end = ((_FIRST + at).astype("datetime64[us]").astype(np.int64) for at in (month, month + 1))
    # Whole seconds, known at once or within the day, and never in the month after: a file holds what it is named by.
    event = draw.integers(begin // _MICROS, end // _MICROS - 86_400, len(keys) - again.sum()) * _MICROS
    event = np.concatenate([event, event[again]])
    created = event + draw.integers(0, 40_000, len(keys)) * _MICROS
    created[len(keys) - again.sum() :] += 43_200 * _MICROS
    table = {KEY: pa.array(keys), EVENT: _times(event), CREATED: _times(created), **columns(draw, len(keys))}
    return str(_FIRST + month), pa.table(table)


def _times(micros: np.ndarray) -> pa.Array:
    return pa.array(micros).view(_TIME)


def _features(shape: Shape, names: list[str], draw: np.random.Generator, rows: int) -> Columns:
    kinds: list[Callable[[], pa.Array]] = [
        lambda: pa.array(draw.standard_normal(rows, dtype=np.float32)),
        lambda: pa.array(draw.integers(0, 10**9, rows)),
        lambda: _LEVELS.take(pa.array(draw.integers(0, len(_LEVELS), rows))),
        lambda: _times(draw.integers(0, 10**9, rows) * _MICROS),
        lambda: pa.array(draw.integers(0, 2, rows, dtype=np.int8).astype(bool)),
    ]
    made = {name: kinds[place % len(kinds) if shape.mixed else 0]() for place, name in enumerate(names)}
    if not shape.missing:
        return made
    # By position, not by multiples of five: with mixed types those would all be of one type.
    gaps = names[:: 6 if shape.mixed else 5]
    return made | {name: _with_gaps(made[name], draw.random(rows, dtype=np.float32) < shape.missing) for name in gaps}


def _with_gaps(column: pa.Array, gaps: np.ndarray) -> pa.Array:
    valid = pa.py_buffer(np.packbits(~gaps, bitorder="little"))
    return pa.Array.from_buffers(column.type, len(column), [valid, *column.buffers()[1:]])


def _statement(draw: np.random.Generator, rows: int) -> Columns:
    limit = draw.integers(1, 100, rows) * 10_000
    bill = (limit * draw.random(rows, dtype=np.float32)).astype(np.int64)
    return {
        "credit_limit": pa.array(limit),
        "pay_status": pa.array(np.clip(draw.integers(-2, 14, rows) - 4, -2, 8)),
        "bill_amount": pa.array(bill),
        "paid_amount": pa.array((bill * draw.random(rows, dtype=np.float32)).astype(np.int64)),
    }


def line(found: Mapping[str, Any]) -> Line:
    """What README says."""
    what, rate = f"synthetic tables to Parquet, {found['features']} features", found["rows"] / found["seconds"]
    return Line(what, f"≥ {GOAL:,} rows/s", f"{rate:,.0f} rows/s", "–", "–", rate >= GOAL)


def _measured(chunks: Chunks) -> Written:
    with tempfile.TemporaryDirectory() as place:
        return write_months(chunks, Path(place))


def main() -> int:
    """Write what is asked for, and say at which rate."""
    asked = ArgumentParser(prog="python -m benchmarks.scale_tables", description=__doc__)
    asked.add_argument("folder", type=Path, nargs="?", help="where to write; none: measure, and remove it again")
    asked.add_argument("--customers", type=int, default=500_000)
    asked.add_argument("--months", type=int, default=4)
    asked.add_argument("--features", type=int, default=40)
    asked.add_argument("--mixed", action="store_true", help="several types, a tenth missing in some")
    asked.add_argument("--statements", action="store_true", help="the raw table instead of features")
    given, machine = asked.parse_args(), describe()
    shape = Shape(given.customers, given.months, given.features, mixed=given.mixed, missing=0.1 if given.mixed else 0.0)
    make = statement_chunks if given.statements else feature_chunks
    if given.folder:
        written = write_months(make(shape), given.folder)
    else:
        runs = [_measured(make(shape)) for _ in range(ROUNDS)]
        written = sorted(runs, key=lambda run: run.seconds)[ROUNDS // 2]
    what = "4 columns" if given.statements else f"{shape.features} features"
    rows = f"{written.rows:,} rows x {what} in {written.seconds:.1f} s"
    Console(highlight=False).print(f"{rows}: {written.rate:,.0f} rows/s, {written.size / 1e6:,.0f} MB")
    if not (given.folder or given.mixed or given.statements):
        found = {**vars(written), "features": shape.features}
        keep(RESULTS, found, [line(found)], machine)
    return 0


if __name__ == "__main__":
    sys.exit(main())
