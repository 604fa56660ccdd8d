import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.processes import ChildFailed, free_port, last_words, start_child, start_time

SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]


def test_a_child_runs_until_it_is_stopped(tmp_path: Path) -> None:
    child = start_child(SLEEP, log=tmp_path / "logs" / "child.log")
    child.wait_until(lambda: "up" in child.log.read_text(), what="the child", timeout=20)
    assert start_time(child.pid)
    child.stop()
    assert start_time(child.pid) is None
    child.stop()


def test_a_child_does_not_hear_the_terminals_ctrl_c(tmp_path: Path) -> None:
    child = start_child(SLEEP, log=tmp_path / "child.log")
    try:
        assert os.getsid(child.pid) != os.getsid(0)
    finally:
        child.stop()


def test_a_child_that_ends_is_told_by_its_last_words_and_its_log(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    log.write_text("ValueError: of an earlier one\n")
    child = start_child([sys.executable, "-c", "raise OSError('no such port')"], log=log)
    with pytest.raises(ChildFailed) as failed:
        child.wait_until(lambda: False, what="the child", timeout=20)
    assert str(failed.value) == f"the child ended with code 1; it said: OSError: no such port; all of it is in {log}"
    assert child.said().startswith("Traceback")


TRACEBACK = """Starting
Traceback (most recent call last):
  File "a.py", line 1
KeyError: 'a'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "b.py", line 2
"""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("one\n\ntwo\n", "one two"),
        (f"{TRACEBACK}OSError: disk\nApplication startup failed. Exiting.\n", "OSError: disk"),
        (TRACEBACK, "nothing that names an error"),
        ("", "nothing that names an error"),
    ],
)
def test_of_a_traceback_only_the_error_is_shown(text: str, words: str) -> None:
    assert last_words(text) == words


def test_a_child_that_is_never_ready_is_stopped(tmp_path: Path) -> None:
    child = start_child(SLEEP, log=tmp_path / "child.log")
    with pytest.raises(ChildFailed, match="not ready after"):
        child.wait_until(lambda: False, what="the child", timeout=0.3)
    assert child.process.poll() is not None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_a_child_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    code = f"""
import time
from pathlib import Path
from infra.processes import start_child
child = start_child({SLEEP!r}, log=Path({str(tmp_path / "child.log")!r}))
print(child.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
    until = time.monotonic() + 10
    while _is_alive(pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert not _is_alive(pid)


def test_a_free_port_is_free() -> None:
    assert 1024 < free_port() < 65536


def _is_alive(pid: int) -> bool:
    """Whether it runs; one that has ended but nobody has waited for does not, nor one that ends as it is looked at."""
    return start_time(pid) is not None


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
def test_a_process_runs_while_one_of_its_threads_does(tmp_path: Path) -> None:
    program = """
import ctypes, fcntl, os, sys, threading
lock = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.flock(lock, fcntl.LOCK_EX)
threading.Thread(target=sys.stdin.read).start()
print("locked", flush=True)
ctypes.CDLL(None).pthread_exit(None)  # of this thread alone
"""
    path = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == b"locked\n"
        started = start_time(process.pid)
        wait_until(lambda: _state(process.pid) == "Z")
        assert start_time(process.pid) == started is not None
        assert _is_locked(path)
        process.kill()
        wait_until(lambda: start_time(process.pid) is None)
        assert not _is_locked(path)


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def _is_locked(path: Path) -> bool:
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
