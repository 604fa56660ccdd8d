"""The online stores that Feast writes to."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from tests.integration.online_content import InPostgres, InRedis, InSqlite, Online
from tests.servers import new_database


@pytest.fixture(params=["redis", "postgres", "sqlite"])
def online(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Online]:
    if request.param == "sqlite":
        yield InSqlite(tmp_path / "online.db")
        return
    if request.param == "postgres":
        url = new_database(request.getfixturevalue("postgres_url"))
        yield InPostgres(url.replace("+psycopg", ""))
        return
    url = request.getfixturevalue("redis_url")
    client = Redis.from_url(url)
    client.flushdb()
    yield InRedis(url, client)
    client.flushdb()
    client.close()
