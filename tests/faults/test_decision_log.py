"""The decision log in Postgres: slow, killed, its disk full, its writers killed: nothing written is lost."""

from pathlib import Path

import psycopg
import pytest

from serving.deployment import stop
from tests.faults.conftest import Broken
from tests.faults.kills import FEW, TIMEOUT, assert_kills_lose_nothing
from tests.faults.outcomes import ask, assert_goes_on_when_there_is_room, assert_refused, verified
from tests.servers import RedisServer, running_postgres
from tests.serving.deployed import Deployed, until

pytestmark = [pytest.mark.integration]
# At the gate, where it is not yet known whose the key is, no route is known either.
ROUTES = ("/v1/portfolios/{portfolio}/decisions", "-")


def test_a_log_that_does_not_confirm_in_time(broken: Broken) -> None:
    service = broken.service
    assert ask(service, "before").status_code == 200
    with psycopg.connect(broken.postgres.url) as blocker:
        table = blocker.execute("SELECT tablename FROM pg_tables WHERE tablename LIKE '%head%'").fetchone()
        assert table is not None
        blocker.execute(f"LOCK TABLE {table[0]} IN ACCESS EXCLUSIVE MODE")
        assert_refused(ask(service, "slow"))
    # The caller asks again with the same key, and gets the one decision that there is.
    until(lambda: ask(service, "slow").status_code == 200)
    first, second = (ask(service, "slow").json()["decision_id"] for _ in range(2))
    assert first == second
    assert verified(service)


def refused(service: Deployed) -> float:
    names = (f'lendloop_requests_total{{method="POST",route="{route}",status="503"}}' for route in ROUTES)
    return sum(map(service.counted, names))


def test_a_log_that_is_killed_and_comes_back(broken: Broken) -> None:
    service = broken.service
    before = ask(service, "kept").json()
    before_it = refused(service)
    broken.postgres.kill()
    try:
        assert_refused(ask(service, "while-away"))
    finally:
        broken.postgres.start()
    until(lambda: ask(service, "while-away").status_code == 200)
    assert ask(service, "kept").json() == before
    # As a commit that failed, or already at the gate: whose key it is stands in the same database.
    assert refused(service) > before_it
    assert verified(service)


def test_a_log_on_a_disk_that_is_full(broken: Broken) -> None:
    if not broken.disk.mounted:
        pytest.skip("only root may mount a filesystem to fill")
    assert_goes_on_when_there_is_room(broken.service, broken.disk.full())


@pytest.mark.timeout(TIMEOUT)
def test_a_few_workers_killed_at_random_moments_under_load(broken: Broken) -> None:
    assert_kills_lose_nothing(broken.service, "postgres-few", FEW)


@pytest.mark.long
@pytest.mark.timeout(TIMEOUT)
def test_workers_killed_at_random_moments_under_load(tmp_path: Path) -> None:
    redis = RedisServer(tmp_path / "redis")
    redis.start()
    with running_postgres() as postgres:
        try:
            assert_kills_lose_nothing(Deployed(tmp_path, redis, decision_log=postgres.url), "postgres")
        finally:
            stop(tmp_path / "home")
            redis.stop()
