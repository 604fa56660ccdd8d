"""Columns to Postgres by COPY: the table of Feast's own store, a row for each value, as that store fills it.

The rows of a batch are made in Postgres's binary format at once, copied into a temporary table, and moved from there in
one statement: an insert for each value, as Feast's store sends, takes many times as long.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from feast import FeatureView, RepoConfig
from feast.infra.online_stores.postgres_online_store.postgres import PostgreSQLOnlineStore
from feast.value_type import ValueType
from psycopg import Cursor, sql

from features.store.columnar.keys import check_keys, last_of_each, serialized_keys
from features.store.columnar.sql_table import BATCH_ROWS, COLUMNS, NOT_OVERTAKEN, sql_table
from features.store.columnar.texts import texts
from features.store.columnar.wire import content, encoded, fixed, joined, lengths, micros

_HEADER, _END = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
_NULL = struct.pack(">i", -1)
_EPOCH_2000 = 946_684_800_000_000


class PostgresColumns:
    """Writes tables of one feature view; with `newest`, a newer event that is stored stays, and a later correction."""

    def __init__(
        self,
        store: PostgreSQLOnlineStore,
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
        """Write every row in one transaction; how many there were. Of one key the last stays, by event with `newest`.

        `event` and `created` are the columns of timestamps; `emptied` are features to be emptied in every row.
        """
        check_keys(table, self._keys)
        with self._store._get_conn(self._config) as connection, connection.cursor() as cursor:
            for batch in table.to_batches(BATCH_ROWS):
                self._copy(cursor, self._rows(batch, event, created, emptied))
                cursor.execute(self._move())
            connection.commit()
        return int(table.num_rows)

    def _copy(self, cursor: "Cursor[Any]", parts: Iterator[memoryview]) -> None:
        columns = sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
        kept = sql.SQL("CREATE TEMPORARY TABLE IF NOT EXISTS columnar_part (LIKE {}) ON COMMIT DELETE ROWS")
        cursor.execute(kept.format(sql.Identifier(self._table)))
        cursor.execute("TRUNCATE columnar_part")
        copy = sql.SQL("COPY columnar_part ({}) FROM STDIN (FORMAT BINARY)").format(columns)
        with cursor.copy(copy) as receiver:
            receiver.write(_HEADER)
            for part in parts:
                receiver.write(part)
            receiver.write(_END)

    def _move(self) -> sql.Composed:
        columns = sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
        changed = sql.SQL(", ").join(
            sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(column)) for column in COLUMNS[2:]
        )
        command = sql.SQL(
            "INSERT INTO {table} AS stored ({columns}) SELECT {columns} FROM columnar_part"
            " ON CONFLICT (entity_key, feature_name) DO UPDATE SET {changed}"
        )
        whole = command.format(table=sql.Identifier(self._table), columns=columns, changed=changed)
        return whole + sql.SQL(NOT_OVERTAKEN if self._newest else "")

    def _rows(
        self, batch: pa.RecordBatch, event: str, created: str | None, emptied: Sequence[str]
    ) -> Iterator[memoryview]:
        """For each feature the rows of all entities, in the binary format of COPY."""
        order = [event, *([created] if created else [])] if self._newest else []
        # One statement moves them all, and may touch a row of the table once.
        batch, keys = last_of_each(batch, serialized_keys(batch, self._keys), order)
        head = joined(struct.pack(">h", len(COLUMNS)), *_field(keys))
        times = [*_time(batch.column(event)), *([_NULL] if created is None else _time(batch.column(created)))]
        for name, kind in self._kinds.items():
            column = batch.column(name)
            value = encoded(column, kind, name)
            yield content(
                joined(head, _fixed_field(name.encode()), *_field(value), *_text(column, kind, value, name), *times)
            )
        for name in emptied:
            yield content(joined(head, _fixed_field(name.encode()), _fixed_field(b""), _NULL, *times))


def _text(column: pa.Array, kind: ValueType, value: pa.BinaryArray, name: str) -> list[pa.BinaryArray | bytes]:
    """The value as Feast's store has it as text; null where there is none."""
    written = pa.array(texts(column, kind, value, name), pa.string())
    sizes = np.where(written.is_valid(), lengths(written.fill_null("")), -1)
    return [fixed(b"", sizes.astype(">i4")), pc.cast(written.fill_null(""), pa.binary())]


def _time(column: pa.Array) -> list[pa.BinaryArray | bytes]:
    """Microseconds since 2000; null where there is none."""
    since, there = (micros(column) - _EPOCH_2000).astype(">i8"), column.is_valid()
    return [pc.if_else(there, fixed(struct.pack(">i", 8), since), _NULL)]


def _field(values: pa.BinaryArray) -> list[pa.BinaryArray | bytes]:
    return [fixed(b"", lengths(values).astype(">i4")), values]


def _fixed_field(value: bytes) -> bytes:
    return struct.pack(">i", len(value)) + value
