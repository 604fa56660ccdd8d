"""Feast's Postgres online store with connections that survive a restart of the server."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any, Literal

import psycopg
from feast import RepoConfig
from feast.infra.online_stores.postgres_online_store.postgres import PostgreSQLOnlineStore, PostgreSQLOnlineStoreConfig

CONNECT_SECONDS = 2
_NAME = "features.store.postgres.ReconnectingPostgresOnlineStore"


class ReconnectingPostgresOnlineStoreConfig(PostgreSQLOnlineStoreConfig):
    """Feast's own settings."""

    type: Literal[_NAME] = _NAME  # type: ignore[valid-type]


class ReconnectingPostgresOnlineStore(PostgreSQLOnlineStore):
    """One connection a thread; a broken one is closed, so that the next call makes a new one.

    Of Feast's own two ways, `singleton` never recovers from a restart and `pool` loses a connection at every failed
    call. The session runs in UTC: Feast writes times without a zone, and they would be read in the server's.
    """

    def __init__(self) -> None:
        self._mine = threading.local()
        self._all: list[psycopg.Connection[Any]] = []

    @contextlib.contextmanager
    def _get_conn(self, config: RepoConfig, autocommit: bool = False) -> Iterator[psycopg.Connection[Any]]:
        connection = self._connected(config)
        try:
            connection.set_autocommit(autocommit)
            yield connection
            connection.commit()
        except psycopg.OperationalError:
            connection.close()
            raise
        except BaseException:
            with contextlib.suppress(psycopg.Error):
                connection.rollback()
            raise

    def disconnect(self) -> None:
        """Close the connections of all threads."""
        for connection in self._all:
            connection.close()
        self._all.clear()

    def _connected(self, config: RepoConfig) -> psycopg.Connection[Any]:
        found: psycopg.Connection[Any] | None = getattr(self._mine, "connection", None)
        if found is None or found.closed:
            self._mine.connection = found = _connect(config.online_store)
            self._all = [connection for connection in self._all if not connection.closed]
            self._all.append(found)
        return found


def _connect(settings: ReconnectingPostgresOnlineStoreConfig) -> psycopg.Connection[Any]:
    return psycopg.connect(
        host=settings.host,
        port=settings.port,
        dbname=settings.database,
        user=settings.user,
        password=settings.password,
        sslmode=settings.sslmode,
        connect_timeout=CONNECT_SECONDS,
        options=f"-c search_path={settings.db_schema} -c timezone=UTC",
    )
