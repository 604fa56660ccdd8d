"""One service for all tests of this folder; a test leaves it as it found it, or starts it again."""

from collections.abc import Iterator

import pytest

from serving.deployment import stop
from tests.servers import RedisServer
from tests.serving.deployed import Deployed


@pytest.fixture(scope="package")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("service")
    redis = RedisServer(folder / "redis")
    redis.start()
    try:
        yield Deployed(folder, redis)
    finally:
        stop(folder / "home")
        redis.stop()
