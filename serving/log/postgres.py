"""Postgres for the log in production: several workers share one chain by locking its head while they commit."""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import psycopg

from serving.log.database import LogUnavailable, Row, Session

T = TypeVar("T")

# A worker that freezes must not hold the head of the chain for ever: the server ends its turn.
SETTINGS = (
    "SET synchronous_commit = on; SET lock_timeout = '5s'; SET statement_timeout = '20s';"
    "SET idle_in_transaction_session_timeout = '5s'; SET timezone = 'UTC'"
)
CONNECT_TIMEOUT = 3  # seconds
CREATE_LOCK = 0x6C656E646C6F6F70  # "lendloop": the advisory lock under which tables are created


class PostgresDatabase:
    """One writing and one reading connection, opened when needed and again after the server was away."""

    def __init__(self, url: str, *, read_only: bool = False) -> None:
        try:
            self.name = _shown(url)
        except psycopg.Error as error:
            raise LogUnavailable(f"not a Postgres URL: {error}; expected postgresql://user@host/database") from None
        settings = SETTINGS + ("; SET default_transaction_read_only = on" if read_only else "")
        self._writer = _Line(url, self.name, settings, autocommit=False)
        self._reader = _Line(url, self.name, settings, autocommit=True)

    def write(self, work: Callable[[Session], T]) -> T:
        """What `work` returns, after its transaction is on disk; runs again once when the connection was lost."""
        return self._writer.transaction(work)

    def stage(self, work: Callable[[Session], T]) -> None:
        """None: every statement waits for the server."""

    def read(self, work: Callable[[Session], T]) -> T:
        """What `work` returns; each of its statements sees what is committed."""
        return self._reader.transaction(work)

    def snapshot(self, work: Callable[[Session], T]) -> T:
        """What `work` returns from the state at its first statement."""

        def taken(session: Session) -> T:
            session.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            session.run("SET LOCAL idle_in_transaction_session_timeout = 0")  # it locks nothing while others wait
            return work(session)

        return self._reader.transaction(taken)

    def create(self, statements: Sequence[str]) -> None:
        """Create tables; IF NOT EXISTS alone fails when two processes run it together."""

        def work(session: Session) -> None:
            session.run("SET LOCAL statement_timeout = 0")  # a large table's index takes longer than a statement should
            for statement in statements:
                session.run(statement)

        self.alone(work)

    def alone(self, work: Callable[[Session], T]) -> T:
        """What `work` returns, under an advisory lock of the whole database."""

        def locked(session: Session) -> T:
            session.rows("SELECT pg_advisory_xact_lock(?)", [CREATE_LOCK])
            return work(session)

        return self.write(locked)

    def scrub(self, table: str) -> None:
        """Vacuum the table, which clears its dead rows; the server's own write-ahead log and archives stay."""

        def vacuum(session: Session) -> None:
            session.run("SET statement_timeout = 0")  # a large table takes longer than a statement should
            try:
                session.run(f"VACUUM {table}")
            finally:
                session.run(SETTINGS)

        self._reader.transaction(vacuum)

    def tidy(self) -> None:
        """Nothing: the server's autovacuum goes on where a vacuum had to leave rows to old readers."""

    def close(self) -> None:
        """Close both connections."""
        self._writer.close()
        self._reader.close()


class _Line:
    """A connection that one thread uses at a time."""

    def __init__(self, url: str, name: str, settings: str, *, autocommit: bool) -> None:
        self._url, self._name, self._autocommit, self._settings = url, name, autocommit, settings
        self._lock, self._closed = threading.Lock(), False
        self._connection: psycopg.Connection[Row] | None = None

    def transaction(self, work: Callable[[Session], T]) -> T:
        with self._lock:
            if self._closed:
                raise LogUnavailable(f"{self._name} was closed by this process; expected it to be opened anew")
            fresh = self._connection is None
            try:
                try:
                    return self._attempt(work)
                except psycopg.Error:
                    # A server that restarted leaves a dead connection. The commit may have arrived before it died:
                    # trying again is safe, because records are unique by id and find themselves.
                    if fresh or self._connection is not None:
                        raise
                    return self._attempt(work)
            except psycopg.Error as error:
                raise LogUnavailable(f"{self._name}: {_reason(error)}") from error

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._drop()

    def _attempt(self, work: Callable[[Session], T]) -> T:
        if self._connection is None:
            self._connection = self._connect()
        connection = self._connection
        try:
            with connection.cursor() as cursor:
                result = work(_PostgresSession(cursor))
            connection.commit()
            return result
        except BaseException:
            with suppress(psycopg.Error):
                connection.rollback()
            if connection.closed or connection.broken:
                self._drop()
            raise

    def _connect(self) -> "psycopg.Connection[Row]":
        connection = psycopg.connect(
            self._url, connect_timeout=CONNECT_TIMEOUT, autocommit=True, client_encoding="utf8"
        )
        connection.execute(self._settings.encode())
        connection.autocommit = self._autocommit
        return connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


class _PostgresSession:
    for_update = " FOR UPDATE"

    def __init__(self, cursor: psycopg.Cursor[Row]) -> None:
        self._cursor = cursor

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        return self._cursor.execute(_marked(sql), values).fetchall()

    def run(self, sql: str, values: Sequence[Any] = ()) -> None:
        self._cursor.execute(_marked(sql), values)

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        # COPY for a single row too: INSERT in a pipeline, measured beside it, saves 5 % there and loses from ten on.
        with self._cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN".encode()) as copy:
            for row in rows:
                copy.write_row(row)

    def columns(self, table: str) -> list[str]:
        sql = (
            "SELECT column_name::text FROM information_schema.columns"
            " WHERE table_schema = current_schema() AND table_name = ? ORDER BY ordinal_position"
        )
        return [name for (name,) in self.rows(sql, [table])]

    def among(self, values: Sequence[str]) -> tuple[str, Any]:
        return "(SELECT unnest(?::text[]))", list(values)


def _marked(sql: str) -> bytes:
    return sql.replace("?", "%s").encode()


def _shown(url: str) -> str:
    """The URL without user and password, for messages."""
    parts = psycopg.conninfo.conninfo_to_dict(url)
    return f"postgresql://{parts.get('host', '')}/{parts.get('dbname', '')}"


def _reason(error: psycopg.Error) -> str:
    found = " ".join(str(error).split())
    return f"{found}; expected a Postgres server that answers and can be written; check that it runs and has free space"
