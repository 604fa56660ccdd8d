"""Slices written by workers: the bytes that one process writes, and all of them after a worker that failed."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
import pytest
from redis import Redis

from features.customers import Each
from features.lake import Lake
from features.store import materialization
from features.store.materialization import Materialized
from features.store.store import OnlineStoreError, Workers, open_store
from tests.features.store.elsewhere import elsewhere
from tests.features.store.made_up import NAME, monthly, portfolio, put, rows
from tests.integration.test_feature_store_killed import LAST, LONG
from tests.servers import new_database

pytestmark = pytest.mark.integration
ROWS = 7


def shop(root: Path) -> Lake:
    """40 customers of six months, and a late row that must not replace a newer one."""
    portfolio(root, LONG)
    lake = Lake(root / "lake")
    late = rows((3, "2024-01-15", "2024-05-09", 0.5, None), (99, "2024-01-15", "2024-05-09", 0.5, None))
    put(lake, pl.concat([monthly(40, 6), late]).sort("customer_id", "event_timestamp"), covers="2024-07-31")
    return lake


def materialize(root: Path, online: str, each: Each | None = None) -> Materialized:
    """Write it all to an online store, by this process or by workers."""
    workers = Workers(each, partial(str, online), rows=ROWS) if each else None
    registry = f"sqlite:///{root}/registry.db"
    with open_store(portfolio(root, LONG), Lake(root / "lake"), registry=registry, online=online, workers=workers) as s:
        s.register()
        (done,) = s.materialize(LAST)
    return done


def content(online: str) -> Any:
    """All that is in an online store, the notes too."""
    if online.startswith("redis"):
        with Redis.from_url(online) as client:
            return {key: client.hgetall(key) for key in client.scan_iter()}
    with psycopg.connect(online) as connection:
        tables = (f"{NAME}_orders", f"{NAME}__materialized")
        return [connection.execute(f'SELECT * FROM "{table}" ORDER BY 1, 2').fetchall() for table in tables]


@pytest.fixture(params=["redis", "postgres"])
def pair(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Two empty online stores."""
    if request.param == "postgres":
        yield [new_database(request.getfixturevalue("postgres_url")) for _ in range(2)]
        return
    server = request.getfixturevalue("redis_url").removesuffix("/0")
    yield [f"{server}/8", f"{server}/9"]
    for number in (8, 9):
        with Redis.from_url(f"{server}/{number}") as client:
            client.flushdb()


def test_workers_write_the_bytes_that_one_process_writes(tmp_path: Path, pair: list[str]) -> None:
    shop(tmp_path)
    one, many = materialize(tmp_path, pair[0]), materialize(tmp_path, pair[1], elsewhere)
    assert many.rows == one.rows == 6 * 40 + 1
    # Some rows of every part are read back, and a part has seven rows.
    assert many.read_back > one.read_back == 6 * 10
    assert content(pair[1]) == content(pair[0])


def test_a_slice_that_a_worker_failed_at_is_written_again(tmp_path: Path, pair: list[str]) -> None:
    shop(tmp_path)
    left: list[int] = [9]

    def failing(function: Callable[[Any], Any], parts: Iterable[Any], /) -> Iterator[Any]:
        for made in elsewhere(function, parts):
            left[0] -= 1
            if left[0] == 0:
                raise RuntimeError("a worker failed")
            yield made

    with pytest.raises(RuntimeError, match="a worker failed"):
        materialize(tmp_path, pair[1], failing)
    assert materialize(tmp_path, pair[1], elsewhere).rows == 5 * 40 + 1
    materialize(tmp_path, pair[0])
    assert content(pair[1]) == content(pair[0])


def test_a_worker_whose_settings_name_another_store_writes_nothing(tmp_path: Path, pair: list[str]) -> None:
    shop(tmp_path)
    named = iter(pair)  # by the process that asks for work, then by a worker

    def each(function: Callable[[Any], Any], parts: Iterable[Any], /) -> Iterator[Any]:
        return map(function, parts)

    workers = Workers(each, lambda: next(named), rows=ROWS)
    registry = f"sqlite:///{tmp_path}/registry.db"
    lake = Lake(tmp_path / "lake")
    with open_store(portfolio(tmp_path, LONG), lake, registry=registry, online=pair[0], workers=workers) as store:
        store.register()
        with pytest.raises(OnlineStoreError, match="give it the same LENDLOOP_ONLINE_STORE") as told:
            store.materialize(LAST)
    assert "@" not in str(told.value)
    with open_store(portfolio(tmp_path, LONG), lake, registry=registry, online=pair[1]) as other:
        other.register()
        assert other.materialize(LAST)[0].rows == 6 * 40 + 1


def never(_function: object, _parts: object, /) -> Iterator[Any]:
    raise AssertionError("workers were asked")


def test_a_file_is_written_by_this_process_alone(tmp_path: Path) -> None:
    shop(tmp_path)
    assert materialize(tmp_path, f"sqlite:///{tmp_path}/online.db", never).rows == 6 * 40 + 1


def test_few_rows_are_written_by_this_process(tmp_path: Path, pair: list[str]) -> None:
    portfolio(tmp_path, LONG)
    put(Lake(tmp_path / "lake"), monthly(ROWS, 6), covers="2024-07-31")
    assert materialize(tmp_path, pair[0], never).rows == 6 * ROWS


def test_one_process_writes_a_large_slice_in_ranges_and_tells_of_each(
    tmp_path: Path, pair: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A month was read, sorted and converted at once, however many customers it had."""
    shop(tmp_path)
    materialize(tmp_path, pair[0])
    heights, told = [], list[str]()
    write_rows = materialization.write_rows

    def watched(store: Any, config: Any, view: Any, rows: pl.DataFrame, retired: Any) -> int:
        heights.append(rows.height)
        return write_rows(store, config, view, rows, retired)

    monkeypatch.setattr(materialization, "write_rows", watched)
    monkeypatch.setattr(materialization, "ROWS", ROWS)
    registry = f"sqlite:///{tmp_path}/registry.db"
    with open_store(portfolio(tmp_path, LONG), Lake(tmp_path / "lake"), registry=registry, online=pair[1]) as store:
        (done,) = store.materialize(LAST, progress=told.append)
    assert done.rows == sum(heights) == 6 * 40 + 1
    assert max(heights) <= ROWS
    assert content(pair[1]) == content(pair[0])
    assert len(told) == len(heights) >= 6 * 40 / ROWS
    assert told[-1] == "orders: 241 rows, up to those known on 2024-07-31"
