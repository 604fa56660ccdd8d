"""The records of decisions on one request or many, made without holding up the event loop."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any, TypeVar

from serving.answers import record_of
from serving.applications import Circumstances
from serving.asked import Asked
from serving.decisions import Decision, Decisions
from serving.desk import Desk, Looked
from serving.log.batcher import SHORT, paced
from serving.log.database import LogUnavailable
from serving.log.reader import LogReader
from serving.log.record import Record

T = TypeVar("T")
Decided = tuple[Callable[[int], Decision], Sequence[Circumstances]]
"""The decision of each row, and the circumstances in which it was made."""


async def together(works: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """What all of them return, which go on side by side; they are begun with turns for everyone else between."""
    tasks: list[asyncio.Task[T]] = []
    try:
        async for work in paced(works):
            tasks.append(asyncio.create_task(work))
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


async def noted_again(asked: Sequence[Asked], log: LogReader) -> list[Asked]:
    """The requests of one partner, each saying whether it was answered before: a batch that is sent again."""
    keys = [one.idempotency_key for one in asked if one.idempotency_key is not None]
    if not keys:
        return list(asked)
    try:
        known = await asyncio.get_running_loop().run_in_executor(None, log.answered, asked[0].partner, keys)
    except LogUnavailable:  # then they count twice, and more is left to people
        known = set()
    return [replace(one, again=one.idempotency_key in known) for one in asked]


async def recorded(
    desk: Desk, looked: Looked, asked: Sequence[Asked], found: Sequence[Circumstances], threads: Executor
) -> list[Record]:
    """The record of the decision on each request; in a batch, a quota has what the requests before it left."""
    decided, found = await _decide(desk, looked, asked, found, threads)
    return [record_of(one, desk, looked, decided(row), found[row], row) async for row, one in paced(enumerate(asked))]


async def _decide(
    desk: Desk, looked: Looked, asked: Sequence[Asked], found: Sequence[Circumstances], threads: Executor
) -> Decided:
    kind, applications = asked[0].kind, [one.application for one in asked]
    if len(asked) == 1:
        alone = desk.decide(kind, looked, application=applications[0], circumstances=found[0])
        return lambda row: alone, found
    given = (kind, looked, applications, found, True)
    if len(asked) <= SHORT:
        decisions = desk.decide_all(*given)
    else:
        # In a thread: NumPy and CatBoost let go of the interpreter, and single requests go on meanwhile.
        decisions = await asyncio.get_running_loop().run_in_executor(threads, desk.decide_all, *given)
    return decisions.one, made_in(found, decisions)


def made_in(found: Sequence[Circumstances], decisions: Decisions) -> Sequence[Circumstances]:
    """The circumstances of each row with what it found used, which is what those before it took too."""
    if decisions.used is None:
        return found
    return [replace(one, used=used) for one, used in zip(found, decisions.used, strict=True)]
