"""Rows of a feature table to and from an online store, in Feast's own values."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl
from feast import FeatureView, RepoConfig, ValueType
from feast.infra.online_stores.online_store import OnlineStore
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value

from features.spec import CREATED, EVENT
from features.store.columnar.writers import columns_of
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
    """Write rows; how many the store says it wrote.

    `retired` are features the view no longer has: they are emptied, or a release that still reads them would take
    their old values for as new as the row.
    """
    key = view.join_keys[0]
    kind = ValueType.STRING if rows[key].dtype == pl.String else ValueType.INT64
    if columns := columns_of(store, config, view, {key: kind}):
        return columns.write(rows.to_arrow(), EVENT, CREATED, retired)
    if not isinstance(store, RowSqliteOnlineStore):
        raise TypeError(f"found an online store of type {type(store).__name__}, expected SQLite, Redis or Postgres")
    # In batches, so that memory is bounded.
    return sum(store.online_write_frame(config, view, batch) for batch in rows.iter_slices(BATCH_ROWS))


def _key(key: Any) -> Value:
    return Value(string_val=key) if isinstance(key, str) else Value(int64_val=key)
