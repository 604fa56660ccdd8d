"""Processes of the decision service: who is ours, and how one ends without leaving another behind."""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int, sign: int = signal.SIGTERM) -> None:
    """Have the kernel send `sign` to this process when its parent, process `parent`, is gone (Linux; else nothing)."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, sign, 0, 0, 0)
    # The parent may have died before the call: then no signal will ever come.
    if os.getppid() != parent:
        os.kill(os.getpid(), sign)


def with_parent(command: Sequence[str]) -> list[str]:
    """`command` as a child that ends when this process does, also when this one is killed with -9."""
    return [sys.executable, "-m", "serving.processes", str(os.getpid()), *command]


def start_time(pid: int) -> int | None:
    """When process `pid` started, in clock ticks since boot: with the pid it names one process; None: no such one."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The command's name, in brackets, may hold blanks: count from the last bracket on.
    state, *fields = stat.rpartition(")")[2].split()
    return None if state == "Z" else int(fields[18])


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
    die_with_parent(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])
