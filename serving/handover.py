"""The listening socket and the lock of a home, passed from the supervisor that runs to the one that takes its place.

Both travel as file descriptors over a Unix socket in the home, so the port is bound and the home locked throughout: a
connection that arrives in between waits in the kernel's queue. Who asks says `READY` when its workers answer; only then
does the other drain and end. Whichever is killed on the way, the other one still holds both.
"""

import os
import selectors
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from serving.launch import ServiceError

READY = b"ready"
NAME = "handover.sock"
PATIENCE = 10.0


@dataclass(frozen=True)
class Taken:
    """What the supervisor before this one gave, and the connection to it."""

    listener: socket.socket
    lock: int
    before: socket.socket

    def ready(self) -> None:
        """Tell the one before that it can go; it is gone when `gone()`."""
        with suppress(OSError):  # it may have been killed
            self.before.send(READY)

    def gone(self) -> bool:
        """Whether the one before has ended."""
        try:
            return self.before.recv(1, socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True


def take(folder: Path) -> Taken | None:
    """What the supervisor that runs on this home gives; None: there is none.

    Raises `ServiceError` when it does not answer, or gives its place to another one already.
    """
    with socket.socket(socket.AF_UNIX) as asking, _address(folder) as address:
        asking.settimeout(PATIENCE)
        try:
            asking.connect(address)
            told, handles, _, _ = socket.recv_fds(asking, 16, 2)
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        except ConnectionError:
            told, handles = b"", []
        except TimeoutError:
            raise ServiceError(
                f"the service that runs did not hand over within {PATIENCE:g} s; stop it with `lendloop serve --stop`"
            ) from None
        if not told or len(handles) != 2:
            raise ServiceError("another deploy is replacing the service just now; try again when it is done")
        before = asking.dup()
    before.setblocking(False)
    return Taken(socket.socket(fileno=handles[0]), handles[1], before)


class Offer:
    """Offers a supervisor's place to the next one."""

    def __init__(self, folder: Path, listener: socket.socket, lock: int) -> None:
        self._given = [listener.fileno(), lock]
        self._next: socket.socket | None = None
        self._door = socket.socket(socket.AF_UNIX)
        with _address(folder, f".{os.getpid()}") as address:
            with suppress(FileNotFoundError):
                os.unlink(address)
            self._door.bind(address)
        os.chmod(folder / f"{NAME}.{os.getpid()}", 0o600)
        self._door.listen()
        self._door.setblocking(False)
        # Renamed over the old one: there is no moment without.
        os.rename(folder / f"{NAME}.{os.getpid()}", folder / NAME)

    def accepted(self, seconds: float) -> bool:
        """Wait up to `seconds`; whether the next supervisor is ready in this one's place."""
        with selectors.DefaultSelector() as waiting:
            for one in self._sockets():
                waiting.register(one, selectors.EVENT_READ)
            for key, _ in waiting.select(seconds):
                if key.fileobj is self._door:
                    self._meet()
                elif self._heard():
                    return True
        return False

    def close(self) -> None:
        """Offer it no more; the next one sees by it that this one is gone."""
        for one in self._sockets():
            one.close()

    def _sockets(self) -> list[socket.socket]:
        return [self._door, *([self._next] if self._next else [])]

    def withdraw(self) -> None:
        """Let nobody else ask; the connection to the next one stays, until this process ends."""
        self._door.close()

    def _meet(self) -> None:
        try:
            came, _ = self._door.accept()
        except BlockingIOError:
            return
        if self._next is not None:
            came.close()  # one at a time
            return
        try:
            socket.send_fds(came, [b"yours"], self._given)
        except OSError:
            came.close()
            return
        self._next = came

    def _heard(self) -> bool:
        assert self._next is not None
        try:
            if self._next.recv(16) == READY:
                return True
        except OSError:
            pass
        self._next.close()  # it ended before it was ready: all stays as it is
        self._next = None
        return False


@contextmanager
def _address(folder: Path, suffix: str = "") -> Iterator[str]:
    """The socket's path by way of an open folder: a Unix socket's own may have no more than 107 bytes."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{handle}/{NAME}{suffix}"
    finally:
        os.close(handle)
