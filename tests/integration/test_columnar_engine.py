"""Our compute engine beside Feast's own on a real Redis: the same keys, the same bytes, the same answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.types import Array, Bool, Bytes, Float32, Float64, Int32, Int64, String, UnixTimestamp
from redis import Redis

pytestmark = [
    pytest.mark.integration,
    # Feast's DuckDB store calls what DuckDB has renamed.
    pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning"),
]
OURS = "features.store.columnar.engine.ColumnarComputeEngine"
FIRST, LAST = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC)
TYPES = {
    "whole": Int64,
    "small": Int32,
    "real": Float64,
    "single": Float32,
    "text": String,
    "raw": Bytes,
    "flag": Bool,
    "when": UnixTimestamp,
    "vector": Array(Float32),
    "words": Array(String),
}


def rows(count: int, at: datetime, *, real: float = 0.5) -> pl.DataFrame:
    """Rows of every type, every third value missing, of customers 0, 1, 2 …"""
    gap = pl.int_range(count) % 3 == 1
    values = {
        "whole": pl.int_range(count) * 10**12,
        "small": pl.int_range(count).cast(pl.Int32) - 2,
        "real": pl.int_range(count) * real,
        "single": (pl.int_range(count) / 7).cast(pl.Float32),
        "text": pl.concat_str(pl.lit("地区 "), pl.int_range(count).cast(pl.String)),
        "raw": pl.int_range(count).cast(pl.String).cast(pl.Binary) + pl.lit(b"\\x00"),
        "flag": pl.int_range(count) % 2 == 0,
        "when": pl.lit(FIRST) - pl.duration(days=pl.int_range(count)),
        "vector": pl.concat_list(pl.lit(0.5, dtype=pl.Float32), pl.int_range(count).cast(pl.Float32)),
        "words": pl.concat_list(pl.lit("a"), pl.int_range(count).cast(pl.String)),
    }
    return pl.select(
        customer_id=pl.int_range(count),
        **{name: pl.when(~gap).then(value) for name, value in values.items()},
        event_timestamp=pl.lit(at),
        created=pl.lit(at),
    )


@contextmanager
def store(folder: Path, redis: str, engine: str, **options: Any) -> Iterator[FeatureStore]:
    """A store with one view over `folder/rows.parquet`, materialized by `engine`."""
    address = redis.removeprefix("redis://").partition("/")[0]
    config = RepoConfig(
        project="conformance",
        registry=str(folder / f"registry-{engine.rpartition('.')[2]}.db"),
        provider="local",
        offline_store={"type": "duckdb"},
        online_store={"type": "redis", "connection_string": address},
        batch_engine={"type": engine, **options},
        entity_key_serialization_version=3,
    )
    customer = Entity(name="customer", join_keys=["customer_id"], value_type=ValueType.INT64)
    source = FileSource(
        name="rows",
        path=str(folder / "rows.parquet"),
        timestamp_field="event_timestamp",
        created_timestamp_column="created",
    )
    fields = [Field(name="customer_id", dtype=Int64), *(Field(name=name, dtype=type_) for name, type_ in TYPES.items())]
    view = FeatureView(name="stats", entities=[customer], schema=fields, source=source, ttl=timedelta(days=400))
    with_view = FeatureStore(config=config)
    with_view.apply([customer, view])
    yield with_view


def content(redis: Redis) -> dict[bytes, dict[bytes, bytes]]:
    return {key: redis.hgetall(key) for key in sorted(redis.keys())}


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    client = Redis.from_url(redis_url)
    client.flushdb()
    yield client
    client.flushdb()
    client.close()


@pytest.mark.parametrize("options", [{}, {"slice_days": 10.0}])
def test_every_type_is_written_as_feast_writes_it(
    tmp_path: Path, redis_url: str, redis: Redis, options: dict[str, Any]
) -> None:
    later, earlier = rows(40, datetime(2024, 2, 1, tzinfo=UTC)), rows(60, datetime(2024, 1, 10, tzinfo=UTC), real=2.0)
    pl.concat([later, earlier]).write_parquet(tmp_path / "rows.parquet")
    with store(tmp_path, redis_url, "local") as theirs:
        theirs.materialize(FIRST, LAST)
        wanted = content(redis)
    redis.flushdb()
    with store(tmp_path, redis_url, OURS, **options) as ours:
        ours.materialize(FIRST, LAST)
        assert content(redis) == wanted
        asked = [f"stats:{name}" for name in TYPES]
        answer = ours.get_online_features(asked, [{"customer_id": number} for number in (0, 1, 39, 59)]).to_dict()
    assert answer["whole"] == [0, None, 39 * 10**12, 59 * 10**12]
    assert answer["real"] == [0.0, None, 19.5, 118.0]
    assert answer["words"] == [["a", "0"], None, ["a", "39"], ["a", "59"]]


def test_an_older_event_is_not_written_and_a_correction_is(tmp_path: Path, redis_url: str, redis: Redis) -> None:
    at = datetime(2024, 2, 1, tzinfo=UTC)
    with store(tmp_path, redis_url, OURS) as ours:
        rows(3, at).write_parquet(tmp_path / "rows.parquet")
        ours.materialize(FIRST, LAST)
        before = content(redis)
        rows(3, at - timedelta(days=1), real=9.0).write_parquet(tmp_path / "rows.parquet")
        ours.materialize(FIRST, LAST)
        assert content(redis) == before
        rows(3, at, real=9.0).write_parquet(tmp_path / "rows.parquet")
        ours.materialize(FIRST, LAST)
        assert ours.get_online_features(["stats:real"], [{"customer_id": 2}]).to_dict()["real"] == [18.0]


def test_what_redis_refuses_is_told_and_the_connection_is_not_used_again(
    tmp_path: Path, redis_url: str, redis: Redis
) -> None:
    with store(tmp_path, redis_url, OURS) as ours:
        rows(3, FIRST + timedelta(days=1)).write_parquet(tmp_path / "rows.parquet")
        ours.materialize(FIRST, LAST)
        key = sorted(redis.keys())[0]
        redis.delete(key)
        redis.set(key, "a string, where a hash is written")
        with pytest.raises(Exception, match="WRONGTYPE"):
            ours.materialize(FIRST, LAST)
        redis.delete(key)
        ours.materialize(FIRST, LAST)
        assert len(content(redis)) == 3
