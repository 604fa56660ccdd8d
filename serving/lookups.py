"""Features of requests that come one by one, each read in the way that its store is read best.

An SQLite file is read at once, Redis on the event loop. Of other stores threads read for those that have come together:
while one read runs, the next group fills. No timer; a request that comes while nothing is read is read for alone.
"""

import asyncio
from concurrent.futures import Executor
from datetime import datetime
from typing import Any

from serving.desk import Desk, Key, Looked

Waiting = tuple[Key, datetime, "asyncio.Future[Looked]"]
TURNS = 3  # of the event loop, in which a reply that is there already is taken in: bytes, rows, and who waits for them


class Lookups:
    """Looks up single entities at the desks of one worker; belongs to one event loop, reads in `threads`."""

    def __init__(self, threads: Executor) -> None:
        self._threads = threads
        self._waiting: dict[int, list[Waiting]] = {}  # by desk, while one is read for it

    def look_up(self, desk: Desk, entity: Key, at: datetime) -> "Looked | asyncio.Future[Looked]":
        """The features of an entity, aged at `at`, or what will be them; who waits no longer cancels it."""
        if desk.reader.way == "at_once":
            return desk.look_up([entity], at)
        if desk.reader.way == "soon":
            return asyncio.ensure_future(desk.look_up_soon(entity, at))
        return self._grouped(desk, entity, at)

    def _grouped(self, desk: Desk, entity: Key, at: datetime) -> "asyncio.Future[Looked]":
        done: asyncio.Future[Looked] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.get(id(desk))
        if waiting is None:
            self._waiting[id(desk)] = []
            self._read(desk, [(entity, at, done)])
        else:
            waiting.append((entity, at, done))
        return done

    def _read(self, desk: Desk, group: list[Waiting]) -> None:
        asked = [(entity, at) for entity, at, _ in group]
        reading = asyncio.get_running_loop().run_in_executor(self._threads, desk.look_up_each, asked)

        def settle(read: "asyncio.Future[list[Looked]]") -> None:
            self._settle(group, read)
            # Those whose time ran out while they waited are not read for.
            left = [one for one in self._waiting[id(desk)] if not one[2].done()]
            if left:
                self._waiting[id(desk)] = []
                self._read(desk, left)
            else:
                del self._waiting[id(desk)]

        reading.add_done_callback(settle)

    @staticmethod
    def _settle(group: list[Waiting], read: "asyncio.Future[list[Looked]]") -> None:
        failed = read.cancelled() or read.exception() is not None
        for place, (_, _, done) in enumerate(group):
            if done.done():
                continue
            if failed:
                done.cancel()
            else:
                done.set_result(read.result()[place])


async def in_time(reading: "asyncio.Future[Any]", seconds: float) -> bool:
    """Whether it is done within `seconds`; if not, it is cancelled.

    Not `wait_for`: what has come while the loop was busy with others is not late.
    """
    await asyncio.wait([reading], timeout=seconds)
    for _ in range(TURNS):
        if reading.done():
            return True
        await asyncio.sleep(0)
    return reading.done() or not reading.cancel()
