"""How a service becomes ready: the registry is looked at, then workers load what it says, then one of them says so."""

import http.client
import logging
import os
import select
import time
from contextlib import suppress
from dataclasses import dataclass
from threading import Event

from serving.launch import Launch, ServiceError
from serving.pointers import pointed_portfolios, read_fault, read_workers, write_fault
from serving.workers import Crew

READY_SECONDS = 150.0
LOOK_SECONDS = 10.0
"""How long workers wait for the first look at the registry, where there is a release that they can answer by."""
TICK_SECONDS = 0.1
WORKER, FOLLOWER, SHADOW = "worker", "follower", "shadow"
NOT_LOOKED = "the registry could not be looked at since the service started; another release may be champion by now"
_log = logging.getLogger("lendloop.supervisor")


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


class Looks:
    """A pipe by which the follower tells that it has looked at every portfolio once."""

    def __init__(self) -> None:
        self._heard, self._tell = os.pipe()
        os.set_blocking(self._heard, False)
        self.done = False

    def tell(self) -> None:
        """Say so; in the follower."""
        with suppress(OSError):
            os.write(self._tell, b"1")

    def happened(self) -> bool:
        """Whether it was said; in the supervisor."""
        with suppress(BlockingIOError):
            self.done = self.done or bool(os.read(self._heard, 1))
        return self.done

    def close(self) -> None:
        """Let go of the pipe."""
        os.close(self._heard)
        os.close(self._tell)


@dataclass(frozen=True)
class Beginning:
    """One start: who is started, and for how long it is waited. `starter` is a pipe to whoever waits for it."""

    launch: Launch
    crew: Crew
    stop: Event
    starter: int | None
    until: float

    def looked(self, looks: Looks) -> bool:
        """Wait for the first look at the registry; False: the start is given up.

        A release that was rolled back while nothing ran must answer nobody. Where the look takes too long, or fails,
        the last good releases answer all the same, and are told as such until it has happened.
        """
        patience = time.monotonic() + LOOK_SECONDS
        otherwise = "no release is here to serve; `lendloop doctor` looks at it"
        while self._goes_on("the registry did not answer", otherwise):
            fault = self.crew.failing([FOLLOWER])
            looked = looks.happened()
            pointed = pointed_portfolios(self.launch.releases)  # after what it was told: it writes, and then tells
            if looked:
                return self._has_releases(pointed)
            if pointed and (fault or time.monotonic() > patience):
                self._tell_not_looked(pointed)
                return True
            if fault:
                raise ServiceError(f"{fault}; the lines of the log before this say why")
            self.stop.wait(TICK_SECONDS)
        return False

    def ready(self) -> bool:
        """Wait until every worker has loaded a release, and one says that it is ready; False: it is given up."""
        while self._goes_on("the server was not ready", f"GET {self.launch.url}/readyz says why"):
            if fault := self.crew.failing([WORKER]):
                raise ServiceError(f"{fault}; the lines of the log before this say why")
            # One that is ready would do for the first requests, and be alone with all of them.
            reports, pids = read_workers(self.launch.releases), self.crew.pids(WORKER)
            if len(pids) == self.launch.workers and all(map(reports.get, pids)) and is_ready(self.launch):
                return True
            self.stop.wait(TICK_SECONDS)
        return False

    def _goes_on(self, late: str, then: str) -> bool:
        if self.stop.is_set():
            return False
        self.crew.tend()
        if self.starter is not None and _is_gone(self.starter):
            _log.warning("who started this service has ended; so does it")
            return False
        if time.monotonic() > self.until:
            raise ServiceError(f"{late} within {READY_SECONDS:g} s; {then}")
        return True

    def _has_releases(self, pointed: list[str]) -> bool:
        if not pointed:
            command = "`lendloop run month --portfolio NAME --as-of DATE`"
            raise ServiceError(f"there is no release to serve ({self._faults()}); make one with {command}")
        return True

    def _tell_not_looked(self, pointed: list[str]) -> None:
        _log.warning("registry not looked at, the last good releases answer")
        for name in pointed:
            if read_fault(self.launch.releases, name) is None:
                write_fault(self.launch.releases, name, NOT_LOOKED)

    def _faults(self) -> str:
        found = {name: read_fault(self.launch.releases, name) for name in self.launch.portfolios}
        told = "; ".join(f"{name}: {fault}" for name, fault in found.items() if fault)
        return told or f"none of {list(self.launch.portfolios)} has a champion"


def _is_gone(reader: int) -> bool:
    """Whether nobody reads a pipe any more, of which this is the end to write to."""
    asked = select.poll()
    asked.register(reader, 0)
    return bool(asked.poll(0))
