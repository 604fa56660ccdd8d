"""One service on a Redis and a Postgres of its own, which the tests stop, pause, kill and bring back."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from serving.deployment import stop
from tests.servers import PostgresServer, RedisServer
from tests.serving.deployed import Deployed


@dataclass(frozen=True)
class Broken:
    """A service and what can be broken below it."""

    service: Deployed
    redis: RedisServer
    postgres: PostgresServer
    folder: Path


@pytest.fixture(scope="package")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broken]:
    folder = tmp_path_factory.mktemp("faults")
    redis, postgres = RedisServer(folder / "redis"), PostgresServer(folder / "postgres")
    redis.start()
    postgres.start()
    try:
        service = Deployed(folder, redis, decision_log=postgres.url, log_seconds=1.0)
        yield Broken(service, redis, postgres, folder)
    finally:
        stop(folder / "home")
        postgres.stop()
        redis.stop()
