import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.handover import NAME, Offer, Taken, take
from serving.launch import ServiceError


class Holder:
    """A supervisor's sockets and lock, offered from a thread."""

    def __init__(self, folder: Path) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR)
        self.offer = Offer(folder, self.listener, self.lock)
        self.accepted = threading.Event()
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self) -> None:
        while not self.stop.is_set() and not self.accepted.is_set():
            if self.offer.accepted(0.01):
                self.offer.withdraw()
                self.accepted.set()

    def close(self) -> None:
        self.stop.set()
        self.thread.join()
        self.offer.close()
        self.listener.close()
        os.close(self.lock)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    # Deeper than the path of a Unix socket may be.
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    return deep


@pytest.fixture
def holder(folder: Path) -> Iterator[Holder]:
    holder = Holder(folder)
    yield holder
    holder.close()


def release(taken: Taken) -> None:
    taken.before.close()
    taken.listener.close()
    os.close(taken.lock)


def taken_from(folder: Path) -> Taken:
    taken = take(folder)
    assert taken is not None
    return taken


def test_the_next_one_gets_the_same_socket_and_lock(folder: Path, holder: Holder) -> None:
    taken = taken_from(folder)
    assert taken.listener.getsockname() == holder.listener.getsockname()
    assert os.path.sameopenfile(taken.lock, holder.lock)
    assert (folder / NAME).stat().st_mode & 0o777 == 0o600
    taken.ready()
    assert holder.accepted.wait(5)
    assert not taken.gone()
    # The port outlives the one that bound it: a connection waits for whoever accepts next.
    holder.close()
    assert taken.gone()
    with socket.create_connection(taken.listener.getsockname()[:2], timeout=5):
        came, _ = taken.listener.accept()
        came.close()
    holder.listener, holder.lock = socket.socket(), os.open(folder, os.O_RDONLY)
    release(taken)


def test_one_that_ends_before_it_is_ready_leaves_the_place_to_another(folder: Path, holder: Holder) -> None:
    release(taken_from(folder))
    for _ in range(500):
        try:
            taken = taken_from(folder)
            break
        except ServiceError:
            continue  # the end of the first is not heard of yet
    assert not holder.accepted.is_set()
    with pytest.raises(ServiceError, match="another deploy"):
        take(folder)
    release(taken)


def test_nobody_who_listens_is_nobody(folder: Path, holder: Holder) -> None:
    holder.close()
    assert take(folder) is None
    assert (folder / NAME).exists()
    (folder / NAME).unlink()
    assert take(folder) is None
    holder.listener, holder.lock = socket.socket(), os.open(folder, os.O_RDONLY)
