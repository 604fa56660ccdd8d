"""A decision service's reader while its online store goes away and comes back."""

import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from features.lake import Lake
from features.permitted import select
from features.store.online import OnlineReader, OnlineStoreError, open_online
from features.store.store import open_store
from tests.features.store.made_up import KEY, NAME, SERVICE, monthly, portfolio, put
from tests.servers import PostgresServer, RedisServer

pytestmark = pytest.mark.integration
PATIENCE = 5.0


@pytest.fixture(params=["redis_server", "postgres_server"])
def server(request: pytest.FixtureRequest) -> RedisServer | PostgresServer:
    found: RedisServer | PostgresServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def reader(server: RedisServer | PostgresServer, tmp_path: Path) -> Iterator[OnlineReader]:
    lake, registry = Lake(tmp_path / "lake"), f"sqlite:///{tmp_path}/registry.db"
    put(lake, monthly(5, 2), covers="2024-03-31")
    with open_store(portfolio(tmp_path), lake, registry=registry, online=server.url) as store:
        store.register()
        store.materialize(date(2024, 3, 31))
    columns = select(portfolio(tmp_path).features, SERVICE)
    made = open_online(NAME, KEY, columns, registry=registry, online=server.url)
    yield made
    made.close()


def gives_up(call: Callable[[], object]) -> bool:
    """Whether the fault is told without trying on, as Feast's own clients do for 7 seconds or more."""
    began = time.perf_counter()
    with pytest.raises(OnlineStoreError, match="does not answer"):
        call()
    return time.perf_counter() - began < PATIENCE


def test_a_server_that_is_down_is_an_error_at_once_and_one_that_is_back_is_used(
    reader: OnlineReader, server: RedisServer | PostgresServer
) -> None:
    assert reader.read([1]).values["amount"] == [1 + 2 / 3]
    server.stop()
    assert gives_up(lambda: reader.read([1]))
    assert gives_up(lambda: reader.read([1]))
    server.start()
    assert reader.read([1]).values["amount"] == [1 + 2 / 3]
    server.stop()
    server.start()
    # This time the reader did not see it go away: its connection is stale.
    assert reader.read([1, 2]).values["amount"] == [1 + 2 / 3, 2 + 2 / 3]


def test_a_store_without_the_view_says_so(tmp_path: Path) -> None:
    columns = select(portfolio(tmp_path).features, SERVICE)
    urls = {"registry": f"sqlite:///{tmp_path}/registry.db", "online": f"sqlite:///{tmp_path}/none.db"}
    reader = open_online(NAME, KEY, columns, **urls)
    with pytest.raises(OnlineStoreError, match="lendloop run materialize --portfolio shop"):
        reader.read([1])
    reader.close()


def test_a_redis_that_hangs_is_an_error(tmp_path: Path) -> None:
    import socket

    columns = select(portfolio(tmp_path).features, SERVICE)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        online = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        reader = open_online(NAME, KEY, columns, registry=f"sqlite:///{tmp_path}/registry.db", online=online)
        assert gives_up(lambda: reader.read([1]))
