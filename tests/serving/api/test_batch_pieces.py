"""A batch goes to the log piece by piece, and is answered as its document says."""

import asyncio
import threading
import time
from typing import Any

import pytest

from serving.api.batches import LARGEST, DecisionsAnswer
from serving.clerk import PIECE
from tests.serving.api.worker import DECISIONS, Worker

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
