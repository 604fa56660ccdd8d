"""kill -9 in the middle of materializing, and a run after it that ends the same as one never killed."""

import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from features.lake import Lake
from features.permitted import select
from features.portfolio import Portfolio
from features.store.online import OnlineRows, open_online
from features.store.store import open_store
from tests.features.store.made_up import KEY, NAME, SERVICE, SPEC, monthly, portfolio, put
from tests.servers import RedisServer

pytestmark = pytest.mark.integration

LAST = date(2024, 7, 31)
LONG = SPEC.replace("freshness: 40", "freshness: 400")
# Writes to every store it is given, each in a thread, up to the middle of the fourth slice; then it kills itself.
KILLED = """
import os, signal, sys, threading
from datetime import date
from pathlib import Path
from features.lake import Lake
from features.portfolio import open_portfolio
from features.store import materialization
from features.store.store import open_store

root, urls = Path(sys.argv[1]), sys.argv[2:]
write, mine = materialization.write_rows, threading.local()
half_way = threading.Barrier(len(urls) + 1)

def write_half_of_the_fourth_slice(store, config, view, rows, retired):
    mine.slices = getattr(mine, "slices", 0) + 1
    if mine.slices == 4:
        write(store, config, view, rows.head(rows.height // 2), retired)
        half_way.wait()
        threading.Event().wait()
    return write(store, config, view, rows, retired)

def materialize(number, url):
    registry = f"sqlite:///{root}/registry{number}.db"
    store = open_store(open_portfolio(root, "shop"), Lake(root / "lake"), registry=registry, online=url)
    store.register()
    store.materialize(date(2024, 7, 31))

materialization.write_rows = write_half_of_the_fourth_slice
for number, url in enumerate(urls):
    threading.Thread(target=materialize, args=(number, url)).start()
half_way.wait(200)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_killed_half_way_and_run_again(tmp_path: Path, redis_server: RedisServer, postgres_database: str) -> None:
    shop, lake = portfolio(tmp_path, LONG), Lake(tmp_path / "lake")
    put(lake, monthly(40, 6), covers="2024-07-31")
    urls = [f"sqlite:///{tmp_path}/online.db", redis_server.url, postgres_database]
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), *urls], check=False)
    assert killed.returncode == -signal.SIGKILL
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
