"""The decision log slow, killed, without room: nothing is answered that is not written, and nothing written is lost."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest

from serving.deployment import stop
from serving.log.decision_log import open_log
from tests.faults.conftest import Broken
from tests.servers import RedisServer
from tests.serving.deployed import DECISIONS, SAFE, Deployed, until

pytestmark = [pytest.mark.integration]


def ask(service: Deployed, key: str) -> httpx.Response:
    headers = service.headers | {"Idempotency-Key": key}
    return httpx.post(service.launch.url + DECISIONS, json={"entity_id": SAFE}, headers=headers, timeout=15)


def assert_refused(response: httpx.Response) -> None:
    assert (response.status_code, response.headers["content-type"]) == (503, "application/problem+json")
    assert "retry-after" in response.headers
    assert "outcome" not in response.json()


def verified(service: Deployed) -> bool:
    log = open_log(service.launch.decision_log, service.launch.log_keys())
    valid = log.verify().valid
    log.close()
    return valid


def test_a_log_that_does_not_confirm_in_time(broken: Broken) -> None:
    service = broken.service
    assert ask(service, "before").status_code == 200
    with psycopg.connect(broken.postgres.url) as blocker:
        table = blocker.execute("SELECT tablename FROM pg_tables WHERE tablename LIKE '%head%'").fetchone()
        assert table is not None
        blocker.execute(f"LOCK TABLE {table[0]} IN ACCESS EXCLUSIVE MODE")
        assert_refused(ask(service, "slow"))
    # The caller asks again with the same key, and gets the one decision that there is.
    until(lambda: ask(service, "slow").status_code == 200, 20)
    first, second = (ask(service, "slow").json()["decision_id"] for _ in range(2))
    assert first == second
    assert verified(service)


def test_a_log_that_is_killed_and_comes_back(broken: Broken) -> None:
    service = broken.service
    before = ask(service, "kept").json()
    failed = service.counted("lendloop_log_failures_total")
    broken.postgres.kill()
    try:
        assert_refused(ask(service, "while-away"))
    finally:
        broken.postgres.start()
    until(lambda: ask(service, "while-away").status_code == 200, 30)
    assert ask(service, "kept").json() == before
    assert service.counted("lendloop_log_failures_total") > failed
    assert verified(service)


@contextmanager
def no_room(pids: list[int]) -> Iterator[None]:
    """No file of these processes may grow over a page: every write beyond fails, as on a full disk."""
    for pid in pids:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        for pid in pids:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def test_a_log_without_room_on_its_disk(tmp_path: Path) -> None:
    redis = RedisServer(tmp_path / "redis")
    redis.start()
    try:
        service = Deployed(tmp_path, redis)
        before = ask(service, "before").json()
        with no_room(service.workers()):
            assert_refused(ask(service, "full"))
            assert httpx.get(service.launch.url + "/livez").status_code == 200
        until(lambda: ask(service, "full").status_code == 200, 20)
        assert ask(service, "before").json() == before
        assert service.counted("lendloop_log_failures_total") >= 1
        assert verified(service)
        assert all(os.path.exists(f"/proc/{pid}") for pid in service.workers())
    finally:
        stop(tmp_path / "home")
        redis.stop()
