"""All of a view written again while someone reads: no entity is ever read as older than it was read before."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import polars as pl
import pytest

from features.lake import Lake
from features.permitted import select
from features.portfolio import Portfolio
from features.spec import EVENT
from features.store import materialization
from features.store.online import OnlineRows, OnlineStoreError, open_online
from features.store.store import open_store
from tests.features.store.killed import kill_half_way
from tests.features.store.made_up import KEY, NAME, SERVICE, SPEC, VIEW, monthly, portfolio, put
from tests.servers import RedisServer

pytestmark = pytest.mark.integration

CUSTOMERS = 40
JUNE, JULY = date(2024, 6, 30), date(2024, 7, 31)
LONG = SPEC.replace("freshness: 40", "freshness: 400")
WAIT = 30.0


class Watcher:
    """Reads all customers again and again, and notes whose newest event was ever newer than it is now."""

    def __init__(self, shop: Portfolio, url: str) -> None:
        self._reader = open_online(NAME, KEY, select(shop.features, SERVICE), registry=registry(shop), online=url)
        self._thread, self._ended = threading.Thread(target=self._watch), threading.Event()
        self._changed = threading.Condition()
        self.reads, self.newest, self.overwritten = 0, [None] * CUSTOMERS, set[int]()

    def __enter__(self) -> Self:
        self._thread.start()
        self.wait()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()
        self._reader.close()

    def wait(self) -> None:
        """Until everyone was read twice from now on: the first of these reads may have begun before."""
        with self._changed:
            enough = self.reads + 2
            assert self._changed.wait_for(lambda: self.reads >= enough, WAIT), "the online store was not read"

    def _watch(self) -> None:
        while not self._ended.is_set():
            try:
                found = self._reader.read(range(CUSTOMERS)).event_timestamps[VIEW]
            except OnlineStoreError:
                continue  # too slow for a decision, on a busy machine: it says nothing of what is there
            with self._changed:
                self._compare(found)
                self.reads += 1
                self._changed.notify_all()

    def _compare(self, found: Sequence[datetime | None]) -> None:
        pairs = enumerate(zip(self.newest, found, strict=True))
        self.overwritten |= {key for key, (before, now) in pairs if before and (now is None or now < before)}
        self.newest = list(found)


@pytest.fixture
def urls(tmp_path: Path, redis_server: RedisServer, postgres_database: str) -> list[str]:
    return [f"sqlite:///{tmp_path}/online.db", redis_server.url, postgres_database]


@pytest.fixture
def shop(tmp_path: Path) -> Portfolio:
    return portfolio(tmp_path, LONG)


@pytest.fixture
def lake(tmp_path: Path, urls: list[str], shop: Portfolio) -> Lake:
    """A lake that was materialized to all stores, and in which each row and the newest event of each is another now."""
    lake = Lake(tmp_path / "lake")
    put(lake, scattered(latest=0), covers="2024-06-30")
    for url in urls:
        materialize(shop, lake, url, JUNE)
    put(lake, scattered(latest=1).with_columns(pl.col("amount") * 2), covers="2024-07-31", inputs="second")
    return lake


def test_newest_while_all_is_written_again(
    shop: Portfolio, lake: Lake, urls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for url in urls:
        with Watcher(shop, url) as watcher, watched_slices(watcher, monkeypatch) as slices:
            # Each once; those whose newest became known in July first with the one that the store had.
            assert materialize(shop, lake, url, JULY) == CUSTOMERS + CUSTOMERS // 5
            watcher.wait()
        assert len(slices) == 6
        assert min(slices[1:]) > 0
        assert not watcher.overwritten, url
        assert watcher.newest == newest(lake)
        assert everything(shop, url).values["amount"][:5] == amounts(lake)[:5]


def test_newest_after_a_kill_while_all_is_written_again(shop: Portfolio, lake: Lake, urls: list[str]) -> None:
    before = [everything(shop, url).event_timestamps[VIEW] for url in urls]
    kill_half_way(shop.folder.parent, urls)
    for url, were in zip(urls, before, strict=True):
        left = everything(shop, url).event_timestamps[VIEW]
        # Some have their newer event already; the others keep the one they had, and none has an older one.
        assert 0 < sum(now > was for was, now in zip(were, left, strict=True)) < CUSTOMERS
        assert all(now >= was for was, now in zip(were, left, strict=True))
        with Watcher(shop, url) as watcher:
            materialize(shop, lake, url, JUNE)  # an earlier date than the killed run's
            materialize(shop, lake, url, JULY)
            watcher.wait()
        assert not watcher.overwritten, url
        assert watcher.newest == newest(lake)
        assert everything(shop, url).values["amount"] == amounts(lake)


def scattered(*, latest: int) -> pl.DataFrame:
    """Rows of customers whose newest is of the first to the fifth month, `latest` months later."""
    return monthly(CUSTOMERS, 5 + latest).filter(pl.col(EVENT).dt.month() <= 1 + latest + pl.col(KEY) % 5)


@contextmanager
def watched_slices(watcher: Watcher, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The rows of each slice, as they are written; everyone is read after each of them."""
    rows: list[int] = []
    write = materialization.write_rows

    def write_and_wait(*given: Any) -> int:
        rows.append(write(*given))
        watcher.wait()
        return rows[-1]

    with monkeypatch.context() as patched:
        patched.setattr(materialization, "write_rows", write_and_wait)
        yield rows


def registry(shop: Portfolio) -> str:
    return f"sqlite:///{shop.folder.parent}/registry.db"


def materialize(shop: Portfolio, lake: Lake, url: str, as_of: date) -> int:
    with open_store(shop, lake, registry=registry(shop), online=url) as store:
        store.register()
        return store.materialize(as_of)[0].rows


def everything(shop: Portfolio, url: str) -> OnlineRows:
    reader = open_online(NAME, KEY, select(shop.features, SERVICE), registry=registry(shop), online=url)
    found = reader.read(range(CUSTOMERS))
    reader.close()
    return found


def last(lake: Lake) -> pl.DataFrame:
    return lake.read(NAME, "features", VIEW).sort(KEY, EVENT).unique(KEY, keep="last", maintain_order=True)


def newest(lake: Lake) -> list[datetime]:
    return last(lake)[EVENT].to_list()


def amounts(lake: Lake) -> list[float | None]:
    return last(lake)["amount"].to_list()
