"""A training set joined and an online store written by Ray's workers, beside one process: seconds and core-seconds.

`make setup-ray`, then `.venv-ray/bin/python -m benchmarks.on_ray [CUSTOMERS] [--rounds N]`: three months of 40 features
of each customer, as many observations as rows, a Redis of its own, a cluster of this machine with two workers, whose
start is measured apart. Frames, and Redis' digest of all it holds, are compared. Results: `results/on_ray.json`.
"""

import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import date
from functools import partial
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any

import polars as pl
import psutil  # type: ignore[import-untyped]
from redis import Redis
from rich.console import Console
from rich.table import Table

from benchmarks.machine import describe
from benchmarks.scale_tables import EVENT, KEY, Shape, feature_chunks, feature_names, observations
from benchmarks.turns import keep
from features.calendar import month_end
from features.lake import Lake
from features.portfolio import Portfolio, open_portfolio
from features.store.store import Store, Workers, open_store
from flows.cluster import by_ray, connect
from infra.settings import Settings
from tests.servers import RedisServer

RESULTS = Path(__file__).parent / "results" / "on_ray.json"
NAME, VIEW, SERVICE, FEATURES, MONTHS, LAST = "many", "stats", "risk", 40, 3, date(2024, 3, 31)
PARTS = 4
"""Ranges that a month, and the observations, are cut into."""
ONE, MANY = "one process", "Ray, two workers"
Measure = dict[str, list[float]]


def portfolio(folder: Path) -> Portfolio:
    """A portfolio of one view, of which nothing but its definition is needed."""
    names = feature_names(FEATURES)
    column = "{type: float, meaning: made up, uses: [credit], nullable: true}"
    lines = [
        f"entity: {{name: customer, key: {KEY}, type: int, meaning: a customer}}",
        "tables:\n  stats:\n    meaning: a row a month\n    columns:",
        *(f"      {name}: {column}" for name in names),
        f"views:\n  {VIEW}:\n    table: stats\n    freshness: 400\n    features:",
        *(f"      {name}: {{transform: value, column: {name}}}" for name in names),
        f"services:\n  {SERVICE}: {{use: credit, views: {{{VIEW}: all}}}}\n",
    ]
    (folder / NAME).mkdir()
    (folder / NAME / "features.yaml").write_text("\n".join(lines), encoding="utf-8")
    return open_portfolio(folder, NAME)


def fill(lake: Lake, customers: int) -> None:
    """The view's rows, a partition a month."""
    months: dict[str, list[pl.DataFrame]] = {}
    for month, chunk in feature_chunks(Shape(customers, MONTHS, FEATURES, missing=0.1)):
        months.setdefault(month, []).append(pl.DataFrame(pl.from_arrow(chunk)))
    for month, chunks in months.items():
        rows = pl.concat(chunks).with_columns(pl.col(feature_names(FEATURES)).cast(pl.Float64)).sort(KEY, EVENT)
        end = month_end(date.fromisoformat(f"{month}-01"))
        lake.write(NAME, "features", VIEW, month, rows, covers=end, inputs="made up")


def run(folder: Path, customers: int, rounds: int, redis: RedisServer) -> dict[str, Any]:
    """Measure both ways to do both things, in turn."""
    lake, settings = Lake(folder / "lake"), Settings(home=folder, portfolios=folder, profile="ray", ray_workers=2)
    described = portfolio(folder)
    fill(lake, customers)
    began = time.perf_counter()
    connect(settings)
    found: dict[str, Any] = {"cluster_seconds": round(time.perf_counter() - began, 1)}
    sizes = {"observations": customers * MONTHS // PARTS, "rows": customers // PARTS}
    workers = {ONE: None, MANY: Workers(by_ray(settings), partial(str, redis.url), **sizes)}
    urls = {"registry": f"sqlite:///{folder}/registry.db", "online": redis.url}
    stores = {name: open_store(described, lake, **urls, workers=some) for name, some in workers.items()}
    for store in stores.values():
        store.register()
    asked = observations(Shape(customers, MONTHS), customers * MONTHS)
    found["joined"] = _in_turn(stores, partial(_join, asked=asked), rounds, redis)
    found["written"] = _in_turn(stores, partial(_write, redis=redis), rounds, redis)
    for store in stores.values():
        store.close()
    return found


def _join(store: Store, asked: pl.DataFrame) -> str:
    joined = store.training_set(asked, [SERVICE], known_by=LAST)
    return sha256(joined.hash_rows(seed=7).to_numpy().tobytes()).hexdigest()  # of the rows in their order


def _write(store: Store, redis: RedisServer) -> str:
    with closing(Redis(port=redis.port)) as client:
        client.flushdb()
        store.materialize(LAST)
        return str(client.execute_command("DEBUG", "DIGEST"))  # type: ignore[no-untyped-call]


def _in_turn(
    stores: dict[str, Store], work: Callable[[Store], object], rounds: int, redis: RedisServer
) -> dict[str, dict[str, float]]:
    measured: dict[str, Measure] = {name: {"seconds": [], "core_seconds": []} for name in stores}
    work(stores[MANY])  # workers import Feast at their first part
    answers = set()
    for turn in range(rounds):
        for name in list(stores)[:: 1 if turn % 2 == 0 else -1]:
            began, used = time.perf_counter(), _processor(redis)
            answers.add(work(stores[name]))
            measured[name]["seconds"].append(time.perf_counter() - began)
            measured[name]["core_seconds"].append(_processor(redis) - used)
    if len(answers) > 1:
        raise AssertionError("Ray's workers made other rows or bytes than one process")
    return {name: {unit: round(median(some), 2) for unit, some in one.items()} for name, one in measured.items()}


def _processor(redis: RedisServer) -> float:
    """Core-seconds of this process and all that it started, but for Redis."""
    spent, mine = 0.0, psutil.Process()
    for one in [mine, *mine.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            if f":{redis.port}" not in " ".join(one.cmdline()):
                spent += sum(one.cpu_times()[:2])
    return spent


def main(customers: int, rounds: int) -> None:
    """Measure, print and keep."""
    machine = describe()
    with tempfile.TemporaryDirectory(prefix="lendloop-ray-") as place:
        redis = RedisServer(Path(place) / "redis")
        redis.start()
        try:
            found = run(Path(place), customers, rounds, redis)
        finally:
            redis.stop()
    rows = customers * MONTHS
    table = Table("", *(f"{what}: {unit}" for what in ("joined", "written") for unit in ("rows/s", "core-seconds")))
    for name in (ONE, MANY):
        cells = [
            (f"{rows / found[what][name]['seconds']:,.0f}", f"{found[what][name]['core_seconds']}")
            for what in ("joined", "written")
        ]
        table.add_row(name, *(cell for pair in cells for cell in pair))
    Console(highlight=False).print(table, f"the cluster's start: {found['cluster_seconds']} s")
    keep(RESULTS, {"rows": rows, "features": FEATURES, "rounds": rounds, **found}, [], machine)


if __name__ == "__main__":
    given = ArgumentParser(prog="python -m benchmarks.on_ray", description=__doc__)
    given.add_argument("customers", type=int, nargs="?", default=100_000)
    given.add_argument("--rounds", type=int, default=3)
    asked_for = given.parse_args()
    main(asked_for.customers, asked_for.rounds)
