"""Group commit for asyncio: while one commit runs, the next batch fills. No timer: an idle log commits at once."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import TypeVar

from serving.log.commit import Appended, Outcome
from serving.log.database import LogUnavailable
from serving.log.decision_log import DecisionLog
from serving.log.entry import Entry, RecordError, encode
from serving.log.record import Record

T = TypeVar("T")
Heard = Callable[[int, float, bool], None]
Waiting = tuple[Entry, "asyncio.Future[Appended]"]
Forsaken = Callable[[Record, Appended | BaseException | None], None]


SHORT = 32
"""Records, or decisions, that are made on the event loop at once: about 2 ms. More are a thread's work."""
PACE = 8
"""Items of a batch after which other requests get their turn: about 1 ms; each passes the loop some times."""


class LogOverloaded(RuntimeError):
    """More records wait than the log may keep waiting; the request was not logged, try again later."""


class Batcher:
    """Appends records of many requests in few commits; belongs to one event loop, commits in a thread of its own.

    `room` bounds how many records wait for the commit that runs, `largest` how many one commit writes; `heard` is told
    of each commit: records, seconds, whether it failed.
    """

    def __init__(
        self, log: DecisionLog, *, room: int = 4000, largest: int = 1000, heard: Heard = lambda *commit: None
    ) -> None:
        self._log, self._room, self._largest, self._heard = log, room, largest, heard
        self._waiting: deque[Waiting] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="decision-log")
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self.forsaken: Forsaken = lambda record, outcome: None
        """Told what became of a record whose caller was cancelled; None: it never came to a commit."""

    async def append(self, record: Record) -> Appended:
        """Return once the record, or the one that came first under its idempotency key, is on disk.

        Raises `RecordError` (and its kinds `IdempotencyConflict`, `DuplicateDecision`), `LogOverloaded` or
        `LogUnavailable`. A caller that is cancelled may find its record logged all the same.
        """
        (outcome,) = await self.append_all([record])
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    async def append_all(self, records: Sequence[Record]) -> list[Appended | BaseException]:
        """As `append` for many records, of which up to `largest` are in one commit; each has an outcome of its own.

        Raises `LogOverloaded` or `LogUnavailable` when none of them is taken in.
        """
        waiting: list[Waiting] = []
        try:
            waiting = self._take_in([encode(record) async for record in paced(records)])
            if len(waiting) == 1:
                return [await _outcome(waiting[0][1])]
            return await asyncio.gather(*(done for _, done in waiting), return_exceptions=True)
        except asyncio.CancelledError:
            self._forsake(records, waiting)
            raise

    @property
    def waiting(self) -> int:
        """How many records wait for the next commit."""
        return len(self._waiting)

    async def close(self) -> None:
        """Refuse new records, commit those that wait, end the thread; the log itself stays open."""
        self._closed = True
        if self._task is not None:
            await self._task
        self._thread.shutdown()

    async def __aenter__(self) -> "Batcher":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _take_in(self, entries: Sequence[Entry]) -> list[Waiting]:
        if self._closed:
            raise LogUnavailable(
                "the decision log is closed: this worker is stopping; expected requests to another one"
            )
        if len(self._waiting) + len(entries) > self._room:
            raise LogOverloaded(f"found {len(self._waiting)} records waiting to be logged, expected under {self._room}")
        loop = asyncio.get_running_loop()
        waiting: list[Waiting] = [(entry, loop.create_future()) for entry in entries]
        self._waiting.extend(waiting)
        if self._task is None:
            self._task = asyncio.create_task(self._drain())
        return waiting

    def _forsake(self, records: Sequence[Record], waiting: Sequence[Waiting]) -> None:
        """Tell what is known already; of those that still wait, their commit will."""
        for record in () if waiting else records:
            self.forsaken(record, None)
        for entry, done in waiting:
            if not done.cancelled():
                self.forsaken(entry.record, done.exception() or done.result())

    async def _drain(self) -> None:
        try:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(self._largest, len(self._waiting)))]
                began, failed = time.perf_counter(), False
                try:
                    outcomes = await self._commit([entry for entry, _ in batch])
                except Exception as error:
                    failed = True
                    self._fail(batch, error)
                else:
                    self._settle(batch, outcomes)
                self._heard(len(batch), time.perf_counter() - began, failed)
        finally:
            self._task = None

    def _settle(self, batch: list[Waiting], outcomes: list[Outcome]) -> None:
        for (entry, done), outcome in zip(batch, outcomes, strict=True):
            if done.cancelled():
                self.forsaken(entry.record, outcome)
            elif isinstance(outcome, RecordError):
                done.set_exception(outcome)
            else:
                done.set_result(outcome)

    def _fail(self, batch: list[Waiting], error: Exception) -> None:
        unavailable = isinstance(error, LogUnavailable)
        for entry, done in batch:
            # Each caller gets an exception of its own: a shared one would gather the tracebacks of all.
            own = LogUnavailable(str(error)) if unavailable else RuntimeError(f"decision log: {error!r}")
            if done.cancelled():
                self.forsaken(entry.record, own)
            else:
                done.set_exception(own)

    async def _commit(self, entries: list[Entry]) -> list[Outcome]:
        """Write on the loop, and only sync in the thread, where that waits for nobody and is soon done.

        A thread that writes lets go of the interpreter some twenty times, and under load waits for it each time.
        """
        run = asyncio.get_running_loop().run_in_executor
        staged = self._log.stage(entries) if len(entries) <= SHORT else None
        if staged is None:
            return await run(self._thread, self._log.commit, entries)
        try:
            committed = run(self._thread, staged.commit)
        except BaseException:  # the thread takes nothing more: the worker ends
            staged.undo()
            raise
        # Whoever gives up waiting must not keep it from being committed: it holds the file.
        await asyncio.shield(committed)
        return staged.result


async def paced(items: Iterable[T]) -> AsyncIterator[T]:
    """The items, with a turn for everyone else on the event loop after every `PACE` of them."""
    for place, item in enumerate(items, 1):
        yield item
        if place % PACE == 0:
            await asyncio.sleep(0)


async def _outcome(done: "asyncio.Future[Appended]") -> Appended | BaseException:
    """What `gather` would give, without a future around it."""
    try:
        return await done
    except Exception as error:
        return error
