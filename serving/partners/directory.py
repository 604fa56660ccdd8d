"""The partners as a worker knows them: in memory, at most a second old, so that a check costs microseconds."""

import asyncio
import hmac
import time
from datetime import datetime

from serving.log.database import LogUnavailable
from serving.log.record import PLATFORM
from serving.partners.book import Book, Known
from serving.partners.key import key_id, keyed_hash, own_key
from serving.partners.partner import ALL, SCOPES, Partner, Quota

LOOK_SECONDS = 0.4  # how often the book is read
STALE_SECONDS = 0.9  # nobody is let in on what is older than this
MISS_SECONDS = 0.1  # an unknown key is looked for at most so often: guessing costs the database nothing
# Its own quota is not a limit on anyone but the deploy check.
_OWN = Partner(PLATFORM, frozenset(SCOPES), frozenset({ALL}), Quota(1000, 1), 100)


class DirectoryUnavailable(RuntimeError):
    """The partners cannot be read, so nobody can be let in."""


class Directory:
    """Whose key a key is; belongs to one event loop."""

    def __init__(self, book: Book, secret: bytes) -> None:
        self._book, self._secret = book, secret
        own = own_key(secret, PLATFORM)
        self._own = {str(key_id(own)): Known(keyed_hash(secret, own), _OWN, None)}
        self._known: dict[str, Known] = {}
        self._looked = float("-inf")
        self._lock = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def partner(self, key: str, at: datetime) -> Partner | None:
        """The partner that `key` belongs to; None: nobody's, or it is over. Raises `DirectoryUnavailable`."""
        if self._task is None:
            self._task = asyncio.create_task(self._follow())
        if time.monotonic() - self._looked > STALE_SECONDS:
            await self._look(STALE_SECONDS)
        name = key_id(key)
        if name is None:
            return None
        if name not in self._known:
            await self._look(MISS_SECONDS)
        known = self._known.get(name)
        # The hash is made and compared for an unknown id too: time must not tell the ids that there are.
        matches = hmac.compare_digest(keyed_hash(self._secret, key), known.hash if known else "")
        if known is None or not matches or (known.ends_at is not None and known.ends_at <= at):
            return None
        return known.partner

    async def close(self) -> None:
        """Stop following the book, and close it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._book.close()

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self._look(0.0)
            except DirectoryUnavailable:
                continue  # who asks is told; the next look may succeed

    async def _look(self, older: float) -> None:
        """Read the book, unless that was done less than `older` seconds ago."""
        async with self._lock:
            began = time.monotonic()
            if began - self._looked < older:
                return
            try:
                found = await asyncio.get_running_loop().run_in_executor(None, self._book.known)
            except LogUnavailable as error:
                raise DirectoryUnavailable(str(error)) from error
            self._known, self._looked = {**found, **self._own}, began
