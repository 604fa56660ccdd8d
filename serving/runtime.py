"""The releases a worker has in memory: it polls the pointers and swaps without dropping a request."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Generic, TypeVar

from serving.pointers import PointerError, pointed_portfolios, read_fault, read_pointer, report_worker

Loaded = TypeVar("Loaded")
Load = Callable[[str, Path], Loaded]
_log = logging.getLogger("lendloop.runtime")

POLL_SECONDS = 0.2
RETRY_SECONDS = 5.0  # a load can fail for a while (a store that restarts), so it is tried again


@dataclass(frozen=True)
class Served(Generic[Loaded]):
    """What a portfolio is served with; `wanted` differs from `sha` when the newer one cannot be loaded."""

    portfolio: str
    sha: str | None = None
    loaded: Loaded | None = None
    wanted: str | None = None
    fault: str | None = None
    tried: float = field(default=0.0, compare=False)  # monotonic time of the last attempt

    @property
    def current(self) -> bool:
        """Whether the release that the pointer names is the one that answers."""
        return self.fault is None and self.sha is not None


class Runtime(Generic[Loaded]):
    """Follows the pointers below `releases` from a thread of its own; readers never wait for a load.

    `load(portfolio, folder)` returns what answers requests, or raises: then the last good release stays.
    """

    def __init__(self, releases: Path, load: Load[Loaded], *, poll: float = POLL_SECONDS) -> None:
        self._releases = releases
        self._load = load
        self._poll = poll
        self._served: dict[str, Served[Loaded]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="releases", daemon=True)

    def start(self) -> None:
        """Load what the pointers name, then keep following them."""
        self.refresh()
        self._thread.start()

    def stop(self) -> None:
        """Stop following."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def get(self, portfolio: str) -> Served[Loaded] | None:
        """What `portfolio` is served with now; None: it has no release."""
        return self._served.get(portfolio)

    def followed(self) -> dict[str, bool]:
        """Whether each portfolio's champion can be followed, as who moves the pointers noted."""
        return {portfolio: read_fault(self._releases, portfolio) is None for portfolio in self._served}

    def all(self) -> list[Served[Loaded]]:
        """What every portfolio is served with, by name."""
        return sorted(self._served.values(), key=lambda served: served.portfolio)

    def refresh(self) -> None:
        """Look at every pointer once, load what changed and swap it in."""
        before = {name: served.sha for name, served in self._served.items()}
        for portfolio in self._names():
            known = self._served.get(portfolio, Served[Loaded](portfolio))
            # One assignment swaps the release: a request holds on to the object that it began with.
            self._served[portfolio] = self._follow(known)
        after = {name: served.sha for name, served in self._served.items()}
        if after != before or not before:
            self._report({name: sha for name, sha in after.items() if sha})

    def _names(self) -> list[str]:
        return pointed_portfolios(self._releases)

    def _wanted(self, portfolio: str) -> str | None:
        return read_pointer(self._releases, portfolio)

    def _report(self, served: Mapping[str, str]) -> None:
        report_worker(self._releases, served)

    def _follow(self, known: Served[Loaded]) -> Served[Loaded]:
        wanted: str | None = None
        try:
            wanted = self._wanted(known.portfolio)
            if wanted is None or (wanted == known.sha and known.fault is None):
                return known
            if wanted == known.sha:
                return replace(known, wanted=wanted, fault=None)
            if wanted == known.wanted and time.monotonic() - known.tried < RETRY_SECONDS:
                return known
            loaded = self._load(known.portfolio, self._releases / wanted)
        except (PointerError, OSError) as error:
            return self._kept(known, wanted, str(error))
        except Exception as error:
            return self._kept(known, wanted, f"{type(error).__name__}: {error}")
        _log.info("release loaded", extra={"portfolio": known.portfolio, "release": wanted})
        return Served(known.portfolio, wanted, loaded, wanted)

    def _kept(self, known: Served[Loaded], wanted: str | None, fault: str) -> Served[Loaded]:
        if fault != known.fault:
            _log.error("release not loaded", extra={"portfolio": known.portfolio, "release": wanted, "fault": fault})
        return replace(known, wanted=wanted, fault=fault, tried=time.monotonic())

    def _run(self) -> None:
        while not self._stop.wait(self._poll):
            try:
                self.refresh()
            except Exception as error:  # the thread must outlive a full disk or a vanished folder
                _log.error("pointers cannot be followed", extra={"fault": f"{type(error).__name__}: {error}"})
