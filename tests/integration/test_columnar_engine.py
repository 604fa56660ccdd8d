"""Our compute engine beside Feast's own, on real servers: the same keys, the same bytes, the same answers."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, ValueType
from feast.types import Int64
from redis import Redis

from features.store.columnar.engine import ColumnarComputeEngine
from features.store.postgres import ReconnectingPostgresOnlineStore
from tests.features.store.elsewhere import ELSEWHERE, worked_on
from tests.integration.columnar_rows import FIRST, TYPES, rows
from tests.integration.online_content import InRedis, InSqlite, Online, conformance_config

pytestmark = [
    pytest.mark.integration,
    # Feast's DuckDB store calls what DuckDB has renamed.
    pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning"),
]
OURS = "features.store.columnar.engine.ColumnarComputeEngine"
LAST = datetime(2024, 3, 1, tzinfo=UTC)


@contextmanager
def store(folder: Path, online: Online, engine: str, **options: Any) -> Iterator[FeatureStore]:
    """A store with one view over `folder/rows.parquet`, materialized by `engine`."""
    config = conformance_config(folder, online, engine, **options)
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
    if isinstance(with_view.provider.online_store, ReconnectingPostgresOnlineStore):
        with_view.provider.online_store.disconnect()


@pytest.mark.parametrize("options", [{}, {"slice_days": 10.0}, {"each": ELSEWHERE, "rows_at_once": 7}])
def test_every_type_is_written_as_feast_writes_it(tmp_path: Path, online: Online, options: dict[str, Any]) -> None:
    later, earlier = rows(40, datetime(2024, 2, 1, tzinfo=UTC)), rows(60, datetime(2024, 1, 10, tzinfo=UTC), real=2.0)
    pl.concat([later, earlier]).write_parquet(tmp_path / "rows.parquet")
    with store(tmp_path, online, "local") as theirs:
        theirs.materialize(FIRST, LAST)
        answered = answer_of(theirs)
    wanted = online.content()
    assert len(wanted) >= 60
    online.empty()
    with store(tmp_path, online, OURS, **options) as ours:
        before = worked_on["parts"]
        ours.materialize(FIRST, LAST)
        assert online.content() == wanted
        in_parts = "each" in options and not isinstance(online, InSqlite)  # a file has one writer
        assert (worked_on["parts"] > before) == in_parts
        answer = answer_of(ours)
    assert answer == answered
    assert [answer["whole"][place] for place in (0, 1, 39, 59)] == [0, None, 39 * 10**12, 59 * 10**12]
    assert [answer["real"][place] for place in (0, 1, 39, 59)] == [0.0, None, 19.5, 118.0]
    assert answer["words"][:3] == [["a", "0"], None, ["a", "2"]]
    assert (answer["text"][0], answer["wholes"][0], set(answer["nothing"])) == ("", [], {None})
    assert [name for name, values in answer.items() if not any(values)] == ["nothing"]


def test_every_type_that_feast_can_write_is_compared() -> None:
    """With another Feast its new types have to be listed above; of no type is `UNKNOWN`, the others it refuses."""
    refused = {ValueType.UNKNOWN, ValueType.NULL, ValueType.SCALAR_MAP, ValueType.ZONED_TIMESTAMP}
    assert {type_.to_value_type() for type_ in TYPES.values()} == set(ValueType) - refused


def answer_of(store: FeatureStore) -> dict[str, Any]:
    """Every feature of all 60 customers, and of one more, as Feast reads them."""
    asked = [{"customer_id": number} for number in range(61)]
    return dict(store.get_online_features([f"stats:{name}" for name in TYPES], asked).to_dict())


def test_an_older_event_is_not_written_and_a_correction_is(tmp_path: Path, online: Online) -> None:
    at = datetime(2024, 2, 1, tzinfo=UTC)
    rows(3, at).write_parquet(tmp_path / "rows.parquet")
    with store(tmp_path, online, OURS) as ours:
        ours.materialize(FIRST, LAST)
        before = online.content()
        rows(3, at - timedelta(days=1), real=9.0).write_parquet(tmp_path / "rows.parquet")
        ours.materialize(FIRST, LAST)
        assert online.content() == before
        rows(3, at, real=9.0).write_parquet(tmp_path / "rows.parquet")
        ours.materialize(FIRST, LAST)
        assert ours.get_online_features(["stats:real"], [{"customer_id": 2}]).to_dict()["real"] == [18.0]


def test_of_one_event_the_row_that_was_created_last_stays(tmp_path: Path, online: Online) -> None:
    """Redis, in Feast's layout, has no place for the time of creation: there the row stays that was written last."""
    at, seen = datetime(2024, 2, 1, tzinfo=UTC), []
    with store(tmp_path, online, OURS) as ours:
        for real, hours in [(1.0, 10), (2.0, 20), (3.0, 5)]:
            rows(1, at, created=at + timedelta(hours=hours)).with_columns(real=real).write_parquet(
                tmp_path / "rows.parquet"
            )
            ours.materialize(FIRST, LAST)
            seen += ours.get_online_features(["stats:real"], [{"customer_id": 0}]).to_dict()["real"]
    assert seen == [1.0, 2.0, 3.0 if isinstance(online, InRedis) else 2.0]


@pytest.mark.parametrize(("options", "writes"), [({}, 60), ({"slice_days": 10.0}, 100)])
def test_slices_are_read_and_written_one_by_one(
    tmp_path: Path, redis_url: str, options: dict[str, Any], writes: int
) -> None:
    """Customers with an event in each of two slices are written twice, the older event first."""
    later, earlier = rows(40, datetime(2024, 2, 1, tzinfo=UTC)), rows(60, datetime(2024, 1, 10, tzinfo=UTC))
    pl.concat([later, earlier]).write_parquet(tmp_path / "rows.parquet")
    with closing(Redis.from_url(redis_url)) as client:
        client.flushdb()
        with store(tmp_path, InRedis(redis_url, client), OURS, **options) as ours:
            client.config_resetstat()
            ours.materialize(FIRST, LAST)
        assert client.info("commandstats")["cmdstat_hset"]["calls"] == writes
        client.flushdb()


@pytest.mark.parametrize("ended_by", [OSError, KeyboardInterrupt])
def test_a_run_that_ended_early_goes_on_after_its_last_whole_slice(
    tmp_path: Path, ended_by: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Feast puts a view back as it was where a run fails; of one that is interrupted nothing is put back."""
    rows(60, datetime(2024, 1, 10, tzinfo=UTC)).write_parquet(tmp_path / "rows.parquet")
    read, begun = ColumnarComputeEngine._newest, list[datetime]()

    def newest(self: ColumnarComputeEngine, registry: Any, view: Any, source: Any, begin: Any, end: Any) -> Any:
        begun.append(begin)
        if len(begun) == 4:
            raise ended_by("in the fourth slice")
        return read(self, registry, view, source, begin, end)

    monkeypatch.setattr(ColumnarComputeEngine, "_newest", newest)
    online = InSqlite(tmp_path / "online.db")
    with store(tmp_path, online, OURS, slice_days=10.0) as ours:
        ours.materialize(FIRST, FIRST + timedelta(days=1))  # by which Feast knows of an interval before
        with pytest.raises(ended_by):
            ours.materialize(FIRST, LAST)
    with store(tmp_path, online, OURS, slice_days=10.0) as ours:
        ours.materialize_incremental(LAST)
        assert begun[1:4] == [FIRST + timedelta(days=10 * part) for part in range(3)]
        assert begun[4] == FIRST + timedelta(days=20)
        assert ours.get_online_features(["stats:real"], [{"customer_id": 2}]).to_dict()["real"] == [1.0]


def test_what_redis_refuses_is_told_and_the_connection_is_not_used_again(tmp_path: Path, redis_url: str) -> None:
    with closing(Redis.from_url(redis_url)) as client:
        client.flushdb()
        online = InRedis(redis_url, client)
        rows(3, FIRST + timedelta(days=1)).write_parquet(tmp_path / "rows.parquet")
        with store(tmp_path, online, OURS) as ours:
            ours.materialize(FIRST, LAST)
            key = sorted(client.keys())[0]
            client.delete(key)
            client.set(key, "a string, where a hash is written")
            with pytest.raises(Exception, match="WRONGTYPE"):
                ours.materialize(FIRST, LAST)
            client.delete(key)
            ours.materialize(FIRST, LAST)
            assert len(online.content()) == 3
