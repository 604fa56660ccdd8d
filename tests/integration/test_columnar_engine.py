"""Our compute engine beside Feast's own, on real servers: the same keys, the same bytes, the same answers."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, ValueType
from feast.types import (
    Array,
    Bool,
    Bytes,
    Decimal,
    Float32,
    Float64,
    ImageBytes,
    Int32,
    Int64,
    Json,
    Map,
    PdfBytes,
    Set,
    String,
    Struct,
    TimeUuid,
    UnixTimestamp,
    Uuid,
)
from redis import Redis

from features.store.columnar.engine import ColumnarComputeEngine
from features.store.postgres import ReconnectingPostgresOnlineStore
from tests.features.store.elsewhere import ELSEWHERE, worked_on
from tests.integration.online_content import InRedis, InSqlite, Online, conformance_config

pytestmark = [
    pytest.mark.integration,
    # Feast's DuckDB store calls what DuckDB has renamed.
    pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning"),
]
ID, OF_TIME = "0193f5a1-7c1e-7b02-9d55-2f6b1f0e6a10", "c232ab00-9414-11ec-b3c8-9f68deced846"
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
    "nothing": Float64,
    "reals": Array(Float64),
    "wholes": Array(Int64),
    "smalls": Array(Int32),
    "flags": Array(Bool),
    "raws": Array(Bytes),
    "moments": Array(UnixTimestamp),
    "nested": Array(Array(Int64)),
    "some_words": Set(String),
    "some_wholes": Set(Int64),
    "some_reals": Set(Float64),
    "some_flags": Set(Bool),
    "some_moments": Set(UnixTimestamp),
    "id": Uuid,
    "ids": Array(Uuid),
    "exact": Decimal,
    "exacts": Array(Decimal),
    "json": Json,
    "jsons": Array(Json),
    "mapped": Map,
    "shaped": Struct({"a": Float64, "b": String}),
    "file": PdfBytes,
    "image": ImageBytes,
    "of_time": TimeUuid,
    "some_of_time": Set(TimeUuid),
    "all_of_time": Array(TimeUuid),
    "some_smalls": Set(Int32),
    "some_singles": Set(Float32),
    "some_raws": Set(Bytes),
    "some_ids": Set(Uuid),
    "some_exacts": Set(Decimal),
    "maps": Array(Map),
    "shapes": Array(Struct({"a": Float64})),
    "sets": Set(Array(Int64)),
    "lists_of_sets": Array(Set(Int64)),
}
"""Every type that Feast can write from a column; the wire test holds each one to Feast's bytes."""


def rows(count: int, at: datetime, *, real: float = 0.5, created: datetime | None = None) -> pl.DataFrame:
    """Rows of every type, every third value missing, of customers 0, 1, 2 …"""
    gap = pl.int_range(count) % 3 == 1
    values = {
        "whole": pl.int_range(count) * 10**12,
        "small": pl.int_range(count).cast(pl.Int32) - 2,
        "real": pl.int_range(count) * real,
        "single": (pl.int_range(count) / 7).cast(pl.Float32),
        "text": pl.when(pl.int_range(count) % 4 == 0)
        .then(pl.lit(""))
        .otherwise(pl.format("地区 {}", pl.int_range(count))),
        "raw": pl.int_range(count).cast(pl.String).cast(pl.Binary) + pl.lit(b"\\x00"),
        "flag": pl.int_range(count) % 2 == 0,
        "when": pl.lit(FIRST) - pl.duration(days=pl.int_range(count)),
        "vector": pl.concat_list(pl.lit(0.5, dtype=pl.Float32), pl.int_range(count).cast(pl.Float32)),
        "words": pl.concat_list(pl.lit("a"), pl.int_range(count).cast(pl.String)),
        **others(pl.int_range(count)),
    }
    return pl.select(
        customer_id=pl.int_range(count),
        **{name: pl.when(~gap).then(value) for name, value in values.items()},
        event_timestamp=pl.lit(at),
        created=pl.lit(created or at),
    )


def others(number: pl.Expr) -> dict[str, pl.Expr]:
    """Values of the other types, by the number of the row; every fourth list and text is empty."""
    word, moment = number.cast(pl.String), pl.lit(FIRST) - pl.duration(days=number)
    exact, json = (number / 4).cast(pl.Decimal(12, 2)), pl.concat_str(pl.lit('{"a": '), word, pl.lit("}"))
    lists = {
        "reals": number / 7,
        "wholes": number * 10**12,
        "smalls": number.cast(pl.Int32),
        "flags": number % 2 == 0,
        "raws": word.cast(pl.Binary),
        "moments": moment,
        "some_words": word,
        "some_wholes": number * 10**12,
        "some_reals": number / 7,
        "some_flags": number % 2 == 0,
        "some_moments": moment,
        "ids": pl.lit(ID),
        "exacts": exact,
        "jsons": json,
        "some_of_time": pl.lit(OF_TIME),
        "all_of_time": pl.lit(OF_TIME),
        "some_smalls": number.cast(pl.Int32),
        "some_singles": (number / 7).cast(pl.Float32),
        "some_raws": word.cast(pl.Binary),
        "some_ids": pl.lit(ID),
        "some_exacts": exact,
        "shapes": pl.struct(a=number / 7),
    }
    return {
        **{
            name: pl.concat_list(value).list.head(pl.when(number % 4 == 0).then(0).otherwise(1))
            for name, value in lists.items()
        },
        "nothing": pl.lit(None, pl.Float64),
        "nested": pl.concat_list(number, number + 1).list.eval(pl.element().implode()),
        "id": pl.lit(ID),
        "exact": exact,
        "json": json,
        "mapped": json,
        "shaped": pl.struct(a=number / 7, b=word),
        "file": word.cast(pl.Binary),
        "image": word.cast(pl.Binary),
        "of_time": pl.lit(OF_TIME),
        "maps": pl.concat_str(pl.lit("["), json, pl.lit("]")),
        "sets": pl.concat_list(number, number + 1).list.eval(pl.element().implode()),
        "lists_of_sets": pl.concat_list(number, number).list.eval(pl.element().implode()),
    }


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
