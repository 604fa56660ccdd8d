"""Processes of ours: children that never outlive their parent, and processes named by pid and start time."""

import ctypes
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1


class ChildFailed(RuntimeError):
    """A child process did not become ready; the message has the last it said, and where the rest is."""


class Child:
    """A running child process, its log file from byte `begins` on, and how to end it."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path, begins: int) -> None:
        self.process = process
        self.log = log
        self._begins = begins

    @property
    def pid(self) -> int:
        """Process id of the child."""
        return self.process.pid

    def wait_until(self, ready: Callable[[], bool], *, what: str, timeout: float) -> None:
        """Poll `ready` every 50 ms; raise `ChildFailed` when the child ends or `timeout` seconds pass first."""
        deadline = time.monotonic() + timeout
        while not ready():
            if self.process.poll() is not None:
                raise ChildFailed(f"{what} ended with code {self.process.returncode}; {self.tail()}")
            if time.monotonic() > deadline:
                self.stop()
                raise ChildFailed(f"{what} was not ready after {timeout:.0f} s; {self.tail()}")
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

    def said(self) -> str:
        """What it has written to its log."""
        try:
            return self.log.read_bytes()[self._begins :].decode(errors="replace")
        except FileNotFoundError:
            return ""

    def tail(self) -> str:
        """The last it said, and where the rest is."""
        return f"it said: {last_words(self.said())}; all of it is in {self.log}"


def last_words(text: str) -> str:
    """The end of what a program said, in one line; of a traceback, the line that names the error."""
    lines = [line for line in text.splitlines() if line.strip()]
    traced = max((place for place, line in enumerate(lines) if "Traceback (most recent call last)" in line), default=-1)
    # The frames are indented; a log that a full disk cut short may end in them.
    named = [line for line in lines[traced + 1 :] if not line.startswith(" ")]
    told = named[:1] if traced >= 0 else named
    return " ".join(" ".join(told).split())[-600:] or "nothing that names an error"


def start_child(
    command: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    sign: signal.Signals = signal.SIGTERM,
) -> Child:
    """Start `command` with its output appended to `log`; on Linux the kernel sends it `sign` when this process dies.

    It does not hear the terminal's Ctrl-C: this process does, and may need the child until it has tidied up.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        begins = output.tell()
        process = subprocess.Popen(
            with_parent(command, sign),
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=None if env is None else dict(env),
            start_new_session=True,
        )
    return Child(process, log, begins)


def free_port() -> int:
    """A TCP port on loopback that was free a moment ago.

    Drawn from below those that the system gives to outgoing connections: until it is used, none of them takes it.
    """
    while True:
        port = 12_000 + secrets.randbelow(20_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def die_with_parent(parent: int, sign: int = signal.SIGTERM) -> None:
    """Have the kernel send `sign` to this process when its parent, process `parent`, is gone (Linux; else nothing)."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, sign, 0, 0, 0)
    # The parent may have died before the call: then no signal will ever come.
    if os.getppid() != parent:
        os.kill(os.getpid(), sign)


def with_parent(command: Sequence[str], sign: signal.Signals = signal.SIGTERM) -> list[str]:
    """`command` as a child that is sent `sign` when this process ends, also when this one is killed with -9."""
    return [sys.executable, "-m", "infra.processes", str(os.getpid()), str(int(sign)), *command]


def start_time(pid: int) -> int | None:
    """When process `pid` started, in clock ticks since boot: with the pid it names one process; None: no such one."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The command's name, in brackets, may hold blanks: count from the last bracket on.
    state, *fields = stat.rpartition(")")[2].split()
    # Ended and not waited for. While one of its other threads is still ending, what it had open is open, and locked.
    ended = state == "Z" and int(fields[16]) <= 1
    return None if ended else int(fields[18])


def is_running(pid: int, started: int) -> bool:
    """Whether the process that had `pid` and start time `started` still runs."""
    return start_time(pid) == started


def stop_process(pid: int, started: int, *, seconds: float = 30.0) -> bool:
    """Ask process `pid` to end, wait, and end it by force after `seconds`; False: it was gone already."""
    if not _signal(pid, started, signal.SIGTERM):
        return False
    if not _wait_gone(pid, started, seconds):
        _signal(pid, started, signal.SIGKILL)
        _wait_gone(pid, started, 5.0)
    return True


def _signal(pid: int, started: int, sign: int) -> bool:
    if not is_running(pid, started):
        return False
    try:
        os.kill(pid, sign)
    except ProcessLookupError:
        return False
    return True


def _wait_gone(pid: int, started: int, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while is_running(pid, started):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


if __name__ == "__main__":
    die_with_parent(int(sys.argv[1]), signal.Signals(int(sys.argv[2])))
    os.execvp(sys.argv[3], sys.argv[3:])
