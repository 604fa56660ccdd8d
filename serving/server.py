"""BentoML's server as a child process: started, started again when it ends, and ended with all of its workers."""

import logging
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

from infra.processes import with_parent
from serving.launch import Launch, ServiceError

DRAIN_SECONDS = 20
RESTARTS = 5  # within RESTART_SECONDS; after that something is wrong for good
RESTART_SECONDS = 60.0
_log = logging.getLogger("lendloop.supervisor")


class Server:
    """BentoML's server as a child process, in a process group of its own."""

    def __init__(self, launch: Launch) -> None:
        self._launch = launch
        self._starts = [time.monotonic()]
        self._process = self._spawn()

    def _spawn(self) -> subprocess.Popen[bytes]:
        launch = self._launch
        command = [sys.executable, "-m", "bentoml", "serve", str(launch.bento), "--host", launch.host]
        command += ["--port", str(launch.port), "--timeout-graceful-shutdown", str(DRAIN_SECONDS)]
        # In the Bento's own folder, so that its files are imported and none of a checkout's.
        return subprocess.Popen(
            with_parent(command),
            cwd=launch.bento / "src",
            env=launch.environment(),
            stdin=subprocess.DEVNULL,
            process_group=0,
        )

    def ended(self) -> int | None:
        """The exit code, when it has ended."""
        # Not waited for with `poll`: while the dead leader is kept, no one else can get the group's number.
        found = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return found.si_status if found else None

    def restart(self) -> None:
        """Start it again, unless that did not help lately."""
        now = time.monotonic()
        self._starts = [start for start in self._starts if now - start < RESTART_SECONDS] + [now]
        if len(self._starts) > RESTARTS:
            raise ServiceError(f"the server ended {RESTARTS} times within {RESTART_SECONDS:g} s; its log says why")
        _log.error("server ended, starting it again", extra={"code": self.ended()})
        self._end_group()
        self._process = self._spawn()

    def stop(self) -> None:
        """Let it finish the requests it has, then end it and whatever is left of its group."""
        if self.ended() is None:
            self._process.terminate()
        until = time.monotonic() + DRAIN_SECONDS + 5
        while self.ended() is None and time.monotonic() < until:
            time.sleep(0.05)
        self._end_group()

    def _end_group(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
