"""Callers who go away while their records are made, wait or are committed; and turns for those who stay."""

import asyncio

import pytest

from serving.log.batcher import PACE, Batcher, paced
from serving.log.database import LogUnavailable
from tests.serving.log.examples import make_record
from tests.serving.log.test_batcher import SlowLog, started


@pytest.fixture
def slow(tmp_path):
    log = SlowLog(tmp_path / "log.db")
    yield log
    log.close()


def test_what_became_of_a_record_is_told_when_its_caller_has_gone(slow):
    slow.failing = {2}
    told = []
    records = [make_record(0, idempotency_key="k", request_digest="d"), make_record(1), make_record(2)]
    again = make_record(3, idempotency_key="k", request_digest="d")

    async def work() -> None:
        async with Batcher(slow, largest=1) as batcher:
            batcher.forsaken = lambda record, outcome: told.append((record, outcome))
            tasks = [asyncio.create_task(batcher.append(record)) for record in (*records, again)]
            await started(slow)
            for task in tasks:
                task.cancel()
            slow.gate.release(5)
            stays = await batcher.append(make_record(9))
            assert stays.ours

    asyncio.run(work())
    assert [record for record, _ in told] == [*records, again]
    (written, lost, also_written, repeated) = [outcome for _, outcome in told]
    assert (written.ours, also_written.ours, repeated.ours) == (True, True, False)
    assert isinstance(lost, LogUnavailable)


def test_a_caller_that_goes_away_before_its_records_are_taken_in_is_told_of_too(slow):
    told = []
    records = [make_record(second) for second in range(2 * PACE)]

    async def work() -> None:
        async with Batcher(slow) as batcher:
            batcher.forsaken = lambda record, outcome: told.append((record, outcome))
            gone = asyncio.create_task(batcher.append_all(records))
            await asyncio.sleep(0)
            gone.cancel()
            with pytest.raises(asyncio.CancelledError):
                await gone

    asyncio.run(work())
    assert told == [(record, None) for record in records]
    assert slow.sizes == []


def test_a_log_that_closes_while_records_are_made_takes_none_of_them_in(slow):
    async def work() -> None:
        batcher = Batcher(slow)
        asking = asyncio.create_task(batcher.append_all([make_record(second) for second in range(2 * PACE)]))
        await asyncio.sleep(0)
        await batcher.close()
        with pytest.raises(LogUnavailable, match="closed"):
            await asking

    asyncio.run(work())
    assert slow.sizes == []


def test_others_have_their_turn_among_the_items_of_a_batch():
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def work() -> None:
        counting = asyncio.create_task(count())
        assert [item async for item in paced(range(1000))] == list(range(1000))
        counting.cancel()

    asyncio.run(work())
    assert turns >= 100
