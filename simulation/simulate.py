"""Simulating without a lender: a policy decides, shards are streamed one after another, on as many cores as asked."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from datetime import date
from pathlib import Path

from simulation.calendar import Day, days
from simulation.decisions import Decisions
from simulation.description import Description, WorldError
from simulation.policies import POLICIES, Policy, chosen
from simulation.records.landing import drop_empty
from simulation.shard import Shard

Progress = Callable[[int, int], None]
"""Told how many shard-months are done, of how many."""
LOOK_SECONDS = 1.0


def simulate(
    described: Description,
    months: int,
    out: Path,
    *,
    since: date | None = None,
    workers: int = 1,
    progress: Progress = lambda done, total: None,
) -> None:
    """Run a world so many months from its start; what is there already is not done again.

    With `since` everything from that day on is done anew. A run that was killed goes on and ends with the same bytes.
    """
    if described.policy not in POLICIES:
        raise WorldError(f"no policy {described.policy!r}: take one of {', '.join(POLICIES)}")
    first, *_, last = days(described.scenario.start, months)
    if since is not None and not first.date <= since <= last.date:
        raise WorldError(f"no day {since} in these {months} months: take one from {first.date} to {last.date}")
    described.settle(out)
    _stream_all(described, months, out, since, workers, progress)
    if since is not None:
        # Only now: a shard's process must not take away the folder that another is about to write into.
        drop_empty(out)


def _stream_all(
    described: Description, months: int, out: Path, since: date | None, workers: int, progress: Progress
) -> None:
    firsts, total = list(described.firsts()), months * len(described.firsts())
    if workers == 1 or len(firsts) == 1:
        for before, first in enumerate(firsts):
            stream(described, months, out, first, since, _counting(progress, before * months, total))
        return
    # Spawned, not forked: Polars' threads do not survive a fork.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        tasks = [pool.submit(stream, described, months, out, first, since) for first in firsts]
        _watch(tasks, lambda: progress(_months_done(out), total))


def stream(
    described: Description,
    months: int,
    out: Path,
    first: int,
    since: date | None = None,
    month_done: Callable[[int], None] = lambda done: None,
) -> None:
    """One shard from where it is to the end."""
    shard, policy = described.open_shard(out, first), chosen(described.policy, described.scenario)
    if since is not None:
        shard.rewind(Day.on(since))
    behind = shard.done.number if shard.done else -1
    opening = Day.on(described.scenario.start).month
    for day in days(described.scenario.start, months):
        if day.number > behind:
            step(shard, policy, day)
            if Day(day.number + 1).opens_month:
                month_done(day.month - opening + 1)


def step(shard: Shard, policy: Policy, day: Day) -> None:
    """A day as the policy decides it."""
    before = Day(day.number - 1)
    opening = shard.done is None
    shard.step(day, Decisions() if opening else policy.decide(before, shard.waiting))


def _counting(progress: Progress, before: int, total: int) -> Callable[[int], None]:
    return lambda done: progress(before + done, total)


def _watch(tasks: list[Future[None]], look: Callable[[], None]) -> None:
    left = set(tasks)
    while left:
        done, left = wait(left, timeout=LOOK_SECONDS, return_when=FIRST_COMPLETED)
        for task in done:
            task.result()
        look()


def _months_done(out: Path) -> int:
    return sum(1 for _ in out.glob("checkpoints/*/????-??-??"))
