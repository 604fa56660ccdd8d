"""An online store in an SQLite file: one table a view, one row an entity, one column a feature, as a person expects.

Feast's own keeps a row for each single value: 20 s a month for 30,000 customers of 45 features, where this takes less
than one. Feast finds the class by its dotted path; `get_online_features` and everything else read it as any store.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import polars as pl
from feast import Entity, FeatureView, RepoConfig
from feast.infra.online_stores.online_store import OnlineStore
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.repo_config import FeastConfigBaseModel

from features.spec import CREATED, EVENT

BUSY_SECONDS = 10.0
# No feature can be called so: a name in features.yaml begins with a letter.
KEY_COLUMN, EVENT_COLUMN, CREATED_COLUMN = "_key", "_event", "_created"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_READ_KEYS = 500

OnlineRow = tuple[EntityKey, dict[str, Value], datetime, datetime | None]
FoundRow = tuple[datetime | None, dict[str, Value] | None]


class RowSqliteOnlineStoreConfig(FeastConfigBaseModel):
    """Where the file is."""

    type: Literal["features.store.sqlite.RowSqliteOnlineStore"] = "features.store.sqlite.RowSqliteOnlineStore"
    path: str


class RowSqliteOnlineStore(OnlineStore):
    """The store; times are microseconds since 1970 in UTC, values are plain numbers and text.

    Columns have no type, so a feature that changes from number to text needs no new table.
    """

    def __init__(self) -> None:
        self.patience = BUSY_SECONDS
        self._mine = threading.local()
        self._all: list[sqlite3.Connection] = []

    def online_write_frame(self, config: RepoConfig, table: FeatureView, frame: pl.DataFrame) -> int:
        """Write rows (key, both timestamps, all features of the view), one transaction; how many were written."""
        names = [field.name for field in table.features]
        key = table.join_keys[0]
        rows = frame.select(key, pl.col(EVENT, CREATED).dt.epoch("us"), *names).rows()
        return self._replace(config, table, names, rows)

    def online_write_batch(
        self, config: RepoConfig, table: FeatureView, data: list[OnlineRow], progress: Callable[[int], Any] | None
    ) -> None:
        """Write rows in Feast's own form."""
        names = [field.name for field in table.features]
        rows = [
            (_plain(key.entity_values[0]), _epoch(event), _epoch(created), *(_plain(values[name]) for name in names))
            for key, values, event, created in data
        ]
        written = self._replace(config, table, names, rows)
        if progress:
            progress(written)

    def online_read(
        self,
        config: RepoConfig,
        table: FeatureView,
        entity_keys: list[EntityKey],
        requested_features: list[str] | None = None,
    ) -> list[FoundRow]:
        """The row of each key, or (None, None) where there is none."""
        names = requested_features or [field.name for field in table.features]
        rows = self.plain_rows(config, table, [_plain(key.entity_values[0]) for key in entity_keys])
        return [
            (None, None) if time is None else (time, {name: _value(values.get(name)) for name in names})
            for time, values in rows
        ]

    def plain_rows(
        self, config: RepoConfig, table: FeatureView, keys: Sequence[int | str]
    ) -> list[tuple[datetime | None, Mapping[str, Any]]]:
        """The event time and all columns of each key's row, or None and no columns where there is none."""
        found: dict[Any, tuple[datetime | None, Mapping[str, Any]]] = {}
        for first in range(0, len(keys), _READ_KEYS):
            some = keys[first : first + _READ_KEYS]
            marks = ",".join("?" * len(some))
            # All columns: one that an older file lacks is a missing value, while naming it would give its name as text.
            query = f"SELECT * FROM {_table(config, table)} WHERE {KEY_COLUMN} IN ({marks})"
            cursor = self._connected(config).execute(query, some)
            columns = [column[0] for column in cursor.description]
            for values in cursor:
                row = dict(zip(columns, values, strict=True))
                found[row[KEY_COLUMN]] = (_time(row[EVENT_COLUMN]), row)
        return [found.get(key, (None, {})) for key in keys]

    def update(
        self,
        config: RepoConfig,
        tables_to_delete: Sequence[FeatureView],
        tables_to_keep: Sequence[FeatureView],
        entities_to_delete: Sequence[Entity],
        entities_to_keep: Sequence[Entity],
        partial: bool,
    ) -> None:
        """Make tables and columns that are missing; drop the tables of views that are gone."""
        with self._connected(config) as connection:
            for view in tables_to_delete:
                connection.execute(f"DROP TABLE IF EXISTS {_table(config, view)}")
            for view in tables_to_keep:
                _make_table(connection, _table(config, view), [field.name for field in view.features])

    def teardown(self, config: RepoConfig, tables: Sequence[FeatureView], entities: Sequence[Entity]) -> None:
        """Drop the tables."""
        self.update(config, tables, [], [], [], partial=False)

    def disconnect(self) -> None:
        """Close the connections of all threads."""
        for connection in self._all:
            connection.close()
        self._all.clear()
        self._mine = threading.local()

    def _replace(self, config: RepoConfig, table: FeatureView, names: list[str], rows: Iterable[Any]) -> int:
        columns = [KEY_COLUMN, EVENT_COLUMN, CREATED_COLUMN, *names]
        # REPLACE, not an update: a feature no longer in the view becomes empty, rather than old under a new time.
        statement = f"REPLACE INTO {_table(config, table)} ({_listed(columns)}) VALUES ({','.join('?' * len(columns))})"
        with self._connected(config) as connection, closing(connection.cursor()) as cursor:
            return cursor.executemany(statement, rows).rowcount

    def _connected(self, config: RepoConfig) -> sqlite3.Connection:
        found: sqlite3.Connection | None = getattr(self._mine, "connection", None)
        if found is None:
            self._mine.connection = found = _connect(config.online_store.path, self.patience)
            self._all.append(found)
        return found


def _connect(path: str, patience: float) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=patience, check_same_thread=False)
    # With a write-ahead log the service reads while a month is written; NORMAL survives any crash of a process.
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def _make_table(connection: sqlite3.Connection, table: str, names: list[str]) -> None:
    fixed = f"{KEY_COLUMN} PRIMARY KEY NOT NULL, {EVENT_COLUMN} INTEGER NOT NULL, {CREATED_COLUMN} INTEGER"
    connection.execute(f"CREATE TABLE IF NOT EXISTS {table} ({fixed})")
    there = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
    for name in names:
        if name not in there:
            connection.execute(f'ALTER TABLE {table} ADD COLUMN "{name}"')


def _table(config: RepoConfig, view: FeatureView) -> str:
    return f'"{config.project}.{view.name}"'


def _listed(columns: list[str]) -> str:
    return ", ".join(f'"{column}"' for column in columns)


def _plain(value: Value) -> Any:
    kind = value.WhichOneof("val")
    return getattr(value, kind) if kind else None


def _value(plain: Any) -> Value:
    if plain is None:
        return Value()
    return Value(string_val=plain) if isinstance(plain, str) else Value(double_val=plain)


def _epoch(time: datetime | None) -> int | None:
    if time is None:
        return None
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(microseconds=1)


def _time(epoch: int) -> datetime:
    return _EPOCH + timedelta(microseconds=epoch)
