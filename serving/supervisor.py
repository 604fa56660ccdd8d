"""One process per machine: runs the BentoML workers as a child and keeps the releases that they serve up to date."""

import fcntl
import http.client
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from types import FrameType

from infra.processes import start_time
from serving.following import Champions, Check, Followed, follow_once
from serving.launch import Launch, Note, ServiceError, note_path, read_note
from serving.logs import log_to_stderr
from serving.pointers import pointed, pointed_portfolios, read_workers, write_fault
from serving.server import Server

FOLLOW_SECONDS = 1.0
RETRY_SECONDS = 5.0
READY_SECONDS = 150.0
_log = logging.getLogger("lendloop.supervisor")


def open_champions(launch: Launch) -> Champions:
    """The registry that the launch names."""
    from training.registry import Registry

    registry: Champions = Registry(launch.mlflow_uri, launch.mlflow_artifacts)
    return registry


def release_check(launch: Launch) -> Check:
    """What a release must pass before it is served.

    Its digests are right, its features can be read online, and are as fresh as those of the release that serves now.
    """

    def check(portfolio: str, folder: Path) -> None:
        from serving.desk import now, open_desk
        from serving.freshness import check_switch

        urls = {"registry": launch.feature_registry, "online": launch.online_store}
        open_desk(portfolio, folder, **urls).rehearse()
        served = pointed(launch.releases, portfolio)
        serving = launch.releases / served if served else None
        for warning in check_switch(folder, serving, at=None if launch.replay else now(), **urls):
            _log.warning("stale features", extra={"release": folder.name, "found": warning})

    return check


def follow(launch: Launch, champions: Champions, check: Check, portfolio: str) -> Followed | None:
    """`follow_once`, with a fault noted for the service to tell instead of raised."""
    try:
        followed = follow_once(launch.releases, portfolio, champions, check)
    except Exception as error:  # whatever a registry, a disk or a release comes up with: the last good one stays
        write_fault(launch.releases, portfolio, f"{type(error).__name__}: {error}")
        return None
    write_fault(launch.releases, portfolio, None)
    return followed


def serve(launch: Launch, *, on_ready: Callable[[Note], None] | None = None, stop: Event | None = None) -> None:
    """Run the service until SIGTERM or SIGINT, or until `stop` is set; call it from the main thread.

    Raises `ServiceError` when it cannot start: the port is taken, another runs on this home, nothing to serve.
    """
    stop = stop or Event()
    with _only_one(launch), _signals(stop):
        check_port(launch)
        champions, check = open_champions(launch), release_check(launch)
        _first_look(launch, champions, check)
        with _workers(launch) as child:
            note = _ready(launch, child, stop)
            if note and on_ready:
                on_ready(note)
            _watch(launch, child, champions, check, stop)


def check_port(launch: Launch) -> None:
    """Raise `ServiceError` when the address cannot be bound."""
    family = socket.AF_INET6 if ":" in launch.host else socket.AF_INET
    with socket.socket(family) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((launch.host, launch.port))
        except OSError as error:
            raise ServiceError(
                f"cannot listen on {launch.host}:{launch.port}: {error.strerror}; end what uses the port, "
                "or choose another with LENDLOOP_PORT"
            ) from None


def is_ready(launch: Launch, seconds: float = 1.0) -> bool:
    """Whether a worker says that it is ready."""
    connection = http.client.HTTPConnection(launch.host, launch.port, timeout=seconds)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _first_look(launch: Launch, champions: Champions, check: Check) -> None:
    faults = []
    for portfolio in launch.portfolios:
        try:
            follow_once(launch.releases, portfolio, champions, check)
            write_fault(launch.releases, portfolio, None)
        except Exception as error:
            write_fault(launch.releases, portfolio, f"{type(error).__name__}: {error}")
            faults.append(f"{portfolio}: {error}")
    if not pointed_portfolios(launch.releases):
        found = "; ".join(faults) or f"none of {list(launch.portfolios)} has a champion"
        raise ServiceError(f"there is no release to serve ({found}); make one with `lendloop run month`")


@contextmanager
def _workers(launch: Launch) -> Iterator[Server]:
    child = Server(launch)
    try:
        yield child
    finally:
        child.stop()
        note_path(launch.folder).unlink(missing_ok=True)


def _ready(launch: Launch, child: Server, stop: Event) -> Note | None:
    until = time.monotonic() + READY_SECONDS
    while not stop.is_set():
        if (code := child.ended()) is not None:
            raise ServiceError(f"the server ended with code {code} before it was ready; its log says why")
        # One worker that is ready would do for the first requests, and be alone with all of them.
        if is_ready(launch) and len(read_workers(launch.releases)) >= launch.workers:
            return _take_note(launch)
        if time.monotonic() > until:
            raise ServiceError(f"the server was not ready within {READY_SECONDS:g} s; GET {launch.url}/readyz says why")
        stop.wait(0.1)
    return None


def _take_note(launch: Launch) -> Note:
    pid = os.getpid()
    note = Note(
        pid=pid,
        started=start_time(pid) or 0,
        url=launch.url,
        bento=launch.bento,
        workers=launch.workers,
        settings=launch.digest(),
    )
    path = note_path(launch.folder)
    new = path.with_suffix(".new")
    new.write_text(note.model_dump_json(indent=1) + "\n", encoding="utf-8")
    new.chmod(0o600)
    new.replace(path)
    _log.info("service is ready", extra={"url": launch.url, "pid": pid})
    return note


def _watch(launch: Launch, child: Server, champions: Champions, check: Check, stop: Event) -> None:
    again: dict[str, float] = {}
    while not stop.wait(FOLLOW_SECONDS):
        if child.ended() is not None:
            child.restart()
        for portfolio in sorted({*launch.portfolios, *pointed_portfolios(launch.releases)}):
            if time.monotonic() < again.get(portfolio, 0.0):
                continue
            # A check loads the whole release: one that fails is not repeated each second.
            if follow(launch, champions, check, portfolio) is None:
                again[portfolio] = time.monotonic() + RETRY_SECONDS


@contextmanager
def _only_one(launch: Launch) -> Iterator[None]:
    launch.folder.mkdir(parents=True, exist_ok=True)
    with (launch.folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            running = read_note(launch.folder)
            found = f"at {running.url}, process {running.pid}" if running else "and is starting or stopping"
            raise ServiceError(f"a service runs on {launch.home} already, {found}; stop that one first") from None
        yield


@contextmanager
def _signals(stop: Event) -> Iterator[None]:
    def on_signal(_sign: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {sign: signal.signal(sign, on_signal) for sign in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)


def main() -> int:
    """Run the service with the `Launch` given as JSON on standard input, as `serving.deployment.start` does."""
    log_to_stderr()
    try:
        serve(Launch.model_validate_json(sys.stdin.read()))
    except ServiceError as error:
        _log.error("service cannot run", extra={"fault": str(error)})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
