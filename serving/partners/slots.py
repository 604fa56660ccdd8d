"""How many requests of a partner run at once: all workers count together, each in slots that it holds for a while.

A worker takes slots in small parts, uses them again and again, and each second gives back what it did not need; so most
requests cost a comparison. Slots of a worker that is killed are free again after `LAPSE_SECONDS`.
"""

import asyncio
import logging
import time
from concurrent.futures import Executor
from dataclasses import dataclass, field

from serving.partners.counts import Counts
from serving.partners.partner import Limited, Partner
from serving.partners.quotas import Heard

PART = 8  # what of its slots a worker takes at once, so that others find some left
FULL_SECONDS = 0.05  # how long it is believed that there are none left
GIVE_BACK_SECONDS = 1.0
_log = logging.getLogger("lendloop.slots")


@dataclass(slots=True)
class _Held:
    limit: int
    held: int = 0
    running: int = 0
    peak: int = 0
    full: float = float("-inf")
    alone: bool = False  # counted by this worker for itself, as it cannot be counted together
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Slots:
    """The slots that one worker holds; belongs to one event loop, and counts in a thread of `threads`."""

    def __init__(self, counts: Counts, threads: Executor, worker: str, heard: Heard = lambda *told: None) -> None:
        """`heard` is told of requests that are refused or let through uncounted, whose, and how many."""
        self._counts, self._threads, self._worker, self._heard = counts, threads, worker, heard
        self._held: dict[str, _Held] = {}
        self._task: asyncio.Task[None] | None = None

    async def enter(self, partner: Partner | Limited) -> bool:
        """Let a request in, unless the partner has too many running; then `leave` must follow."""
        mine = self._held.get(partner.name)
        if mine is None:
            mine = self._held[partner.name] = _Held(partner.concurrency)
        mine.limit = partner.concurrency
        if mine.running >= min(mine.held, mine.limit):
            await self._more(partner.name, mine)
            if mine.running >= min(mine.held, mine.limit):
                self._heard("refused", partner.name, 1)
                return False
        if mine.alone:
            self._heard("uncounted", partner.name, 1)
        mine.running += 1
        mine.peak = max(mine.peak, mine.running)
        return True

    def leave(self, partner: Partner | Limited) -> None:
        """A request that was let in has ended."""
        self._held[partner.name].running -= 1

    async def close(self) -> None:
        """Give every slot back."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for name, mine in self._held.items():
            await self._hold(name, mine, 0)

    async def _more(self, name: str, mine: _Held) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._give_back())
        async with mine.lock:
            # Who waited here finds what the one before has brought.
            if mine.running >= min(mine.held, mine.limit) and time.monotonic() - mine.full > FULL_SECONDS:
                before = mine.running
                await self._hold(name, mine, min(mine.limit, before + max(1, mine.limit // PART)))
                if mine.held <= before:
                    mine.full = time.monotonic()

    async def _hold(self, name: str, mine: _Held, wanted: int) -> None:
        loop = asyncio.get_running_loop()
        try:
            hold = self._counts.hold
            mine.held = await loop.run_in_executor(self._threads, hold, name, self._worker, wanted, mine.limit)
            mine.alone = False
        except Exception as error:  # whatever a database or a client comes up with
            # Each worker counts for itself until it can be counted together again.
            _log.warning("slots not counted", extra={"error": type(error).__name__})
            mine.held, mine.alone = mine.limit, True

    async def _give_back(self) -> None:
        while True:
            await asyncio.sleep(GIVE_BACK_SECONDS)
            for name, mine in list(self._held.items()):
                async with mine.lock:
                    if mine.held:
                        # Said again each second also when nothing changes: who does not has been killed.
                        await self._hold(name, mine, mine.peak)
                    mine.peak = mine.running
