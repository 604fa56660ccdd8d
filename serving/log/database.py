"""What the log asks of a database: transactions that are durable when they return. Two keep the promise."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")
Row = tuple[Any, ...]


class LogUnavailable(RuntimeError):
    """The database cannot be used now (unreachable, full, read-only, locked); nothing unconfirmed may be answered."""


class CleaningWaits(LogUnavailable):
    """What was deleted is deleted, but its bytes stay in the database's files until the next scrub."""


@dataclass(frozen=True, slots=True)
class Staged(Generic[T]):
    """A transaction that only has to be committed: `commit` blocks until it is on disk; it or `undo` must be called."""

    result: T
    commit: Callable[[], None]
    undo: Callable[[], None]


class Session(Protocol):
    """One transaction. Values stand as `?` in SQL."""

    for_update: str  # after a SELECT: no other transaction that says it of these rows passes before this one ends

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """All rows of a query."""

    def run(self, sql: str, values: Sequence[Any] = ()) -> None:
        """Run a statement that answers with no rows."""

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Insert many rows."""

    def columns(self, table: str) -> list[str]:
        """The columns of a table in their order; none when there is no such table."""

    def among(self, values: Sequence[str]) -> tuple[str, Any]:
        """The SQL after `IN` for a list of texts of any length, and the one value it takes."""


class Database(Protocol):
    """Transactions on one database, from any thread."""

    name: str

    def write(self, work: Callable[[Session], T]) -> T:
        """What `work` returns, after its transaction is on disk; it may be run again when a connection was lost."""

    def stage(self, work: Callable[[Session], T]) -> Staged[T] | None:
        """What `work` returns, its transaction still to be committed; None, and nothing done: `write` might wait."""

    def read(self, work: Callable[[Session], T]) -> T:
        """What `work` returns from one consistent state."""

    def snapshot(self, work: Callable[[Session], T]) -> T:
        """What `work` returns from one consistent state, in however many statements and while others write."""

    def create(self, statements: Sequence[str]) -> None:
        """Create tables, each IF NOT EXISTS, also while another process does the same."""

    def alone(self, work: Callable[[Session], T]) -> T:
        """What `work` returns from a transaction that no other `alone` or `create` overlaps, in whatever process."""

    def scrub(self, table: str) -> None:
        """Remove what was deleted or overwritten in `table` from the database's files, as far as it is able to.

        `CleaningWaits` when others hold it up now: what was deleted is deleted, and the next scrub cleans it too.
        """

    def tidy(self) -> None:
        """Finish, without waiting, a scrub that had to wait."""

    def close(self) -> None:
        """Close the connections."""


def open_tables(url: str, table: str, statements: Sequence[str]) -> Database:
    """The database of `url`, with `statements` run when it has no `table` yet; or `LogUnavailable`."""
    database = open_database(url)
    try:
        try:
            database.read(lambda session: session.rows(f"SELECT 1 FROM {table} LIMIT 1"))
        except LogUnavailable:
            database.create(statements)
    except LogUnavailable:
        database.close()
        raise
    return database


def open_database(url: str, *, read_only: bool = False) -> Database:
    """The database of `sqlite:///path` or `postgresql://…`, or `LogUnavailable`."""
    scheme, found, rest = url.partition("://")
    if scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
        from serving.log.sqlite import SqliteDatabase

        return SqliteDatabase(rest[1:], read_only=read_only)
    if found and scheme in ("postgresql", "postgres", "postgresql+psycopg"):
        from serving.log.postgres import PostgresDatabase

        return PostgresDatabase(f"postgresql://{rest}", read_only=read_only)
    raise LogUnavailable(
        f"decision log: found the URL scheme {scheme!r}, expected sqlite:///path/to/file.db or postgresql://…"
    )
