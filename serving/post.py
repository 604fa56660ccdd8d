"""What only the supervisor of a home holds: its lock, the listening socket, and its place for the next one."""

import fcntl
import os
import socket
import time
from dataclasses import dataclass

from serving.handover import Offer, Taken, take
from serving.launch import Launch, ServiceError, read_note
from serving.pointers import read_workers
from serving.server import LINGER_SECONDS

BACKLOG = 2048


@dataclass
class Post:
    """What only the supervisor of a home holds."""

    listener: socket.socket
    lock: int
    taken: Taken | None = None
    offer: Offer | None = None
    handed_over: bool = False
    """The next one has it, with the note and the counters of the home."""

    def leave(self) -> None:
        """Let go of all but the listening socket."""
        os.close(self.lock)
        if self.taken:
            self.taken.before.close()
        if self.offer:
            self.offer.close()


def take_post(launch: Launch, *, take_over: bool = False) -> Post:
    """The lock of the home and the listening socket: from the supervisor that runs, or else new."""
    launch.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    taken = take(launch.folder) if take_over else None
    if taken is None:
        lock = _lock(launch)
        return Post(listen(launch), lock)
    if taken.listener.getsockname()[:2] == (launch.host, launch.port):
        return Post(taken.listener, taken.lock, taken)
    taken.listener.close()  # it is to answer elsewhere from now on
    return Post(listen(launch), taken.lock, taken)


def listen(launch: Launch) -> socket.socket:
    """The listening socket; raises `ServiceError` when the address cannot be bound."""
    # Workers whose supervisor was killed let go of the port within a moment, as soon as they hear of it.
    until = time.monotonic() + (LINGER_SECONDS if read_workers(launch.releases) else 0.0)
    while True:
        try:
            return _bind(launch)
        except OSError as error:
            if time.monotonic() >= until:
                raise ServiceError(
                    f"cannot listen on {launch.host}:{launch.port}: {error.strerror}; end what uses the port, "
                    "or choose another address with LENDLOOP_HOST and LENDLOOP_PORT"
                ) from None
        time.sleep(0.05)


def _bind(launch: Launch) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in launch.host else socket.AF_INET)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((launch.host, launch.port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


def _lock(launch: Launch) -> int:
    lock = os.open(launch.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        running = read_note(launch.folder)
        found = f"at {running.url}, process {running.pid}" if running else "and is starting or stopping"
        raise ServiceError(f"a service runs on {launch.home} already, {found}; stop that one first") from None
    return lock
