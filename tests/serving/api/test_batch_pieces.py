"""A batch goes to the log piece by piece, and is answered as its document says."""

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from serving.api import app as api
from serving.api.batches import LARGEST, DecisionsAnswer
from serving.clerk import PIECE
from serving.log.batcher import Batcher, LogOverloaded
from serving.log.database import LogUnavailable
from tests.serving.api.worker import DECISIONS, PROPENSITIES, Worker

BATCH = f"{DECISIONS}:batch"


def test_a_single_decision_waits_for_one_piece_of_a_batch(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    worker.key = worker.partner("large", "decide", "*", quota="5000/h")
    begun, commit, sizes = threading.Event(), worker.log.commit, list[int]()

    def slow(entries: Any) -> Any:
        sizes.append(len(entries))
        begun.set()
        time.sleep(0.05)
        return commit(entries)

    async def race() -> None:
        async with worker.client() as client:
            batch = asyncio.create_task(client.post(BATCH, json={"items": [{"entity_id": 1}] * LARGEST}))
            await asyncio.to_thread(begun.wait)
            assert (await client.post(DECISIONS, json={"entity_id": 1})).status_code == 200
            assert not batch.done()
            assert (await batch).status_code == 200

    monkeypatch.setattr(worker.log, "stage", lambda entries: None)
    monkeypatch.setattr(worker.log, "commit", slow)
    asyncio.run(race())
    assert (sum(sizes), max(sizes)) == (LARGEST + 1, PIECE)
    assert sizes.index(1) < 4


def test_what_a_batch_is_answered_is_its_document_to_the_byte(worker: Worker) -> None:
    asked = [{"entity_id": 1, "amount": 1e9, "idempotency_key": 'a"\\'}, {"entity_id": 99}, {"entity_id": "1"}, 7]
    response = worker.post(BATCH, {"items": [*asked, {"entity_id": 2, "amount": 100.5, "monthly_income": 900.25}]})
    assert [one["status"] for one in response.json()["results"]] == [200, 200, 422, 422, 200]
    assert response.text == DecisionsAnswer.model_validate_json(response.content).model_dump_json()


class Failing(Batcher):
    """A log that takes in the first piece alone, and once it is `mended` all."""

    fault: Exception
    pieces, mended = 0, False

    async def append_all(self, records: Any) -> Any:
        self.pieces += 1
        if self.pieces > 1 and not self.mended:
            raise self.fault
        return await super().append_all(records)


@pytest.mark.parametrize(
    ("fault", "status"), [(LogOverloaded("full"), 503), (LogUnavailable("closed"), 503), (RuntimeError("odd"), 500)]
)
def test_what_is_logged_of_a_batch_is_answered_though_a_later_piece_is_not(
    worker: Worker, fault: Exception, status: int
) -> None:
    worker.key = worker.partner("large", "decide", "*", quota="5000/h")
    batch, key = {"items": [{"entity_id": 1}] * (2 * PIECE + 1)}, {"Idempotency-Key": "one"}

    async def ask() -> tuple[Any, Any]:
        log = Failing(worker.log)
        log.fault = fault
        async with worker.client(log) as client:
            cut = await client.post(BATCH, json=batch, headers=key)
            log.mended = True
            return cut, await client.post(BATCH, json=batch, headers=key)

    cut, whole = asyncio.run(ask())
    assert cut.status_code == 200, cut.text
    first, second = cut.json()["results"], whole.json()["results"]
    assert [one["status"] for one in first] == [200] * PIECE + [status] * (PIECE + 1)
    assert [one["status"] for one in second] == [200] * (2 * PIECE + 1)
    assert first[:PIECE] == second[:PIECE]
    assert worker.logged == 2 * PIECE + 1


def test_a_fault_of_one_commit_is_told_of_its_items_alone(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    worker.key = worker.partner("large", "decide", "*", quota="5000/h")
    commit, sizes = worker.log.commit, list[int]()

    def odd(entries: Any) -> Any:
        sizes.append(len(entries))
        if len(sizes) == 2:
            raise ValueError("whatever nobody foresaw")
        return commit(entries)

    monkeypatch.setattr(worker.log, "stage", lambda entries: None)
    monkeypatch.setattr(worker.log, "commit", odd)
    response = worker.post(BATCH, {"items": [{"entity_id": 1}] * (2 * PIECE + 1)})
    assert response.status_code == 200, response.text
    assert [one["status"] for one in response.json()["results"]] == [200] * PIECE + [500] * PIECE + [200]
    assert "nobody foresaw" not in response.text


def test_what_is_logged_in_time_is_answered_though_a_later_piece_is_late(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker.key = worker.partner("large", "decide", "*", quota="5000/h")
    gate, commit, sizes = threading.Event(), worker.log.commit, list[int]()

    def late(entries: Any) -> Any:
        sizes.append(len(entries))
        if len(sizes) == 2:
            gate.wait(10)
        return commit(entries)

    async def ask() -> Any:
        async with worker.client(log_seconds=0.5) as client:
            response = await client.post(BATCH, json={"items": [{"entity_id": 1}] * (2 * PIECE + 1)})
            gate.set()
            return response

    monkeypatch.setattr(worker.log, "stage", lambda entries: None)
    monkeypatch.setattr(worker.log, "commit", late)
    response = asyncio.run(ask())
    assert response.status_code == 200, response.text
    results = response.json()["results"]
    assert [one["status"] for one in results] == [200] * PIECE + [503] * (PIECE + 1)
    assert "in time" in results[-1]["problem"]["detail"]
    assert sizes == [PIECE, PIECE]


@pytest.mark.parametrize("path", [DECISIONS, PROPENSITIES])
def test_what_is_logged_is_answered_though_the_time_of_the_whole_request_runs_out(
    tmp_path: Path, url: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "SECONDS", 2.0)
    worker = Worker(tmp_path, url=url)
    worker.key = worker.partner("large", "decide,propensity", "*", quota="5000/h")
    gate, commit, sizes = threading.Event(), worker.log.commit, list[int]()
    batch, key = {"items": [{"entity_id": 1}] * (2 * PIECE + 1)}, {"Idempotency-Key": "one"}

    def late(entries: Any) -> Any:
        sizes.append(len(entries))
        if len(sizes) == 2:
            gate.wait(10)
        return commit(entries)

    async def ask() -> tuple[Any, float, Any]:
        async with worker.client() as client:
            began = time.monotonic()
            cut = await client.post(f"{path}:batch", json=batch, headers=key)
            seconds = time.monotonic() - began
            gate.set()
            return cut, seconds, await client.post(f"{path}:batch", json=batch, headers=key)

    monkeypatch.setattr(worker.log, "stage", lambda entries: None)
    monkeypatch.setattr(worker.log, "commit", late)
    cut, seconds, whole = asyncio.run(ask())
    assert cut.status_code == 200, cut.text
    assert 1 < seconds < 2
    first, second = cut.json()["results"], whole.json()["results"]
    assert [one["status"] for one in first] == [200] * PIECE + [503] * (PIECE + 1)
    assert "same Idempotency-Key" in first[-1]["problem"]["detail"]
    assert [one["status"] for one in second] == [200] * (2 * PIECE + 1)
    assert first[:PIECE] == second[:PIECE]
    assert worker.logged == 2 * PIECE + 1
    worker.close()
