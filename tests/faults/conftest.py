"""One service on a Redis and two Postgres of its own, which the tests stop, pause, kill and bring back."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from serving.deployment import stop
from tests.faults.disks import Disk, small_disk
from tests.servers import PostgresServer, RedisServer, running_postgres
from tests.serving.deployed import Deployed


@dataclass(frozen=True)
class Broken:
    """A service and what can be broken below it."""

    service: Deployed
    redis: RedisServer
    postgres: PostgresServer
    """Of the decision log."""
    disk: Disk
    """Where that one has its files."""
    registry: PostgresServer


@pytest.fixture(scope="package")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broken]:
    folder = tmp_path_factory.mktemp("faults")
    redis = RedisServer(folder / "redis")
    with small_disk() as disk, running_postgres(disk.folder) as postgres, running_postgres() as registry:
        redis.start()
        try:
            urls = {"decision_log": postgres.url, "mlflow_uri": registry.url}
            yield Broken(Deployed(folder, redis, **urls, log_seconds=2.0), redis, postgres, disk, registry)
        finally:
            stop(folder / "home")
            redis.stop()
