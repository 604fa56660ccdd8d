"""How much of its quota a partner has used: all workers count together, in leases, so that it is cheap.

A worker leases a small part of what is left of a window and gives requests out of it; no more is ever given than the
quota. What a worker holds and does not use is at most `PART` of the quota for each worker.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Literal

from serving.partners.counts import Counts
from serving.partners.partner import Limited, Partner

PART = 50
LARGEST_LEASE = 100
KEPT_SECONDS = 60  # after its window a count is of no use, but the clocks of machines differ
_log = logging.getLogger("lendloop.quotas")

Told = Literal["refused", "uncounted"]
Heard = Callable[[Told, str, int], None]


@dataclass(slots=True)
class _Lease:
    window: int
    limit: int
    ends: float
    left: int = 0
    spent: bool = False
    uncounted: int = 0  # of what is left
    elsewhere: int = 0  # what nobody had leased when this worker last asked


class Quotas:
    """The quotas of one worker's partners; belongs to one event loop, and counts in a thread of `threads`."""

    def __init__(self, counts: Counts, threads: Executor, heard: Heard = lambda *told: None) -> None:
        """`heard` is told of requests that are refused or let through uncounted, whose, and how many."""
        self._counts, self._threads, self._heard = counts, threads, heard
        self._leases: dict[str, _Lease] = {}

    async def take(self, partner: Partner | Limited, at: float, requests: int = 1) -> int | None:
        """Count requests at `at` (seconds since 1970); None: within the quota, else the seconds until there is more.

        When it cannot be counted, requests are let through: a quota is no right of access.
        """
        length = partner.quota.seconds
        window = int(at) // length
        lease = self._leases.get(partner.name)
        if lease is None or lease.window != window:
            lease = self._leases[partner.name] = _Lease(window, partner.quota.requests, (window + 1) * length)
        # Again, when others took what was leased meanwhile.
        while lease.left < requests and not lease.spent:
            await self._extend(lease, partner, requests - lease.left)
        if lease.left < requests:
            self._heard("refused", partner.name, requests)
            return (window + 1) * length - int(at)
        lease.left -= requests
        if lease.uncounted:
            blind = min(requests, lease.uncounted)
            lease.uncounted -= blind
            self._heard("uncounted", partner.name, blind)
        return None

    def left(self, at: float) -> dict[str, float]:
        """The share of each quota that is left at `at`, as far as this worker knew when it last counted."""
        return {
            name: 1.0 if at >= lease.ends else min(1.0, (lease.left + lease.elsewhere) / lease.limit)
            for name, lease in self._leases.items()
        }

    async def _extend(self, lease: _Lease, partner: Partner | Limited, short: int) -> None:
        limit, length = partner.quota.requests, partner.quota.seconds
        wanted = max(short, min(limit // PART, LARGEST_LEASE))
        key, loop = f"quota/{partner.name}/{length}/{lease.window}", asyncio.get_running_loop()
        try:
            used = await loop.run_in_executor(self._threads, self._counts.incr, key, length + KEPT_SECONDS, wanted)
        except Exception as error:  # whatever a database or a client comes up with
            _log.warning("quotas not counted", extra={"error": type(error).__name__})
            lease.left += max(short, LARGEST_LEASE)
            lease.uncounted = lease.left
            return
        # What others had before is taken off: together all get the quota and no more, however they race.
        granted = max(0, min(wanted, limit - (used - wanted)))
        lease.left += granted
        lease.spent = granted < wanted
        lease.elsewhere = max(0, limit - used)
