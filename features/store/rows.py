"""Rows of a feature table to and from an online store, in Feast's own values."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl
from feast import FeatureView, RepoConfig, ValueType
from feast.infra.online_stores.online_store import OnlineStore
from feast.infra.online_stores.redis import RedisOnlineStore, RedisType
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value

from features.spec import CREATED, EVENT
from features.store.columnar.redis import RedisColumns
from features.store.sqlite import RowSqliteOnlineStore

BATCH_ROWS = 10_000


def entity_keys(name: str, keys: Sequence[int | str]) -> list[EntityKey]:
    """Feast's form of entity keys."""
    return [EntityKey(join_keys=[name], entity_values=[_key(key)]) for key in keys]


def plain(value: Value) -> float | str | None:
    """The number, the text, or None for a missing one."""
    kind = value.WhichOneof("val")
    return getattr(value, kind) if kind else None


def in_utc(time: datetime | None) -> datetime | None:
    """`time` with its zone; Feast's stores give UTC with or without one."""
    return time.replace(tzinfo=UTC) if time is not None and time.tzinfo is None else time


def write_rows(
    store: OnlineStore, config: RepoConfig, view: FeatureView, rows: pl.DataFrame, retired: Sequence[str] = ()
) -> int:
    """Write rows in batches, so that memory is bounded; how many rows the store says it wrote.

    `retired` are features the view no longer has: they are emptied, or a release that still reads them would take
    their old values for as new as the row.
    """
    if isinstance(store, RedisOnlineStore) and config.online_store.redis_type == RedisType.redis:
        key = view.join_keys[0]
        kind = ValueType.STRING if rows[key].dtype == pl.String else ValueType.INT64
        return RedisColumns(store, config, view, {key: kind}).write(rows.to_arrow(), EVENT, retired)
    written = 0
    for batch in rows.iter_slices(BATCH_ROWS):
        if isinstance(store, RowSqliteOnlineStore):
            written += store.online_write_frame(config, view, batch)
        else:
            written += _write_values(store, config, view, batch, retired)
    return written


def _write_values(
    store: OnlineStore, config: RepoConfig, view: FeatureView, rows: pl.DataFrame, retired: Sequence[str]
) -> int:
    names = [field.name for field in view.features]
    columns = [_values(rows[name]) for name in names]
    empty = dict.fromkeys(retired, Value())
    values = [dict(zip(names, row, strict=True)) | empty for row in zip(*columns, strict=True)]
    keys = entity_keys(view.join_keys[0], rows[view.join_keys[0]].to_list())
    data = list(zip(keys, values, rows[EVENT].to_list(), rows[CREATED].to_list(), strict=True))
    counts: list[int] = []
    store.online_write_batch(config, view, data, counts.append)
    return sum(counts)


def _values(column: pl.Series) -> list[Value]:
    if column.dtype == pl.String:
        return [Value() if one is None else Value(string_val=one) for one in column.to_list()]
    return [Value() if one is None else Value(double_val=one) for one in column.to_list()]


def _key(key: Any) -> Value:
    return Value(string_val=key) if isinstance(key, str) else Value(int64_val=key)
