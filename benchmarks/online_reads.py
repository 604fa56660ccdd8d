"""One customer's features while a decision waits: the service's own read beside Feast's `get_online_features`.

40 features of three views, with the times of their events, from each online store that the service reads. Ours is what
the service does: read as that store is read best, within a deadline, on uvloop. The floor for Redis is the same
HMGET by redis-py, and by a bare socket, not decoded. `python -m benchmarks.online_reads [CALLS] [ROUNDS]`
asks for the same customers in turn, compares every value and time, and writes `benchmarks/results/online_reads.json`.
"""

import asyncio
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import hiredis
import numpy as np
import polars as pl
import uvloop
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, ValueType
from feast.infra.online_stores.helpers import _mmh3, _redis_key
from feast.infra.online_stores.redis import RedisOnlineStore
from feast.types import Float64, Int64, String
from redis import Redis
from rich.console import Console
from rich.table import Table

from benchmarks.figures import Line
from benchmarks.machine import describe
from benchmarks.turns import keep, timed
from features.permitted import FeatureColumn
from features.spec import CREATED, EVENT
from features.store.configuration import configure
from features.store.online import OnlineReader, OnlineRows, open_online
from features.store.rows import entity_keys, write_rows
from serving.launch import Launch
from serving.lookups import in_time
from tests.servers import PostgresServer, RedisServer, new_database

RESULTS = Path(__file__).parent / "results" / "online_reads.json"
PROJECT, KEY, CUSTOMERS = "bench", "customer_id", 2_000
VIEWS = {"behaviour": 14, "limits": 13, "profile": 13}
"""Features of each view; every seventh is text, as categories are."""
OURS, FEAST = "ours", "Feast's get_online_features"
HMGET, SOCKET = "redis-py HMGET, not decoded", "bare socket HMGET, not decoded"
GOAL_MS, GOAL_TIMES = 0.25, 3.0
PATIENCE = 5.0
"""Seconds for a read that is compared; those that are measured have the service's own deadline."""
AT = datetime(2024, 3, 31, tzinfo=UTC)
DEADLINE: float = Launch.model_fields["feature_seconds"].default
Call = Callable[[int], Any]
console = Console(highlight=False)


def columns() -> list[FeatureColumn]:
    """What a release would read."""
    return [
        FeatureColumn(f"{view}_{place:02d}", view, "category" if place % 7 == 6 else "float", 45)
        for view, features in VIEWS.items()
        for place in range(features)
    ]


def rows_of(view: str) -> pl.DataFrame:
    """Rows of one view: numbers and text, one value in ten missing."""
    draw = np.random.default_rng(len(view))
    made: dict[str, Any] = {KEY: np.arange(CUSTOMERS), EVENT: [AT] * CUSTOMERS, CREATED: [AT] * CUSTOMERS}
    for column in (one for one in columns() if one.view == view):
        numbers = draw.normal(size=CUSTOMERS)
        values = pl.Series(
            [f"level {abs(number):.0f}" for number in numbers] if column.dtype == "category" else numbers
        )
        made[column.name] = values.scatter(np.flatnonzero(draw.random(CUSTOMERS) < 0.1), None)
    return pl.DataFrame(made)


class Contest:
    """One online store with the rows in it, and every way to read a customer."""

    def __init__(self, folder: Path, online: str) -> None:
        registry = f"sqlite:///{folder}/registry.db"
        self._feast = FeatureStore(config=configure(PROJECT, registry, online))
        self.reader = open_online(PROJECT, KEY, columns(), registry=registry, online=online)
        entity = Entity(name="customer", join_keys=[KEY], value_type=ValueType.INT64)
        views = [_view(folder, entity, view) for view in VIEWS]
        self._feast.apply([entity, *views])
        store = self._feast.provider.online_store
        for view in views:
            write_rows(store, self._feast.config, view, rows_of(view.name))
        self._refs = [f"{column.view}:{column.name}" for column in columns()]

    def feast(self, customer: int) -> dict[str, list[Any]]:
        """By Feast's client, with the times of the events."""
        found = self._feast.get_online_features(features=self._refs, entity_rows=[{KEY: customer}])
        answered: dict[str, list[Any]] = found.to_dict(include_event_timestamps=True)
        return answered

    def floors(self) -> dict[str, Call]:
        """The same command for Redis, without anything that makes features of its reply; none for other stores."""
        store, config = self._feast.provider.online_store, self._feast.config
        if not isinstance(store, RedisOnlineStore):
            return {}
        fields = [field for view in VIEWS for field in (f"_ts:{view}", *self._hashed(view))]
        (place, *_), _ = store._parse_connection_string(config.online_store.connection_string)
        client: Any = Redis(host=place["host"], port=int(place["port"]))
        bare = socket.create_connection((place["host"], int(place["port"])))
        bare.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reader = hiredis.Reader()
        keys: list[Any] = [_redis_key(PROJECT, one, 3) for one in entity_keys(KEY, list(range(CUSTOMERS)))]

        def command(customer: int) -> Any:
            return ("HMGET", keys[customer], *fields)

        def by_socket(customer: int) -> Any:
            bare.sendall(hiredis.pack_command(command(customer)))
            while (reply := reader.gets()) is False:
                reader.feed(bare.recv(1 << 16))
            return reply

        return {HMGET: lambda customer: client.hmget(keys[customer], fields), SOCKET: by_socket}

    def _hashed(self, view: str) -> list[bytes]:
        return [_mmh3(f"{view}:{column.name}") for column in columns() if column.view == view]


def _view(folder: Path, entity: Entity, name: str) -> FeatureView:
    types = {"float": Float64, "category": String}
    schema = [Field(name=one.name, dtype=types[one.dtype]) for one in columns() if one.view == name]
    path = folder / f"{name}.parquet"
    rows_of(name).write_parquet(path)
    source = FileSource(path=str(path), timestamp_field=EVENT, created_timestamp_column=CREATED)
    return FeatureView(name=name, entities=[entity], schema=[Field(name=KEY, dtype=Int64), *schema], source=source)


async def ours(reader: OnlineReader, customer: int, seconds: float = DEADLINE) -> OnlineRows | None:
    """As a worker of the service reads: an SQLite file itself, Redis on the loop, Postgres in a thread; None: late."""
    if reader.way == "at_once":
        return reader.read([customer])
    reading: asyncio.Future[OnlineRows]
    if reader.way == "soon":
        reading = asyncio.ensure_future(reader.read_soon(customer))
    else:
        reading = asyncio.get_running_loop().run_in_executor(None, reader.read, [customer])
    return reading.result() if await in_time(reading, seconds) else None


def compare(customer: int, ours: OnlineRows | None, feasts: dict[str, list[Any]]) -> None:
    """Raise where any value or time of an event is another."""
    assert ours is not None
    for column in columns():
        times = [time.replace(tzinfo=UTC) if time.tzinfo is None else time for time in _times(feasts, column.name)]
        found = ours.values[column.name], ours.event_timestamps[column.view]
        if found != (feasts[column.name], times):
            raise AssertionError(f"customer {customer}, {column.name}: {found}, Feast has {feasts[column.name], times}")


def _times(feasts: dict[str, list[Any]], name: str) -> list[datetime]:
    return [
        datetime.fromtimestamp(time, UTC) if isinstance(time, int | float) else time for time in feasts[f"{name}__ts"]
    ]


async def measured(contest: Contest, calls: int, rounds: int) -> dict[str, dict[str, float]]:
    """Milliseconds of each way, medians of the rounds of the p50 and p99 of `calls`; reads that came too late apart."""
    others: dict[str, Call] = {FEAST: contest.feast, **contest.floors()}
    names = [OURS, *others]
    draw = np.random.default_rng(1)
    runs: dict[str, list[list[float]]] = {name: [] for name in names}
    late = dict.fromkeys(names, 0)
    await ours(contest.reader, 0, PATIENCE)  # connects
    for customer in draw.integers(0, CUSTOMERS, 100).tolist():
        compare(customer, await ours(contest.reader, customer, PATIENCE), contest.feast(customer))
    for turn in range(rounds):
        asked = draw.integers(0, CUSTOMERS, calls).tolist()
        for name in names[:: 1 if turn % 2 == 0 else -1]:
            read = partial(ours, contest.reader) if name == OURS else others[name]
            taken, missed = await timed(read, asked)
            late[name] += missed
            runs[name].append(np.percentile(taken, [50, 99]).tolist())
    contest.reader.close()
    return {
        name: {"p50_ms": median(run[0] for run in some), "p99_ms": median(run[1] for run in some), "late": late[name]}
        for name, some in runs.items()
    }


@contextmanager
def stores(folder: Path) -> Iterator[dict[str, str]]:
    """The URL of each online store, its server running."""
    with ExitStack() as stack:
        redis, postgres = RedisServer(folder / "redis"), PostgresServer(folder / "postgres")
        for server in (redis, postgres):
            server.start()
            stack.callback(server.stop)
        yield {"Redis": redis.url, "SQLite": f"sqlite:///{folder}/online.db", "Postgres": new_database(postgres.url)}


def lines(found: dict[str, Any]) -> list[Line]:
    """What README says: of Redis, for which the goal is."""
    ours_ms, feast, floor = (found["Redis"][name]["p50_ms"] for name in (OURS, FEAST, SOCKET))
    return [
        Line(
            "online read, 40 features of 3 views from Redis, p50",
            f"≤ {GOAL_MS} ms, ≥ {GOAL_TIMES:g} × Feast",
            f"{ours_ms:.2f} ms",
            f"{feast:.2f} ms ({feast / ours_ms:.1f} ×)",
            f"{floor:.2f} ms, bare HMGET",
            ours_ms <= GOAL_MS and feast >= GOAL_TIMES * ours_ms,
        )
    ]


def show(store: str, found: dict[str, dict[str, float]]) -> None:
    """A table: p50, p99, times ours."""
    table = Table(f"{store}, one customer", "p50, ms", "p99, ms", "of ours", "too late", box=None)
    for name, ms in found.items():
        times = ms["p50_ms"] / found[OURS]["p50_ms"]
        table.add_row(name, f"{ms['p50_ms']:.3f}", f"{ms['p99_ms']:.3f}", f"{times:.1f}", f"{ms['late']:.0f}")
    console.print(table, "")


def main(calls: int, rounds: int) -> None:
    """Measure each store, print, and keep the figures."""
    found, machine = dict[str, Any](), describe()
    with tempfile.TemporaryDirectory() as place, stores(Path(place)) as urls:
        for store, url in urls.items():
            (folder := Path(place) / store).mkdir()
            found[store] = uvloop.run(measured(Contest(folder, url), calls, rounds))
            show(store, found[store])
    keep(RESULTS, {"calls": calls, "rounds": rounds, "customers": CUSTOMERS, **found}, lines(found), machine)


if __name__ == "__main__":
    given_calls, given_rounds = (*map(int, sys.argv[1:]), *(500, 5)[len(sys.argv) - 1 :])
    main(given_calls, given_rounds)
