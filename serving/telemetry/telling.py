"""The telling of one worker, opened and closed with it; notes the worker's present state each second."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from serving.runtime import Served
from serving.telemetry.counters import RELEASE_DIGITS, Counters
from serving.telemetry.telemetry import Told, unharmed
from serving.telemetry.tracing import open_tracer
from serving.trial.challengers import Tried

SECONDS = 1.0


class Worker(Protocol):
    """Whose state is noted: a `Clerk`."""

    def served(self) -> Iterable[Served[Any]]:
        """What every portfolio is served with."""

    def waiting(self) -> int:
        """How many records wait for a commit."""

    def paused(self) -> Mapping[str, bool]:
        """Whether automatic approval is paused, by portfolio, as last looked at."""

    def followed(self) -> Mapping[str, bool]:
        """Whether each portfolio's champion can be followed."""

    def tried(self) -> Iterable[Tried]:
        """Every challenger that is tried."""

    def quotas_left(self) -> Mapping[tuple[str, str], float]:
        """The share of each quota that is left, by whose it is and its name."""


class Telling:
    """What one worker tells; belongs to one event loop."""

    def __init__(self, told: Told, end: Callable[[], None]) -> None:
        self.told, self._end = told, end
        self._shown: set[tuple[str, str]] = set()
        self._tried: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    def watch(self, worker: Worker) -> None:
        """Note the state of `worker` from now on."""
        self._task = asyncio.create_task(self._run(worker))

    async def close(self) -> None:
        """Note nothing more, and send the traces that wait."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await asyncio.to_thread(self._end)

    async def _run(self, worker: Worker) -> None:
        while True:
            with unharmed():
                self.note(worker)
            await asyncio.sleep(SECONDS)

    def note(self, worker: Worker) -> None:
        """Note the state of this moment."""
        counters = self.told.counters
        counters.log_waiting.set(worker.waiting())
        for portfolio, paused in worker.paused().items():
            counters.paused.labels(portfolio).set(paused)
        for quota, left in worker.quotas_left().items():
            counters.quota_left.labels(*quota).set(left)
        for portfolio, followed in worker.followed().items():
            counters.followed.labels(portfolio).set(followed)
        self._note_trials(worker)
        answering = set()
        for served in worker.served():
            counters.current.labels(served.portfolio).set(served.current)
            if served.sha:
                answering.add((served.portfolio, served.sha[:RELEASE_DIGITS]))
        for labels in answering:
            counters.release.labels(*labels).set(1)
        for labels in self._shown - answering:
            counters.release.labels(*labels).set(0)
        self._shown = answering

    def _note_trials(self, worker: Worker) -> None:
        counters, tried = self.told.counters, {one.portfolio: one for one in worker.tried()}
        for one in tried.values():
            counters.challenger_current.labels(one.portfolio).set(one.current)
            counters.canary_share.labels(one.portfolio).set(one.trial.share)
        for portfolio in self._tried - tried.keys():
            counters.canary_share.labels(portfolio).set(0)
            counters.challenger_current.labels(portfolio).set(1)
        self._tried = set(tried)


def open_telling(folder: Path, traces: str, share: float) -> Telling:
    """Count in `folder`; send `share` of the requests as traces to the URL `traces`, where one is given."""
    tracer, end = open_tracer(traces, share) if traces else (None, _nothing)
    return Telling(Told(Counters(folder), tracer), end)


def _nothing() -> None:
    return None
