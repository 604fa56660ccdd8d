"""Which online stores columns can be written to, and by what."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

import pyarrow as pa
from feast import FeatureView, RepoConfig
from feast.infra.online_stores.helpers import get_online_store_from_config
from feast.infra.online_stores.online_store import OnlineStore
from feast.infra.online_stores.postgres_online_store.postgres import PostgreSQLOnlineStore
from feast.infra.online_stores.redis import RedisOnlineStore, RedisType
from feast.value_type import ValueType

from features.store.columnar.postgres import PostgresColumns
from features.store.columnar.redis import RedisColumns
from features.store.columnar.sqlite import SqliteColumns
from features.store.postgres import ReconnectingPostgresOnlineStore

_SEARCHED = ("vector_enabled", "enable_openai_compatible_store")
"""Settings of stores that search: vectors and numbers beside the text are columns more, and left to Feast."""


class Columns(Protocol):
    """What writes tables of one feature view."""

    def write(self, table: pa.Table, event: str, created: str | None = None, emptied: Sequence[str] = ()) -> int:
        """Write every row; how many the store has taken."""


def columns_of(
    store: OnlineStore,
    config: RepoConfig,
    view: FeatureView,
    keys: Mapping[str, ValueType] | None = None,
    *,
    newest: bool = False,
) -> Columns | None:
    """What writes columns to `store`; None: Feast's own way has to do. With `newest`, a newer stored event stays."""
    if isinstance(store, RedisOnlineStore) and config.online_store.redis_type == RedisType.redis:
        return RedisColumns(store, config, view, keys, newest=newest)
    if any(getattr(config.online_store, one, False) for one in _SEARCHED):
        return None
    if isinstance(store, PostgreSQLOnlineStore):
        return PostgresColumns(store, config, view, keys, newest=newest)
    # By its name: importing Feast's SQLite store changes how the whole process writes dates to SQLite.
    if (type(store).__module__, type(store).__name__) == ("feast.infra.online_stores.sqlite", "SqliteOnlineStore"):
        return SqliteColumns(store, config, view, keys, newest=newest)
    return None


@contextmanager
def opened(config: RepoConfig) -> Iterator[OnlineStore]:
    """The online store of a configuration, for a process that writes some rows: connections to Postgres are closed."""
    store = get_online_store_from_config(config.online_store)
    try:
        yield store
    finally:
        if isinstance(store, ReconnectingPostgresOnlineStore):
            store.disconnect()
        elif isinstance(store, PostgreSQLOnlineStore):
            if store._conn:
                store._conn.close()
            if store._conn_pool:
                store._conn_pool.close()
