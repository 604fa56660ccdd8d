"""What limits a worker's partners: quotas and slots, counted in one place and one thread."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from serving.partners.counts import Counts, open_counts
from serving.partners.quotas import Quotas, Told
from serving.partners.slots import Slots

Heard = Callable[[str, Told, str, int], None]


class PartnerLimits:
    """The limits that a worker asks before it does anything for a partner; belongs to one event loop."""

    def __init__(self, counts: Counts, worker: str, heard: Heard = lambda *told: None) -> None:
        """`heard` is told of each request that is refused or let through uncounted: by which limit, which, whose."""
        self._counts, self._thread = counts, ThreadPoolExecutor(1, "counts")
        self.quotas = Quotas(counts, self._thread, lambda what, whose, n: heard("quota", what, whose, n))
        self.slots = Slots(counts, self._thread, worker, lambda what, whose, n: heard("concurrency", what, whose, n))

    def quotas_left(self, at: float) -> dict[tuple[str, str], float]:
        """The share of each partner's quota that is left at `at`, by its name in the log and that of the quota."""
        # No partner's name has a colon: those of staff are nobody's business.
        return {(f"partner:{name}", "requests"): left for name, left in self.quotas.left(at).items() if ":" not in name}

    async def close(self) -> None:
        """Give the slots back and close the counts."""
        await self.slots.close()
        await asyncio.get_running_loop().run_in_executor(self._thread, self._counts.close)
        self._thread.shutdown()


def open_limits(url: str, heard: Heard = lambda *told: None) -> PartnerLimits:
    """The limits of this worker, counted at `redis://…` or `sqlite:///…`."""
    return PartnerLimits(open_counts(url), f"{os.uname().nodename}-{os.getpid()}-{os.urandom(4).hex()}", heard)
