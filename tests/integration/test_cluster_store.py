"""A feature store on Ray: training sets and online rows are those of one process, also when a worker is killed."""

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from redis import Redis

from features.customers import Customers
from features.spec import EVENT
from features.store.store import Workers, open_store
from flows.cluster import by_ray
from infra.settings import Settings
from tests.features.store.made_up import KEY, SERVICE, at, portfolio
from tests.integration.columnar_rows import FIRST, rows
from tests.integration.online_content import InRedis
from tests.integration.test_columnar_engine import LAST, OURS, store
from tests.integration.test_feature_store_killed import LONG
from tests.integration.test_feature_store_workers import LAST as JULY
from tests.integration.test_feature_store_workers import content, materialize, pair, shop

__all__ = ["pair"]

pytestmark = [
    pytest.mark.ray,
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


class Dying:
    """A function in a worker that is killed, once, when half of a part is done."""

    def __init__(self, mark: Path, half: Callable[[Any], Any], function: Callable[[Any], Any]) -> None:
        self.mark, self.half, self.function = mark, half, function

    def __call__(self, part: Any) -> Any:
        if not self.mark.exists():
            self.function(self.half(part))
            self.mark.write_text(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGKILL)
        return self.function(part)


def deadly(settings: Settings, mark: Path, half: Callable[[Any], Any]) -> Callable[..., Iterator[Any]]:
    """Ray's workers, one of which is killed."""

    def each(function: Callable[[Any], Any], parts: Iterable[Any], /) -> Iterator[Any]:
        return by_ray(settings)(Dying(mark, half, function), parts)

    return each


def first_customers(customers: Customers) -> Customers:
    return Customers(customers.low, (customers.low or 0) + 3)  # type: ignore[operator]


def first_rows(part: pl.DataFrame) -> pl.DataFrame:
    return part.head(part.height // 2)


def test_rows_online_are_those_of_one_process_after_a_kill(tmp_path: Path, ray: Settings, pair: list[str]) -> None:
    shop(tmp_path)
    mark = tmp_path / "killed"
    assert materialize(tmp_path, pair[1], deadly(ray, mark, first_customers)).rows == 6 * 40 + 1
    assert int(mark.read_text()) != os.getpid()
    materialize(tmp_path, pair[0])
    assert content(pair[1]) == content(pair[0])


def test_a_training_set_is_that_of_one_process_after_a_kill(tmp_path: Path, ray: Settings) -> None:
    lake = shop(tmp_path)
    mark = tmp_path / "killed"
    days = [at("2024-02-01") + timedelta(days=day) for day in range(0, 150, 4)]
    asked = (
        pl.DataFrame({KEY: range(45)})
        .join(pl.DataFrame({EVENT: days}), how="cross")
        .sample(fraction=1, seed=7, shuffle=True)
    )
    apart = Workers(deadly(ray, mark, first_rows), partial(str, ""), observations=500)
    urls = {"registry": f"sqlite:///{tmp_path}/registry.db", "online": f"sqlite:///{tmp_path}/online.db"}
    found = []
    for workers in (None, apart):
        with open_store(portfolio(tmp_path, LONG), lake, **urls, workers=workers) as opened:
            opened.register()
            found.append(opened.training_set(asked, [SERVICE], known_by=JULY))
    assert int(mark.read_text()) != os.getpid()
    assert found[0]["amount"].null_count() < asked.height / 2
    assert found[1].equals(found[0])


def test_any_feast_repository_materializes_on_ray(
    tmp_path: Path, ray: Settings, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LENDLOOP_PROFILE", "ray")
    rows(60, datetime(2024, 2, 1, tzinfo=UTC)).write_parquet(tmp_path / "rows.parquet")
    with closing(Redis.from_url(redis_url)) as client:
        online = InRedis(redis_url, client)
        contents = []
        for options in ({}, {"each": "flows.cluster.by_settings", "rows_at_once": 20}):
            online.empty()
            with store(tmp_path, online, OURS, **options) as ours:
                ours.materialize(FIRST, LAST)
            contents.append(online.content())
        online.empty()
    assert len(contents[0]) == 60
    assert contents[1] == contents[0]
