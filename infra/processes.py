"""Child processes that never outlive their parent: a server of ours is stopped with us, even after kill -9."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1


class ChildFailed(RuntimeError):
    """A child process did not become ready; the message has the end of its log."""


class Child:
    """A running child process, its log file, and how to end it."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self.log = log

    @property
    def pid(self) -> int:
        """Process id of the child."""
        return self.process.pid

    def wait_until(self, ready: Callable[[], bool], *, what: str, timeout: float) -> None:
        """Poll `ready` every 50 ms; raise `ChildFailed` when the child ends or `timeout` seconds pass first."""
        deadline = time.monotonic() + timeout
        while not ready():
            if self.process.poll() is not None:
                raise ChildFailed(f"{what} ended with code {self.process.returncode}; {self._tail()}")
            if time.monotonic() > deadline:
                self.stop()
                raise ChildFailed(f"{what} was not ready after {timeout:.0f} s; {self._tail()}")
            time.sleep(0.05)

    def stop(self, timeout: float = 10) -> None:
        """End the child: SIGTERM, then SIGKILL after `timeout` seconds. Does nothing when it has ended."""
        if self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _tail(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-8:] if self.log.exists() else []
        return f"the end of {self.log}:\n" + "\n".join(lines)


def start_child(command: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None) -> Child:
    """Start `command` with its output appended to `log`; on Linux the kernel ends it when this process dies."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            list(command),
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=None if env is None else dict(env),
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
        )
    return Child(process, log)


def free_port() -> int:
    """A TCP port on loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_running(pid: int) -> bool:
    """Whether a process `pid` exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
