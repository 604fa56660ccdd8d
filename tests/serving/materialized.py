"""Features written as `materialize` leaves them, without a lake: registered, with rows and the note of how far."""

from datetime import UTC, datetime, timedelta

import polars as pl
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, ValueType
from feast.data_format import ParquetFormat
from feast.infra.registry.sql import SqlRegistry
from feast.types import Float64, Int64

from features.store.configuration import configure
from features.store.definitions import online_view
from features.store.postgres import ReconnectingPostgresOnlineStore
from features.store.progress import Progress, ProgressNotes
from features.store.rows import write_rows
from features.store.sqlite import RowSqliteOnlineStore
from tests.serving.small_releases import COLUMNS, PORTFOLIO


def materialize(
    view: str, until: datetime | None, *, registry: str, online: str, rows: pl.DataFrame | None = None
) -> None:
    """Register `view` of the small releases, write `rows`, and note it as materialized up to `until` (None: never)."""
    config = configure(PORTFOLIO, registry, online)
    feast = FeatureStore(config=config)
    feast.apply([CUSTOMER, _registered(view)], partial=True)
    store, table = feast.provider.online_store, online_view(view, CUSTOMER.join_key, _TYPES)
    store.update(config, [], [table], [], [], True)
    if rows is not None:
        assert write_rows(store, config, table, rows) == rows.height
    notes = ProgressNotes(store, config)
    notes.prepare()
    if until is not None:
        notes.write(view, Progress(until, "made up", tuple(_TYPES), until))
    if isinstance(store, RowSqliteOnlineStore | ReconnectingPostgresOnlineStore):
        store.disconnect()
    assert isinstance(feast.registry, SqlRegistry)
    feast.registry.write_engine.dispose()


def two_customers(safe: int, risky: int) -> pl.DataFrame:
    """Rows of yesterday: one customer who is safe, one who is not."""
    day = datetime.now(UTC) - timedelta(days=1)
    return pl.DataFrame(
        {"customer_id": [safe, risky], "utilisation": [0.1, 0.9], "late_streak": [0.0, 6.0]}
    ).with_columns(event_timestamp=pl.lit(day), created_timestamp=pl.lit(day))


CUSTOMER = Entity(name="customer", join_keys=["customer_id"], value_type=ValueType.INT64)
_TYPES = {column.name: column.dtype for column in COLUMNS}


def _registered(view: str) -> FeatureView:
    source = FileSource(
        name=view, path="unused.parquet", file_format=ParquetFormat(), timestamp_field="event_timestamp"
    )
    schema = [Field(name="customer_id", dtype=Int64), *(Field(name=name, dtype=Float64) for name in _TYPES)]
    return FeatureView(name=view, entities=[CUSTOMER], schema=schema, source=source, online=True)
