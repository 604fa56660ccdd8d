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
from serving.partners.tokens import looks_like_token, make_token, narrowed, read_token

LOOK_SECONDS = 0.4  # how often the book is read
STALE_SECONDS = 0.9  # nobody is let in on what is older than this
STRANGERS = 64  # so many unknown keys wait for a second look at a time; more are refused at the first
MISS_SECONDS = 0.1  # unknown keys are looked for at most so often: guessing costs the database nothing
# Its own quota is not a limit on anyone but the deploy check.
_OWN = Partner(PLATFORM, frozenset(SCOPES), frozenset({ALL}), Quota(1000, 1), 100)


class DirectoryUnavailable(RuntimeError):
    """The partners cannot be read, so nobody can be let in."""


class Directory:
    """Whose key a key is; belongs to one event loop."""

    def __init__(self, book: Book, secret: bytes, *, tokens: bool = False) -> None:
        """`tokens`: let partners in by token too."""
        self._book, self._secret, self._tokens = book, secret, tokens
        own = own_key(secret, PLATFORM)
        self._own = {str(key_id(own)): Known(keyed_hash(secret, own), _OWN, None)}
        self._known: dict[str, Known] = {}
        self._looked = float("-inf")
        self._strangers = 0
        self._lock = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def partner(self, key: str, at: datetime) -> Partner | None:
        """The partner that `key` belongs to; None: nobody's, or it is over. Raises `DirectoryUnavailable`."""
        if self._task is None:
            self._task = asyncio.create_task(self._follow())
        if time.monotonic() - self._looked > STALE_SECONDS:
            await self._look(STALE_SECONDS)
        if looks_like_token(key):
            return await self._of_token(key, at)
        name = key_id(key)
        if name is None:
            return None
        known = await self._found(name)
        # An unknown id takes longer, as it is looked for: which ids there are is no secret, and lets nobody in.
        matches = hmac.compare_digest(keyed_hash(self._secret, key), known.hash if known else "")
        if known is None or not matches or (known.ends_at is not None and known.ends_at <= at):
            return None
        return known.partner

    def token(self, key: str, scopes: frozenset[str], at: datetime) -> str:
        """A token for who came with this key, for no more than these scopes."""
        return make_token(self._secret, str(key_id(key)), scopes, at)

    async def close(self) -> None:
        """Stop following the book, and close it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._book.close()

    async def _found(self, name: str) -> Known | None:
        if name not in self._known:
            asked = time.monotonic()
            await self._look(MISS_SECONDS)
            if name not in self._known and self._looked < asked and self._strangers < STRANGERS:
                await self._look_again()
        return self._known.get(name)

    async def _look_again(self) -> None:
        """The book was read a moment before this key was asked for: it may have been added since."""
        self._strangers += 1
        try:
            await asyncio.sleep(MISS_SECONDS)
            await self._look(MISS_SECONDS)
        finally:
            self._strangers -= 1

    async def _of_token(self, token: str, at: datetime) -> Partner | None:
        claims = read_token(self._secret, token, at) if self._tokens else None
        known = await self._found(claims[0]) if claims else None
        # A token is open no longer than the key it was given for.
        if claims is None or known is None or (known.ends_at is not None and known.ends_at <= at):
            return None
        return narrowed(known.partner, claims[1])

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
