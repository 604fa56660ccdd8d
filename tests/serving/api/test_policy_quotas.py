"""The quotas of a policy hold for whatever comes in between two looks at the log."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from serving import quotas
from serving.answers import decide_again
from serving.api.batches import LARGEST
from serving.clerk import PIECE, Clerk
from serving.desk import Desk
from serving.log.batcher import LogOverloaded
from serving.log.database import LogUnavailable, open_database
from serving.log.decision_log import DecisionLog
from serving.log.record import Record
from serving.quotas import QuotaCounts
from serving.release import load_release
from tests.serving.api.worker import DECISIONS, Worker
from tests.serving.small_releases import PORTFOLIO

BATCH = f"{DECISIONS}:batch"
DAILY = {"id": "daily", "of": "approvals", "each": "day", "at_most": 60}
GOOD = {"entity_id": 1, "amount": 100}
Opened = Callable[..., Worker]


@pytest.fixture
def opened(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opened]:
    monkeypatch.setattr(quotas, "LOOK_SECONDS", 30.0)  # one look: what is granted after it, nobody reads
    monkeypatch.setattr(quotas, "STALE_SECONDS", 60.0)
    workers: list[Worker] = []

    def open_with(*given: dict[str, Any], look: float = 30.0) -> Worker:
        monkeypatch.setattr(quotas, "LOOK_SECONDS", look)
        worker = Worker(tmp_path, url=url, risk={"quotas": list(given)})
        worker.key = worker.partner("busy", "decide", "*", quota="100000/h")

        def counting(clerk: Clerk) -> None:
            clerk.inquiry.quotas = QuotaCounts(open_database(url), worker.log.vault)

        worker.prepared = counting
        workers.append(worker)
        return worker

    yield open_with
    for worker in workers:
        worker.close()


def outcomes(response: httpx.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [one["answer"]["outcome"] for one in response.json()["results"]]


def codes(response: httpx.Response) -> list[str]:
    return [reason["code"] for reason in response.json()["reasons"]]


def test_a_batch_does_not_pass_a_quota_and_the_next_request_sees_what_it_took(opened: Opened) -> None:
    worker = opened(DAILY)

    async def ask() -> tuple[list[str], httpx.Response]:
        async with worker.client() as client:
            found = outcomes(await client.post(BATCH, json={"items": [GOOD] * 700}))
            return found, await client.post(DECISIONS, json=GOOD)

    found, single = asyncio.run(ask())
    assert found == ["approve"] * 60 + ["review"] * 640
    assert "QUOTA_REACHED" in codes(single)


def test_whatever_comes_at_a_time_does_not_pass_a_quota(opened: Opened) -> None:
    worker = opened({**DAILY, "at_most": 250})

    async def ask() -> Counter[str]:
        async with worker.client() as client:
            batches = [client.post(BATCH, json={"items": [GOOD] * 80}) for _ in range(3)]
            singles = [client.post(DECISIONS, json=GOOD) for _ in range(40)]
            found = await asyncio.gather(*singles[:20], *batches, *singles[20:])
        single = [one.json()["outcome"] for one in found if "results" not in one.json()]
        return Counter([*single, *(outcome for one in found if "results" in one.json() for outcome in outcomes(one))])

    assert asyncio.run(ask()) == {"approve": 250, "review": 30}


@pytest.mark.parametrize(("amount", "quota"), [(100, 300), (0.1, 0.3)])
@pytest.mark.parametrize("look", [0.0, 30.0])
def test_one_after_the_other_each_approval_counts_once_however_often_the_log_is_looked_at(
    opened: Opened, look: float, amount: float, quota: float
) -> None:
    worker = opened({**DAILY, "of": "amount", "at_most": quota}, look=look)

    async def ask() -> list[str]:
        async with worker.client() as client:
            return [(await client.post(DECISIONS, json={**GOOD, "amount": amount})).json()["outcome"] for _ in range(5)]

    assert asyncio.run(ask()) == ["approve"] * 3 + ["review"] * 2


def test_a_repeated_request_and_one_that_is_not_logged_take_nothing(opened: Opened) -> None:
    worker = opened({**DAILY, "at_most": 2})

    async def ask() -> list[str]:
        async with worker.opened() as clerk:
            bearer = {"Authorization": f"Bearer {worker.key}"}
            transport = httpx.ASGITransport(worker.app(clerk), raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://service", headers=bearer) as client:
                for _ in range(4):
                    again = await client.post(DECISIONS, json=GOOD, headers={"Idempotency-Key": "one"})
                    assert again.json()["outcome"] == "approve"
                append_all = clerk.log.append_all
                clerk.log.append_all = refused  # type: ignore[method-assign]
                assert (await client.post(DECISIONS, json=GOOD)).status_code == 503
                clerk.log.append_all = append_all  # type: ignore[method-assign]
                return [(await client.post(DECISIONS, json=GOOD)).json()["outcome"] for _ in range(2)]

    assert asyncio.run(ask()) == ["approve", "review"]


def test_an_approval_whose_commit_failed_counts_no_longer_than_the_log_can_have_it(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quotas, "DOUBT_SECONDS", 0.0)
    worker = opened({**DAILY, "at_most": 1}, look=0.0)

    async def ask() -> list[str]:
        async with worker.opened() as clerk:
            bearer = {"Authorization": f"Bearer {worker.key}"}
            transport = httpx.ASGITransport(worker.app(clerk), raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://service", headers=bearer) as client:
                append_all = clerk.log.append_all
                clerk.log.append_all = lost  # type: ignore[method-assign]
                assert (await client.post(DECISIONS, json=GOOD)).status_code == 503
                clerk.log.append_all = append_all  # type: ignore[method-assign]
                await client.post(DECISIONS, json={**GOOD, "entity_id": 2})  # a look after which the doubt is over
                return [(await client.post(DECISIONS, json=GOOD)).json()["outcome"] for _ in range(2)]

    assert asyncio.run(ask()) == ["approve", "review"]


@pytest.mark.parametrize("items", [1, 40])
def test_an_approval_whose_caller_gave_up_counts_no_longer_than_the_log_can_have_it(
    opened: Opened, monkeypatch: pytest.MonkeyPatch, items: int
) -> None:
    monkeypatch.setattr(quotas, "DOUBT_SECONDS", 0.0)
    worker = opened({**DAILY, "at_most": items}, look=0.0)
    gate, commit = threading.Event(), worker.log.commit

    def failing(entries: Any) -> Any:
        gate.wait(10)
        raise LogUnavailable("gone")

    async def ask() -> list[str]:
        async with worker.opened(log_seconds=0.05) as clerk:
            bearer = {"Authorization": f"Bearer {worker.key}"}
            transport = httpx.ASGITransport(worker.app(clerk), raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://service", headers=bearer) as client:
                monkeypatch.setattr(worker.log, "stage", lambda entries: None)
                monkeypatch.setattr(worker.log, "commit", failing)
                response = await client.post(BATCH, json={"items": [GOOD] * items})
                assert [one["status"] for one in response.json().get("results", [])] in ([], [503] * items)
                gate.set()
                while clerk.log._task is not None:
                    await asyncio.sleep(0.01)
                monkeypatch.setattr(worker.log, "commit", commit)
                clerk.log_seconds = 5.0
                await client.post(DECISIONS, json={**GOOD, "entity_id": 2})  # a look after which the doubt is over
                return outcomes(await client.post(BATCH, json={"items": [GOOD] * (items + 1)}))

    assert asyncio.run(ask()) == ["approve"] * items + ["review"]


async def lost(records: list[Record]) -> Any:
    return [LogUnavailable("gone") for _ in records]


async def refused(records: list[Record]) -> Any:
    raise LogOverloaded("full")


def test_each_row_of_a_batch_is_decided_again_as_it_was(opened: Opened) -> None:
    worker = opened({**DAILY, "at_most": 2})

    async def ask() -> list[Any]:
        async with worker.client() as client:
            return list((await client.post(BATCH, json={"items": [GOOD] * 4})).json()["results"])

    desk = Desk(load_release(next(path for path in worker.releases.glob("*") if _is_of(path))), worker.reader)
    for place, one in enumerate(asyncio.run(ask())):
        record = worker.log.find(one["answer"]["decision_id"])
        assert record is not None
        assert "used" not in record.context
        assert (record.personal or {})["quotas_used"] == {"daily": min(place, 2)}
        assert decide_again(desk, record).outcome == one["answer"]["outcome"]


def _is_of(folder: Path) -> bool:
    return len(folder.name) == 64 and load_release(folder).portfolio == PORTFOLIO


def test_a_batch_that_was_cut_short_is_completed_as_if_it_had_not_been(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DecisionLog, "stage", lambda log, entries: None)
    worker = opened({**DAILY, "at_most": PIECE + 3}, look=0.0)
    batch, key = {"items": [GOOD] * (PIECE + 6)}, {"Idempotency-Key": "one"}

    async def cut() -> None:
        async with worker.client() as client:
            await client.post(BATCH, json={"items": batch["items"]}, headers=key)

    async def whole() -> list[str]:
        async with worker.client() as client:
            return outcomes(await client.post(BATCH, json=batch, headers=key))

    worker.log.commit, commit = _once(worker.log.commit), worker.log.commit  # type: ignore[method-assign]
    asyncio.run(cut())
    worker.log.commit = commit  # type: ignore[method-assign]
    assert worker.logged == PIECE
    assert asyncio.run(whole()) == ["approve"] * (PIECE + 3) + ["review"] * 3


def _once(commit: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A commit that does its work the first time alone."""
    done = list[int]()

    def work(entries: Any) -> Any:
        done.append(len(entries))
        if len(done) > 1:
            raise LogUnavailable("gone")
        return commit(entries)

    return work


def test_many_in_a_batch_are_one_sum(opened: Opened) -> None:
    worker = opened({**DAILY, "at_most": LARGEST - 1})
    assert outcomes(worker.post(BATCH, {"items": [GOOD] * LARGEST})) == ["approve"] * (LARGEST - 1) + ["review"]
