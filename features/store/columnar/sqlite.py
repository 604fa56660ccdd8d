"""Columns to Feast's own SQLite store: its table, a row for each value, many values in one call.

Feast's store makes a protobuf object and a statement for each value; here the bytes of a column are made at once, and
rows are written in the order of the table's keys, so that SQLite fills page after page.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from feast import FeatureView, RepoConfig
from feast.value_type import ValueType

from features.store.columnar.keys import check_keys, last_of_each, serialized_keys
from features.store.columnar.sql_table import BATCH_ROWS, COLUMNS, NOT_OVERTAKEN, sql_table
from features.store.columnar.texts import texts
from features.store.columnar.wire import encoded, micros

_EPOCH = datetime(1970, 1, 1)
Rows = Iterator[tuple[Any, ...]]


class SqliteColumns:
    """Writes tables of one feature view; with `newest`, a newer event that is stored stays, and a later correction.

    `store` is Feast's `SqliteOnlineStore`, which is not imported for it: that changes how the whole process writes
    dates to SQLite. It keeps whole seconds.
    """

    def __init__(
        self,
        store: Any,
        config: RepoConfig,
        view: FeatureView,
        keys: Mapping[str, ValueType] | None = None,
        *,
        newest: bool = False,
    ) -> None:
        self._store, self._config = store, config
        table = sql_table(config, view, keys)
        self._table, self._keys, self._kinds = table.name, table.keys, table.kinds
        self._newest = newest

    def write(self, table: pa.Table, event: str, created: str | None = None, emptied: Sequence[str] = ()) -> int:
        """Write every row in one transaction; how many there were.

        `event` and `created` are the columns of timestamps; `emptied` are features to be emptied in every row.
        """
        check_keys(table, self._keys)
        keys = pa.chunked_array([serialized_keys(batch, self._keys) for batch in table.to_batches()], pa.binary())
        in_order = table.take(pc.sort_indices(keys))
        with self._store._get_conn(self._config) as connection:
            for batch in in_order.to_batches(BATCH_ROWS):
                connection.executemany(self._statement(), self._rows(batch, event, created, emptied))
        return int(table.num_rows)

    def _statement(self) -> str:
        changed = ", ".join(f"{column} = excluded.{column}" for column in COLUMNS[2:])
        table = '"' + self._table.replace('"', '""') + '"'
        marks = ", ".join("?" * len(COLUMNS))
        newest = NOT_OVERTAKEN if self._newest else ""
        return (
            f"INSERT INTO {table} AS stored ({', '.join(COLUMNS)}) VALUES ({marks})"
            f" ON CONFLICT(entity_key, feature_name) DO UPDATE SET {changed}{newest}"
        )

    def _rows(self, batch: pa.RecordBatch, event: str, created: str | None, emptied: Sequence[str]) -> Rows:
        """For each entity a row of each feature."""
        order = [event, *([created] if created else [])] if self._newest else []
        batch, found = last_of_each(batch, serialized_keys(batch, self._keys), order)
        keys, size = found.to_pylist(), batch.num_rows
        times = [_times(batch.column(event)), _times(batch.column(created)) if created else [None] * size]
        features: dict[str, Iterator[Any]] = {name: zip([b""] * size, [None] * size, strict=True) for name in emptied}
        for name, kind in self._kinds.items():
            values = encoded(batch.column(name), kind, name)
            features[name] = zip(values.to_pylist(), texts(batch.column(name), kind, values, name), strict=True)
        in_order = sorted(features)
        of_each = zip(*(features[name] for name in in_order), strict=True)
        for key, event_ts, created_ts, row in zip(keys, *times, of_each, strict=True):
            for name, (value, text) in zip(in_order, row, strict=True):
                yield key, name, value, text, event_ts, created_ts


def _times(column: pa.Array) -> list[datetime | None]:
    """Each time as Feast gives it to SQLite; None where there is none. A table has few different ones."""
    different, places = np.unique(micros(column), return_inverse=True)
    made = [_EPOCH + timedelta(microseconds=int(time)) for time in different]
    return [made[place] if there else None for place, there in zip(places, column.is_valid().to_pylist(), strict=True)]
