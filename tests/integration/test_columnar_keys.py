"""Keys of every type that Feast can serialize, on real servers: our compute engine writes the bytes of Feast's."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, ValueType
from feast.infra.key_encoding_utils import _serialize_val
from feast.protos.feast.types.Value_pb2 import Value
from feast.types import Float64

from features.store.columnar.keys import MissingKey
from features.store.columnar.writers import columns_of
from features.store.postgres import ReconnectingPostgresOnlineStore
from tests.integration.online_content import Online, conformance_config

pytestmark = [
    pytest.mark.integration,
    pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning"),
]
OURS = "features.store.columnar.engine.ColumnarComputeEngine"
AT = datetime(2024, 2, 1, tzinfo=UTC)
KEYS: dict[ValueType, Any] = {
    ValueType.INT32: pl.Series([1, -2, 3], dtype=pl.Int32),
    ValueType.INT64: [1, -2, 2**53 + 1],
    ValueType.STRING: ["a", "", "地区"],
    ValueType.BYTES: [b"a", b"\xff\x00", b"ccc"],
    ValueType.UNIX_TIMESTAMP: [AT, AT + timedelta(microseconds=1_500_000), datetime(1969, 12, 31, 23, tzinfo=UTC)],
}


def materialized(folder: Path, online: Online, engine: str, kind: ValueType, keys: Any) -> Any:
    """What the online store holds after `engine` has run."""
    pl.DataFrame({"customer_id": keys, "at": AT, "real": [1.0, 2.0, 3.0]}).write_parquet(folder / "rows.parquet")
    with applied(folder, online, engine, kind) as store:
        store.materialize(AT - timedelta(days=1), AT + timedelta(days=1))
        return online.content()


@contextmanager
def applied(folder: Path, online: Online, engine: str, kind: ValueType) -> Iterator[FeatureStore]:
    """A store with one view over `folder/rows.parquet`, whose key is of `kind`."""
    config = conformance_config(folder, online, engine)
    customer = Entity(name="customer", join_keys=["customer_id"], value_type=kind)
    source = FileSource(name="rows", path=str(folder / "rows.parquet"), timestamp_field="at")
    view = FeatureView(name="stats", entities=[customer], schema=[Field(name="real", dtype=Float64)], source=source)
    store = FeatureStore(config=config)
    store.apply([customer, view])
    try:
        yield store
    finally:
        if isinstance(store.provider.online_store, ReconnectingPostgresOnlineStore):
            store.provider.online_store.disconnect()


@pytest.mark.parametrize("kind", KEYS, ids=lambda kind: kind.name)
def test_keys_are_written_as_feast_writes_them(tmp_path: Path, online: Online, kind: ValueType) -> None:
    wanted = materialized(tmp_path, online, "local", kind, KEYS[kind])
    assert len(wanted) == 3
    online.empty()
    assert materialized(tmp_path, online, OURS, kind, KEYS[kind]) == wanted


def test_no_key_of_another_type_can_be_serialized() -> None:
    """A type that a later Feast serializes as a key has to be listed above."""
    for field in {one.name for one in Value.DESCRIPTOR.fields} - {f"{kind.name.lower()}_val" for kind in KEYS}:
        with pytest.raises(ValueError, match="Value type not supported"):
            _serialize_val(field, Value())


@pytest.mark.parametrize(
    ("kind", "keys"), [(ValueType.INT64, [1, None, 3]), (ValueType.STRING, ["a", None, "c"])], ids=["INT64", "STRING"]
)
def test_a_missing_key_is_refused_and_nothing_is_written(
    tmp_path: Path, online: Online, kind: ValueType, keys: Any
) -> None:
    """One missing key made other bytes of every key beside it, or a command that Redis waited for."""
    with suppress(ValueError):
        materialized(tmp_path, online, "local", kind, keys)
    online.empty()
    with pytest.raises(MissingKey, match="'customer_id': found 1 of 3 rows without a key"):
        materialized(tmp_path, online, OURS, kind, keys)
    assert not online.content()


def test_of_rows_with_the_same_key_bytes_the_newest_stays_in_any_order(tmp_path: Path, online: Online) -> None:
    """Feast keeps whole seconds of a key: three values of these are one, and come in whatever order DuckDB gives."""
    tick, hour = timedelta(microseconds=5), timedelta(hours=1)
    rows = [
        {"customer_id": AT, "at": AT, "created": AT + 9 * hour, "real": 1.0},
        {"customer_id": AT + tick, "at": AT + tick, "created": AT + 2 * hour, "real": 2.0},
        {"customer_id": AT + 2 * tick, "at": AT + tick, "created": AT + hour, "real": 3.0},
        {"customer_id": AT + timedelta(seconds=1), "at": AT, "created": AT, "real": 4.0},
    ]
    pl.DataFrame(rows).write_parquet(tmp_path / "rows.parquet")
    asked = [{"customer_id": AT}, {"customer_id": AT + timedelta(seconds=1)}]
    with applied(tmp_path, online, OURS, ValueType.UNIX_TIMESTAMP) as store:
        writer = columns_of(store.provider.online_store, store.config, store.get_feature_view("stats"), newest=True)
        assert writer is not None
        for order in permutations(rows):
            writer.write(pl.DataFrame(order).to_arrow(), "at", "created")
            assert store.get_online_features(["stats:real"], asked).to_dict()["real"] == [2.0, 4.0]
            online.empty()


def test_of_rows_with_the_same_key_bytes_the_last_stays_where_events_do_not_count(
    tmp_path: Path, online: Online
) -> None:
    rows = {
        "customer_id": [AT, AT + timedelta(microseconds=5)],
        "at": [AT + timedelta(hours=1), AT],
        "real": [1.0, 2.0],
    }
    pl.DataFrame(rows).write_parquet(tmp_path / "rows.parquet")
    with applied(tmp_path, online, OURS, ValueType.UNIX_TIMESTAMP) as store:
        writer = columns_of(store.provider.online_store, store.config, store.get_feature_view("stats"))
        assert writer is not None
        writer.write(pl.DataFrame(rows).to_arrow(), "at")
        assert store.get_online_features(["stats:real"], [{"customer_id": AT}]).to_dict()["real"] == [2.0]
