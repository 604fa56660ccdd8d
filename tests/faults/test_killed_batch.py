"""Workers killed with kill -9 in the middle of a batch: the same key completes it, and decides nothing twice."""

import os
import signal
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from serving.api.batches import LARGEST
from serving.clerk import PIECE
from serving.log.decision_log import open_log
from tests.faults.kills import READY_SECONDS
from tests.serving.deployed import DECISIONS, SAFE, Deployed, deployed_in, until

pytestmark = [pytest.mark.integration, pytest.mark.long]
ITEMS = [{"entity_id": SAFE, "amount": 100 + place} for place in range(LARGEST)]
TRIES = 12


@pytest.fixture
def service(tmp_path: Any) -> Iterator[Deployed]:
    with deployed_in(tmp_path) as running:
        yield running


def test_a_batch_whose_worker_is_killed_between_its_pieces_is_completed(service: Deployed) -> None:
    headers = service.add_partner("large", "100000/h")
    for number in range(TRIES):
        key = f"batch-{number}"
        until(lambda: service.answers() and bool(service.workers()), READY_SECONDS)
        before = of_batch(service, key, headers)
        if 0 < len(before) < LARGEST:
            break
    assert 0 < len(before) < LARGEST
    assert len(before) % PIECE == 0
    until(service.answers, READY_SECONDS)
    first, second = (post(service, key, headers).json()["results"] for _ in range(2))
    assert first == second
    assert [one["status"] for one in first] == [200] * LARGEST
    names = [one["answer"]["decision_id"] for one in first]
    assert len(set(names)) == LARGEST
    assert {f"{key} {place}": names[place] for place in range(LARGEST)} == logged(service, key)
    assert before.items() <= logged(service, key).items()
    with closing(open_log(service.launch.decision_log, service.launch.log_keys())) as log:
        assert log.verify().valid


def of_batch(service: Deployed, key: str, headers: dict[str, str]) -> dict[str, str]:
    """What is in the log of a batch whose workers were killed as soon as some of it was."""
    asking = threading.Thread(target=lambda: post(service, key, headers))
    workers = service.workers()
    asking.start()
    while asking.is_alive() and not logged(service, key):
        pass
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    asking.join()
    return logged(service, key)


def post(service: Deployed, key: str, headers: dict[str, str]) -> Any:
    try:
        url = f"{service.launch.url}{DECISIONS}:batch"
        return httpx.post(url, json={"items": ITEMS}, headers={**headers, "Idempotency-Key": key}, timeout=30)
    except httpx.HTTPError as error:
        return error


def logged(service: Deployed, key: str) -> dict[str, str]:
    """The decisions of a batch that are in the log, by the keys of its items."""
    with closing(sqlite3.connect(service.launch.decision_log.removeprefix("sqlite:///"))) as database:
        sql = "SELECT idempotency_key, decision_id FROM decisions WHERE idempotency_key LIKE ?"
        return dict(database.execute(sql, [f"{key} %"]).fetchall())
