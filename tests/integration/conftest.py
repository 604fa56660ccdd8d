"""The online stores that Feast writes to, and a cluster of Ray's."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from redis import Redis

from infra.settings import Settings
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


@pytest.fixture(scope="module", name="ray")
def local_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A cluster of this machine with two workers, started when first needed; they have the environment of then."""
    if find_spec("ray") is None:
        pytest.skip("Ray is not installed: make test-ray")
    home = tmp_path_factory.mktemp("ray")
    with pytest.MonkeyPatch.context() as patch:
        # Joining a cluster notes in the environment what its workers go by: not for the tests that follow.
        patch.setenv("LENDLOOP_HOME", str(home))
        patch.setenv("LENDLOOP_PORTFOLIOS", str(home))
        yield Settings(home=home, profile="ray", ray_workers=2)
    import ray

    ray.shutdown()
