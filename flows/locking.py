"""One run at a time for each portfolio: a lock file on one machine, Postgres's advisory locks where several share one.

Either goes with the process that holds it: the kernel or the server releases a killed run's lock. A run that holds a
portfolio holds it for all that it calls, so a month's parts do not wait for the month.
"""

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from contextvars import ContextVar
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from flows.reachable import first_line, masked
from infra.settings import Settings

if TYPE_CHECKING:
    import psycopg

POLL_SECONDS = 0.2
PREFIX = "lendloop run"
SHARED = {"LENDLOOP_MLFLOW_URI": "mlflow_url", "LENDLOOP_DECISION_LOG": "decision_log_url"}
"""The settings by which runs on several machines may share a Postgres."""
_held: ContextVar[frozenset[str]] = ContextVar("held", default=frozenset())


class PortfolioBusy(RuntimeError):
    """Another run works on the portfolio; the message says which process."""


class LocksUnavailable(RuntimeError):
    """The Postgres that holds the locks does not answer; the message names the setting."""


class Taken(Exception):
    """Somebody else has the lock; the message says who."""


class Locks(Protocol):
    """Locks by name."""

    def take(self, name: str) -> AbstractContextManager[None]:
        """Hold the lock for the length of a `with` block, or raise `Taken` at once."""

    def holder(self, name: str) -> str | None:
        """Who holds the lock now; None: nobody. Takes and makes nothing."""


@contextmanager
def exclusive(settings: Settings, name: str, *, wait: float = 0.0) -> Iterator[None]:
    """Hold a portfolio for the length of a `with` block, or raise `PortfolioBusy` after `wait` seconds.

    A run that holds it already goes on at once.
    """
    if name in _held.get():
        yield
        return
    with _taken(open_locks(settings), name, time.monotonic() + wait):
        before = _held.set(_held.get() | {name})
        try:
            yield
        finally:
            _held.reset(before)


def open_locks(settings: Settings) -> Locks:
    """Where runs under these settings meet: the Postgres that they share, or else the home folder."""
    for variable, url in SHARED.items():
        if (found := str(getattr(settings, url))).startswith("postgresql"):
            return PostgresLocks(found, variable)
    return FileLocks(settings.root() / "locks")


class FileLocks:
    """Lock files in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def take(self, name: str) -> Iterator[None]:
        """Hold `<name>.lock`."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / f"{name}.lock").open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                raise Taken(f"process {file.read().strip() or 'unknown'}") from None
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield

    def holder(self, name: str) -> str | None:
        """The process that wrote itself into `<name>.lock` and still holds it."""
        try:
            with (self._folder / f"{name}.lock").open() as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    return f"process {file.read().strip() or 'unknown'}"
        except FileNotFoundError:
            pass
        return None


class PostgresLocks:
    """Advisory locks, each held by a connection of its own."""

    def __init__(self, url: str, variable: str) -> None:
        self._variable = variable
        self._url = "postgresql://" + url.partition("://")[2]

    @contextmanager
    def take(self, name: str) -> Iterator[None]:
        """Hold the advisory lock of `name`."""
        import psycopg

        with self._connect() as connection:
            number = _number(name)
            if connection.execute("SELECT pg_try_advisory_lock(%s)", [number]).fetchone() != (True,):
                raise Taken(_holder(connection, number) or "one that has just ended")
            try:
                yield
            finally:
                # Closing would do it too, some time later: the next run may ask at once.
                with suppress(psycopg.Error):
                    connection.execute("SELECT pg_advisory_unlock(%s)", [number])

    def holder(self, name: str) -> str | None:
        """The machine and process that hold the advisory lock of `name`."""
        with self._connect() as connection:
            return _holder(connection, _number(name))

    def _connect(self) -> "psycopg.Connection[tuple[object, ...]]":
        import psycopg

        told = f"{PREFIX}: {socket.gethostname()[:32]} {os.getpid()}"
        try:
            return psycopg.connect(
                self._url, autocommit=True, connect_timeout=5, keepalives_idle=30, application_name=told
            )
        except psycopg.Error as error:
            raise LocksUnavailable(
                f"{self._variable}: Postgres at {masked(self._url)} does not answer: {first_line(error)}; start the "
                "server, correct the address, or unset it to work on files in LENDLOOP_HOME"
            ) from error


def _number(name: str) -> int:
    return int.from_bytes(sha256(f"{PREFIX} {name}".encode()).digest()[:8], signed=True)


def _holder(connection: "psycopg.Connection[tuple[object, ...]]", number: int) -> str | None:
    found = connection.execute(
        "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)"
        " WHERE locktype = 'advisory' AND granted AND (classid::bigint << 32) | objid::bigint = %s",
        [number],
    ).fetchone()
    return str(found[0]).removeprefix(f"{PREFIX}: ") if found else None


@contextmanager
def _taken(locks: Locks, name: str, until: float) -> Iterator[None]:
    held = locks.take(name)
    while True:
        try:
            held.__enter__()
            break
        except Taken as taken:
            if time.monotonic() >= until:
                message = f"another run ({taken}) works on {name}; wait for it, or end it, and run this again"
                raise PortfolioBusy(message) from None
            time.sleep(POLL_SECONDS)
            held = locks.take(name)
    try:
        yield
    finally:
        held.__exit__(None, None, None)
