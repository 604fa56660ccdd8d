"""The lists as a worker knows them: in memory, at most a second old."""

import asyncio
import time
from collections.abc import Iterable
from datetime import date

from serving.lists.book import ListBook
from serving.lists.entry import Named
from serving.log.database import LogUnavailable

LOOK_SECONDS = 0.4  # how often the book is asked for its version
STALE_SECONDS = 0.9  # what is older was not looked up: the policy then asks for a person


class ListWatch:
    """Follows the book; belongs to one event loop."""

    def __init__(self, book: ListBook) -> None:
        self._book, self._index = book, book.index()
        self._looked = time.monotonic()
        self._task: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()

    async def hits(self, named: Iterable[Named], day: date) -> frozenset[str] | None:
        """The lists that any of these is on; None: they cannot be read, so nobody knows."""
        if self._task is None:
            self._task = asyncio.create_task(self._follow())
        if time.monotonic() - self._looked > STALE_SECONDS:
            await self._look()
        return self._index.hits(named, day) if time.monotonic() - self._looked <= STALE_SECONDS else None

    async def close(self) -> None:
        """Stop following the book, and close it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._book.close()

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self._look()

    async def _look(self) -> None:
        async with self._lock:
            began = time.monotonic()
            if began - self._looked < LOOK_SECONDS / 2:
                return
            try:
                await asyncio.to_thread(self._book.refresh, self._index)
            except LogUnavailable:
                return  # what is known grows stale, and then nobody is approved
            self._looked = began
