"""A reader of several views: what each knows of whom, from every online store, and how often Postgres is asked."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
import pytest
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, ValueType
from feast.types import Float64, Int64, String

from features.permitted import FeatureColumn
from features.spec import CREATED, EVENT
from features.store.configuration import configure
from features.store.online import OnlineReader, OnlineRows, open_online
from features.store.postgres import ReconnectingPostgresOnlineStore
from features.store.rows import write_rows
from features.store.sqlite import RowSqliteOnlineStore
from tests.servers import RedisServer, new_database

pytestmark = pytest.mark.integration
KEY, FIRST = "customer_id", datetime(2024, 3, 31, tzinfo=UTC)
COLUMNS = (
    FeatureColumn("income", "money", "float", 45),
    FeatureColumn("job", "person", "category", 45),
    FeatureColumn("years", "person", "float", 45),
)
KNOWN: dict[str, dict[int, tuple[Any, ...]]] = {
    "money": {1: (10.5,), 2: (None,)},
    "person": {1: ("baker", 3.0), 3: (None, 0.0)},
}
"""The features of who is known in each view."""
POLARS = {"float": pl.Float64, "category": pl.String}
FEAST = {"float": Float64, "category": String}


@pytest.fixture(params=["sqlite", "redis", "postgres"])
def online(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/online.db"
    if request.param == "postgres":
        return new_database(request.getfixturevalue("postgres_url"))
    server: RedisServer = request.getfixturevalue("redis_server")
    return server.url.removesuffix("/0") + "/11"


@pytest.fixture
def reader(online: str, tmp_path: Path) -> Iterator[OnlineReader]:
    registry = f"sqlite:///{tmp_path}/registry.db"
    feast = FeatureStore(config=configure("shop", registry, online))
    store = feast.provider.online_store
    entity = Entity(name="customer", join_keys=[KEY], value_type=ValueType.INT64)
    for place, (name, known) in enumerate(KNOWN.items()):
        columns, at = [one for one in COLUMNS if one.view == name], FIRST + timedelta(days=place)
        rows: dict[str, Any] = {KEY: list(known), EVENT: [at] * len(known), CREATED: [at] * len(known)}
        for number, one in enumerate(columns):
            rows[one.name] = pl.Series([row[number] for row in known.values()], dtype=POLARS[one.dtype])
        schema = [Field(name=KEY, dtype=Int64), *(Field(name=one.name, dtype=FEAST[one.dtype]) for one in columns)]
        source = FileSource(path=str(tmp_path / f"{name}.parquet"), timestamp_field=EVENT)
        view = FeatureView(name=name, entities=[entity], schema=schema, source=source)
        pl.DataFrame(rows).write_parquet(tmp_path / f"{name}.parquet")
        feast.apply([entity, view])
        write_rows(store, feast.config, view, pl.DataFrame(rows))
    made = open_online("shop", KEY, COLUMNS, registry=registry, online=online)
    yield made
    made.close()
    if isinstance(store, RowSqliteOnlineStore | ReconnectingPostgresOnlineStore):
        store.disconnect()


def test_each_view_knows_its_own(reader: OnlineReader) -> None:
    asked = [3, 1, 9, 2, 1]
    found = reader.read(asked)
    for place, view in enumerate(KNOWN):
        at = FIRST + timedelta(days=place)
        assert found.event_timestamps[view] == [at if key in KNOWN[view] else None for key in asked]
        names = [one.name for one in COLUMNS if one.view == view]
        nothing = (None,) * len(names)
        for number, name in enumerate(names):
            assert found.values[name] == [KNOWN[view].get(key, nothing)[number] for key in asked]
    if reader.way == "soon":
        assert asyncio.run(soon(reader)) == reader.read([1])


async def soon(reader: OnlineReader) -> OnlineRows:
    try:
        return await reader.read_soon(1)
    finally:
        reader.close()  # what the loop has opened it must close


@pytest.mark.parametrize("online", ["postgres"], indirect=True)
def test_postgres_is_asked_once_for_all_views(reader: OnlineReader, monkeypatch: pytest.MonkeyPatch) -> None:
    reader.read([1])  # connects
    asked: list[object] = []
    execute = psycopg.Cursor.execute

    def counted(cursor: Any, *given: Any, **more: Any) -> Any:
        asked.append(given[0])
        return execute(cursor, *given, **more)

    monkeypatch.setattr(psycopg.Cursor, "execute", counted)
    assert reader.read([1, 2, 3]).values["income"] == [10.5, None, None]
    assert len(asked) == 1
