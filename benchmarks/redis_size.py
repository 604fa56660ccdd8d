"""What a customer takes in Redis: hashes of 40 features as our writer makes them, by Redis' own account.

`python -m benchmarks.redis_size [CUSTOMERS]` writes `benchmarks/results/redis_size.json`; `scale_plan` reads it.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

import polars as pl
from redis import Redis
from rich.console import Console

from benchmarks.machine import describe
from benchmarks.materialize import FEATURES, WRITER, Contest, mixed, numbers
from benchmarks.turns import keep
from tests.servers import RedisServer

RESULTS = Path(__file__).parent / "results" / "redis_size.json"


def main(customers: int) -> None:
    """Write both kinds of table to an empty server, and ask it."""
    found, machine = dict[str, float](), describe()
    for name, columns in {"float32": numbers(customers), "mixed, a fifth missing": mixed(customers)}.items():
        with tempfile.TemporaryDirectory() as place:
            server = RedisServer(Path(place) / "redis")
            server.start()
            try:
                found[name] = round(_taken(Path(place), server, columns) / customers)
            finally:
                server.stop()
    Console(highlight=False).print({name: f"{size} bytes a customer" for name, size in found.items()})
    keep(RESULTS, {"features": FEATURES, "customers": customers, "bytes_per_customer": found}, [], machine)


def _taken(folder: Path, server: RedisServer, columns: dict[str, pl.Series]) -> int:
    client, contest = Redis(port=server.port), Contest(folder, server, columns)
    before = _used(client)
    contest.ways()[WRITER]()
    taken = _used(client) - before
    client.close()
    return taken


def _used(client: Redis) -> int:
    told: Any = client.info("memory")
    return int(told["used_memory"])


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
