"""Processes forked from one that has imported everything: each is started again by itself when it ends."""

import logging
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from infra.processes import die_with_parent
from serving.launch import ServiceError
from serving.server import DRAIN_SECONDS

SHORTEST_LIFE = 10.0  # one that ends sooner has failed to start, and the next waits longer
LONGEST_WAIT = 4.0
"""One that cannot start must not take the machine from the others; one that was killed must not stay away for long."""
ENDING = (signal.SIGTERM, signal.SIGINT)
_log = logging.getLogger("lendloop.supervisor")


@dataclass
class Member:
    """A process that shall run: what it does, and how its starts went."""

    name: str
    run: Callable[[], None]
    pid: int = 0
    started: float = 0.0
    failures: int = 0
    due: float = 0.0

    def after(self, now: float) -> None:
        """Note that it ended, and when to start it again: at once, unless it hardly ran."""
        self.failures = self.failures + 1 if now - self.started < SHORTEST_LIFE else 0
        wait = min(LONGEST_WAIT, 0.25 * 2**self.failures) if self.failures > 1 else 0.0
        self.pid, self.due = 0, now + wait


class Crew:
    """The processes of one supervisor. `leave` closes, in each, what is the supervisor's alone."""

    def __init__(self, leave: Callable[[], None]) -> None:
        self._leave = leave
        self._members: list[Member] = []

    def add(self, name: str, run: Callable[[], None]) -> None:
        """Start another process that does `run`."""
        self._members.append(Member(name, run))
        self._start(self._members[-1])

    def pids(self, name: str) -> set[int]:
        """The living processes that were added under `name`."""
        return {member.pid for member in self._members if member.name == name and member.pid}

    def failing(self, names: Sequence[str]) -> str | None:
        """In words, a process of these that fails to start, again and again; None: there is none."""
        bad = next((member for member in self._members if member.failures > 1 and member.name in names), None)
        return f"a {bad.name} ended {bad.failures} times as it started" if bad else None

    def tend(self) -> None:
        """Start again what has ended."""
        now = time.monotonic()
        for member in self._members:
            if member.pid and (code := _ended(member.pid)) is not None:
                _log.error("process ended, starting it again", extra={"pid": member.pid, "code": code})
                member.after(now)
            if not member.pid and now >= member.due:
                self._start(member)

    def stop(self) -> None:
        """Let each finish what it has begun, and end those that do not."""
        for member in self._members:
            _send(member.pid, signal.SIGTERM)
        until = time.monotonic() + DRAIN_SECONDS + 5
        while (left := [member for member in self._members if member.pid]) and time.monotonic() < until:
            for member in left:
                if _ended(member.pid) is not None:
                    member.pid = 0
            time.sleep(0.02)
        for member in left:
            _send(member.pid, signal.SIGKILL)
            os.waitpid(member.pid, 0)

    def _start(self, member: Member) -> None:
        member.started = time.monotonic()
        member.pid = fork(member.run, self._leave)


def fork(run: Callable[[], None], leave: Callable[[], None]) -> int:
    """Process id of a child that does `leave` and `run` and ends; it is told to end when this process is gone."""
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    # What comes before the child hears it by itself must wait: the parent's handler would hear it there, for nobody.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    pid = -1
    try:
        pid = os.fork()
    finally:
        if pid != 0:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
    if pid:
        return pid
    code = 1
    try:
        for sign in ENDING:
            signal.signal(sign, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
        die_with_parent(parent)
        leave()
        run()
        code = 0
    except ServiceError as error:
        _log.error("process cannot run", extra={"fault": str(error)})
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException as error:
        frames = traceback.extract_tb(error.__traceback__)  # where it went wrong, and not what it was said of
        places = " > ".join(f"{frame.filename}:{frame.lineno}" for frame in frames)
        _log.error("process failed", extra={"error": type(error).__name__, "fault": places})
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        # Never back into the supervisor's own code, nor to its exit handlers.
        os._exit(code)


def _ended(pid: int) -> int | None:
    """The exit code (negative: the signal), when it has ended; it is waited for then."""
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def _send(pid: int, sign: signal.Signals) -> None:
    if pid:
        with suppress(ProcessLookupError):
            os.kill(pid, sign)
