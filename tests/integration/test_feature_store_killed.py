"""kill -9 in the middle of materializing, and a run after it that ends the same as one never killed."""

from datetime import date
from pathlib import Path

import pytest

from features.lake import Lake
from features.permitted import select
from features.portfolio import Portfolio
from features.store.online import OnlineRows, open_online
from features.store.store import open_store
from tests.features.store.killed import kill_half_way
from tests.features.store.made_up import KEY, NAME, SERVICE, SPEC, monthly, portfolio, put
from tests.servers import RedisServer

pytestmark = pytest.mark.integration

LAST = date(2024, 7, 31)
LONG = SPEC.replace("freshness: 40", "freshness: 400")


def test_killed_half_way_and_run_again(tmp_path: Path, redis_server: RedisServer, postgres_database: str) -> None:
    shop, lake = portfolio(tmp_path, LONG), Lake(tmp_path / "lake")
    put(lake, monthly(40, 6), covers="2024-07-31")
    urls = [f"sqlite:///{tmp_path}/online.db", redis_server.url, postgres_database]
    kill_half_way(tmp_path, urls)
    # Three of the six slices were whole; the half one is written again.
    assert [finish(shop, lake, url) for url in urls] == [3 * 40] * 3
    never_killed = f"sqlite:///{tmp_path}/never_killed.db"
    assert finish(shop, lake, never_killed) == 6 * 40
    expected = everything(shop, never_killed)
    assert [everything(shop, url) for url in urls] == [expected] * 3


def finish(shop: Portfolio, lake: Lake, url: str) -> int:
    registry = f"sqlite:///{lake.root.parent}/registry.db"
    with open_store(shop, lake, registry=registry, online=url) as store:
        store.register()
        return store.materialize(LAST)[0].rows


def everything(shop: Portfolio, url: str) -> OnlineRows:
    registry = f"sqlite:///{shop.folder.parent}/registry.db"
    reader = open_online(NAME, KEY, select(shop.features, SERVICE), registry=registry, online=url)
    found = reader.read(range(40))
    reader.close()
    return found
