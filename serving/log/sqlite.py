"""SQLite for the embedded log: write-ahead log, every commit synced to disk, one writer at a time."""

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from serving.log.database import CleaningWaits, LogUnavailable, Row, Session, Staged

T = TypeVar("T")

PATIENCE = 5.0  # seconds that a writer waits for another process's commit; a commit takes milliseconds
PAGE_BYTES = 8192  # a record has about 2.5 KB: fewer pages, and fewer writes, than with the default of 4096
BUSY_SECONDS = 0.001  # between two looks whether the other one is done
CHECKPOINT_PAGES = 4000  # 32 MB of write-ahead log between checkpoints: each costs two syncs more
CACHE_KIB = 32_768  # the pages of four indexes that take random keys


class SqliteDatabase:
    """One file, one writing and one reading connection; each is used by one thread at a time."""

    def __init__(self, path: str, *, read_only: bool = False, one_file: bool = False) -> None:
        """`one_file`: no write-ahead log beside it, for a file that is to be moved."""
        self.name, self._one_file = f"sqlite:///{path}", one_file
        self._path, self._read_only = Path(path), read_only
        self._writer, self._reader = self._connect(), self._connect()
        self._writer.execute("PRAGMA busy_timeout=0")  # `_lock_file` waits itself, where it may
        self._writing, self._reading = threading.Lock(), threading.Lock()

    def write(self, work: Callable[[Session], T]) -> T:
        """What `work` returns, after its transaction is on disk."""
        with self._writing:
            return self._run(self._writer, work, self._lock_file)

    def stage(self, work: Callable[[Session], T]) -> Staged[T] | None:
        """What `work` returns, to be committed; None: another thread or process writes."""
        if not self._writing.acquire(blocking=False):
            return None
        try:
            with self._undone(self._writer):
                if not self._locked_file():
                    self._writing.release()
                    return None
                return Staged(work(_SqliteSession(self._writer)), self._commit_staged, self._undo_staged)
        except BaseException:
            self._writing.release()
            raise

    def read(self, work: Callable[[Session], T]) -> T:
        """What `work` returns from one consistent state; never waits for a writer."""
        with self._reading:
            return self._run(self._reader, work, lambda: self._reader.execute("BEGIN"))

    def snapshot(self, work: Callable[[Session], T]) -> T:
        """What `work` returns; the same as `read`, which has one state too."""
        return self.read(work)

    def create(self, statements: Sequence[str]) -> None:
        """Create tables; the write lock lets only one process do it."""

        def work(session: Session) -> None:
            for statement in statements:
                session.run(statement)

        self.write(work)

    def alone(self, work: Callable[[Session], T]) -> T:
        """What `work` returns: every writing transaction has the file for itself."""
        return self.write(work)

    def scrub(self, table: str) -> None:
        """Empty the write-ahead log; what is deleted is overwritten with zeros as it is deleted (`secure_delete`)."""
        deadline = time.monotonic() + PATIENCE
        with self._writing:
            try:
                while self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                    if time.monotonic() > deadline:
                        raise CleaningWaits(f"{self.name}: a reader holds old pages in the write-ahead log")
                    time.sleep(0.05)
            except sqlite3.Error as error:
                raise self._unavailable(error) from error

    def tidy(self) -> None:
        """Empty the write-ahead log if no one else uses it at this moment."""
        with self._writing, suppress(sqlite3.Error):
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def close(self) -> None:
        """Close both connections."""
        with self._writing, self._reading:
            self._writer.close()
            self._reader.close()

    def _connect(self) -> sqlite3.Connection:
        try:
            if self._read_only:
                name = f"{self._path.resolve().as_uri()}?mode=ro"
                return sqlite3.connect(name, timeout=PATIENCE, isolation_level=None, check_same_thread=False, uri=True)
            self._path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self._path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
            connection.execute(f"PRAGMA page_size={PAGE_BYTES}")  # of a new file; another keeps its own
            if not self._one_file:
                _switch_to_wal(connection)
            connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
            connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA secure_delete=ON")  # erased is overwritten, not only unlinked
            connection.execute("PRAGMA fullfsync=1")  # macOS only: a plain fsync there does not reach the disk
            return connection
        except (sqlite3.Error, OSError) as error:
            raise self._unavailable(error) from error

    def _run(self, connection: sqlite3.Connection, work: Callable[[Session], T], begin: Callable[[], object]) -> T:
        with self._undone(connection):
            begin()
            result = work(_SqliteSession(connection))
            connection.commit()
            return result

    def _commit_staged(self) -> None:
        try:
            with self._undone(self._writer):
                self._writer.commit()
        finally:
            self._writing.release()

    def _undo_staged(self) -> None:
        try:
            with suppress(sqlite3.Error):
                self._writer.rollback()
        finally:
            self._writing.release()

    @contextmanager
    def _undone(self, connection: sqlite3.Connection) -> Iterator[None]:
        """Roll back what the body leaves open by raising; what SQLite says becomes `LogUnavailable`."""
        try:
            yield
        except BaseException as error:
            with suppress(sqlite3.Error):
                connection.rollback()
            if isinstance(error, sqlite3.Error):
                raise self._unavailable(error) from error
            raise

    def _lock_file(self) -> None:
        """Begin to write; another process that writes is waited for, as patiently as SQLite would."""
        deadline = time.monotonic() + PATIENCE
        while not self._locked_file(patient=time.monotonic() < deadline):
            time.sleep(BUSY_SECONDS)

    def _locked_file(self, *, patient: bool = True) -> bool:
        """Begin to write, unless another process does."""
        try:
            self._writer.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if patient and error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                return False
            raise
        return True

    def _unavailable(self, error: Exception) -> LogUnavailable:
        return LogUnavailable(f"{self.name}: {error}; {self._advice(str(error))}")

    def _advice(self, fault: str) -> str:
        if self._path.is_dir():
            return "it is a folder, expected a database file: move it away, or set LENDLOOP_DECISION_LOG"
        if any(word in fault for word in ("not a database", "malformed")):
            return "the file is damaged: keep it aside, and bring a backup back with `lendloop log restore FILE`"
        return "expected a database file that can be written; check its folder's rights and the free space"


class _SqliteSession:
    for_update = ""  # BEGIN IMMEDIATE has locked the whole file

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        return self._connection.execute(sql, values).fetchall()

    def run(self, sql: str, values: Sequence[Any] = ()) -> None:
        self._connection.execute(sql, values)

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        marks = ", ".join("?" for _ in columns)
        self._connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)

    def columns(self, table: str) -> list[str]:
        return [name for (name,) in self.rows("SELECT name FROM pragma_table_info(?)", [table])]

    def among(self, values: Sequence[str]) -> tuple[str, Any]:
        return "(SELECT value FROM json_each(?))", json.dumps(list(values))


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    # Two processes that start together cannot both switch, and SQLite does not wait for its busy timeout here.
    deadline = time.monotonic() + PATIENCE
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
