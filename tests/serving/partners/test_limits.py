"""Workers count together: real processes on SQLite and on Redis."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.partners import counts as counting
from serving.partners.counts import open_counts
from serving.partners.limits import PartnerLimits, open_limits
from serving.partners.partner import make_partner
from tests.servers import RedisServer

SHOP = make_partner("shop", "decide", "*", "500/h", 10)
PATIENCE = 30.0
"""Seconds after which something hangs."""


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=pytest.mark.integration)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'counts.db'}"
    else:
        server = RedisServer(tmp_path / "redis")
        server.start()
        yield server.url
        server.stop()


def line(worker: "subprocess.Popen[str]") -> int:
    assert worker.stdout is not None
    return int(worker.stdout.readline())


def test_two_workers_share_a_quota_and_slots_and_one_that_is_killed_frees_its_own(url: str) -> None:
    command = [sys.executable, "-m", "tests.serving.partners.limiter", url, str(time.time())]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with (
        subprocess.Popen(command, **pipes) as one,  # type: ignore[call-overload]
        subprocess.Popen(command, **pipes) as two,  # type: ignore[call-overload]
    ):
        taken = [line(worker) for worker in (one, two)]
        # What one worker has leased and not used is lost to the other: at most a part of each.
        assert 500 - 2 * (500 // 50) <= sum(taken) <= 500
        assert min(taken) >= 100
        assert sum(line(worker) for worker in (one, two)) == 10
        one.kill()
        two.communicate("leave\n")

    async def all_slots() -> bool:
        limits = open_limits(url)
        end = time.monotonic() + 2 * counting.LAPSE_SECONDS
        entered = 0
        while entered < 10 and time.monotonic() < end:
            entered += await limits.slots.enter(SHOP)
            await asyncio.sleep(0.01)
        await limits.close()
        return entered == 10

    assert asyncio.run(all_slots())


def test_slots_not_needed_are_given_back(url: str) -> None:
    async def work() -> list[bool]:
        one, two = open_limits(url), open_limits(url)
        first = [await one.slots.enter(SHOP) for _ in range(10)]
        for _ in first:
            one.slots.leave(SHOP)
        full = await two.slots.enter(SHOP)
        end = time.monotonic() + 5
        while not (free := await two.slots.enter(SHOP)) and time.monotonic() < end:
            await asyncio.sleep(0.05)
        await one.close()
        await two.close()
        return [*first, full, free]

    assert asyncio.run(work()) == [*[True] * 10, False, True]


@pytest.mark.integration
def test_when_redis_stops_each_worker_counts_for_itself(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    server = RedisServer(tmp_path / "redis")
    server.start()

    told: list[tuple[str, str, str, int]] = []

    async def work() -> tuple[list[bool], int | None]:
        limits = open_limits(server.url, lambda *one: told.append(one))
        assert await limits.slots.enter(SHOP)
        server.stop()
        async with asyncio.timeout(PATIENCE):
            entered = [await limits.slots.enter(SHOP) for _ in range(12)]
        wait = await limits.quotas.take(SHOP, time.time(), 60)
        for _ in range(10):
            limits.slots.leave(SHOP)
        await limits.close()
        return entered, wait

    entered, wait = asyncio.run(work())
    assert (sum(entered), wait) == (9, None)
    assert ("concurrency", "uncounted", "shop", 1) in told
    assert ("concurrency", "refused", "shop", 1) in told
    assert ("quota", "uncounted", "shop", 60) in told
    assert {"slots not counted", "quotas not counted"} <= {record.message for record in caplog.records}


def test_a_limit_that_is_lowered_holds_at_once(tmp_path: Path) -> None:
    narrow = make_partner("shop", "decide", "*", "500/h", 2)

    async def work() -> list[bool]:
        limits = PartnerLimits(open_counts(f"sqlite:///{tmp_path / 'counts.db'}"), "one")
        entered = [await limits.slots.enter(partner) for partner in (SHOP, SHOP, narrow)]
        await limits.close()
        return entered

    assert asyncio.run(work()) == [True, True, False]


@pytest.mark.parametrize("url", ["memcached://x", "sqlite://relative", ""])
def test_what_cannot_count_is_refused(url: str) -> None:
    with pytest.raises(counting.CountsUnavailable, match="expected redis://"):
        open_counts(url)
