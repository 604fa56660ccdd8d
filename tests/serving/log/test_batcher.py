"""Group commit from asyncio."""

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from serving.log.batcher import Batcher, LogOverloaded
from serving.log.commit import IdempotencyConflict, Outcome
from serving.log.database import LogUnavailable
from serving.log.decision_log import DecisionLog, open_log
from serving.log.entry import Entry, RecordError
from tests.serving.log.examples import make_record
from tests.serving.log.keyring import KEYS


class SlowLog(DecisionLog):
    """A real log whose commits wait until they are let through, and fail when told to."""

    def __init__(self, path: Path) -> None:
        opened = open_log(f"sqlite:///{path}", KEYS)
        super().__init__(opened._database, opened.vault)
        self.gate, self.started = threading.Semaphore(0), threading.Semaphore(0)
        self.sizes: list[int] = []
        self.failing: set[int] = set()  # places of commits

    def stage(self, entries: Sequence[Entry]) -> None:
        """None: every commit goes by `commit`."""

    def commit(self, entries: Sequence[Entry]) -> list[Outcome]:
        self.sizes.append(len(entries))
        self.started.release()
        self.gate.acquire()
        if len(self.sizes) in self.failing:
            raise LogUnavailable("the disk is full")
        return super().commit(entries)


@pytest.fixture
def slow(tmp_path):
    log = SlowLog(tmp_path / "log.db")
    yield log
    log.close()


async def started(log: SlowLog) -> None:
    await asyncio.to_thread(log.started.acquire)


def test_many_appends_are_few_commits(log):
    async def work() -> None:
        async with Batcher(log) as batcher:
            answers = await asyncio.gather(*(batcher.append(make_record(second)) for second in range(300)))
            assert all(answer.ours for answer in answers)

    asyncio.run(work())
    assert log.head().records == 300
    assert log.head().number <= 3
    assert log.verify().valid


def test_the_next_batch_fills_while_one_commits(slow):
    async def work() -> None:
        async with Batcher(slow, largest=4) as batcher:
            first = asyncio.create_task(batcher.append(make_record()))
            await started(slow)
            others = [asyncio.create_task(batcher.append(make_record(second))) for second in range(6)]
            await asyncio.sleep(0)
            assert batcher.waiting == 6
            assert not first.done()
            slow.gate.release(3)
            await asyncio.gather(first, *others)

    asyncio.run(work())
    assert slow.sizes == [1, 4, 2]


def test_an_answer_waits_for_its_commit(slow):
    async def work() -> None:
        async with Batcher(slow) as batcher:
            record = make_record()
            waiting = asyncio.create_task(batcher.append(record))
            await started(slow)
            await asyncio.sleep(0.02)
            assert not waiting.done()
            slow.gate.release()
            await waiting
            assert slow.find(record.decision_id) == record

    asyncio.run(work())


def test_a_full_queue_refuses_at_once(slow):
    async def work() -> None:
        async with Batcher(slow, room=2) as batcher:
            first = asyncio.create_task(batcher.append(make_record()))
            await started(slow)
            others = [asyncio.create_task(batcher.append(make_record(second))) for second in range(2)]
            await asyncio.sleep(0)
            with pytest.raises(LogOverloaded, match="found 2 records waiting"):
                await batcher.append(make_record(9))
            slow.gate.release(2)
            await asyncio.gather(first, *others)

    asyncio.run(work())
    assert slow.head().records == 3


def test_a_failed_commit_fails_its_own_callers_only(slow):
    slow.failing = {2}

    async def work() -> list[object]:
        async with Batcher(slow) as batcher:
            first = asyncio.create_task(batcher.append(make_record()))
            await started(slow)
            others = [asyncio.create_task(batcher.append(make_record(second))) for second in range(2)]
            await asyncio.sleep(0)
            slow.gate.release(2)
            await asyncio.wait(others)
            slow.gate.release()
            last = await batcher.append(make_record())
            return [await first, last, *await asyncio.gather(*others, return_exceptions=True)]

    first, last, *failed = asyncio.run(work())
    assert first.ours
    assert last.ours
    assert [type(error) for error in failed] == [LogUnavailable, LogUnavailable]
    assert failed[0] is not failed[1]
    assert slow.head().records == 2


def test_an_error_of_the_log_itself_does_not_stop_it(slow):
    async def work() -> None:
        async with Batcher(slow) as batcher:
            slow.gate.release(2)
            proper, slow._database = slow._database, None
            with pytest.raises(RuntimeError, match="decision log: AttributeError"):
                await batcher.append(make_record())
            slow._database = proper
            assert (await batcher.append(make_record())).ours

    asyncio.run(work())


def test_a_bad_record_fails_alone(log):
    async def work() -> list[object]:
        async with Batcher(log) as batcher:
            records = [make_record(0), make_record(1, features={"income": float("nan")}), make_record(2)]
            return await asyncio.gather(*map(batcher.append, records), return_exceptions=True)

    good, bad, also_good = asyncio.run(work())
    assert good.ours
    assert also_good.ours
    assert isinstance(bad, RecordError)


def test_a_race_in_one_process_has_one_winner(log):
    async def work() -> list[object]:
        async with Batcher(log) as batcher:
            same = [make_record(second, idempotency_key="k", request_digest="d") for second in range(50)]
            other = make_record(60, idempotency_key="k", request_digest="e")
            return await asyncio.gather(*map(batcher.append, [*same, other]), return_exceptions=True)

    *answers, conflict = asyncio.run(work())
    assert [answer.ours for answer in answers] == [True] + [False] * 49
    assert len({answer.record.decision_id for answer in answers}) == 1
    assert isinstance(conflict, IdempotencyConflict)


def test_a_caller_that_goes_away_disturbs_no_one(slow):
    async def work() -> None:
        async with Batcher(slow) as batcher:
            gone = asyncio.create_task(batcher.append(make_record(0)))
            stays = asyncio.create_task(batcher.append(make_record(1)))
            await started(slow)
            gone.cancel()
            slow.gate.release(2)
            assert (await stays).ours

    asyncio.run(work())


def test_closing_commits_what_waits_and_refuses_the_rest(slow):
    async def work() -> None:
        batcher = Batcher(slow)
        tasks = [asyncio.create_task(batcher.append(make_record(second))) for second in range(3)]
        await started(slow)
        closing = asyncio.create_task(batcher.close())
        await asyncio.sleep(0)
        with pytest.raises(LogUnavailable, match="is closed"):
            await batcher.append(make_record(9))
        slow.gate.release(3)
        await closing
        assert all(answer.ours for answer in await asyncio.gather(*tasks))
        await batcher.close()

    asyncio.run(work())
    assert slow.head().records == 3


def test_a_batcher_that_was_never_used_closes(slow):
    async def work() -> None:
        async with Batcher(slow):
            pass

    asyncio.run(work())
