"""The online store paused, killed and brought back: nobody is approved meanwhile, and the record says why."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from serving.log.decision_log import open_log
from serving.log.record import Record
from tests.faults.conftest import Broken
from tests.serving.deployed import SAFE, Deployed, until
from tests.serving.materialized import materialize
from tests.serving.small_releases import PORTFOLIO

pytestmark = [pytest.mark.integration]
NOBODY, LONG_AGO = 77, 78


def recorded(service: Deployed, decision_id: str) -> Record:
    log = open_log(service.launch.decision_log, service.launch.log_keys())
    record = log.find(decision_id)
    log.close()
    assert record is not None
    return record


def degraded(service: Deployed, problem: str) -> float:
    return service.counted(f'lendloop_degraded_total{{portfolio="{PORTFOLIO}",problem="{problem}"}}')


def assert_reviewed(service: Deployed, entity: int, code: str, problem: str) -> None:
    before = degraded(service, problem)
    answer = service.ask(entity, amount=100).json()
    assert (answer["outcome"], answer["stale"], answer["reasons"][0]["code"]) == ("review", True, code)
    record = recorded(service, answer["decision_id"])
    assert record.stale
    assert problem in record.context["problems"]  # type: ignore[operator]
    assert degraded(service, problem) == before + 1


def is_approved(service: Deployed) -> bool:
    return bool(service.ask(amount=100).json().get("outcome") == "approve")


def test_a_store_that_does_not_answer_in_time(broken: Broken) -> None:
    assert is_approved(broken.service)
    with broken.redis.paused():
        assert_reviewed(broken.service, SAFE, "FEATURES_LATE", "late")
    until(lambda: is_approved(broken.service), 20)


def test_a_store_that_is_killed_and_comes_back(broken: Broken) -> None:
    broken.redis.kill()
    try:
        assert_reviewed(broken.service, SAFE, "FEATURES_LATE", "late")
    finally:
        broken.redis.start()
    until(lambda: is_approved(broken.service), 20)


def test_features_that_are_missing_or_old(broken: Broken) -> None:
    day = datetime.now(UTC) - timedelta(days=400)
    old = pl.DataFrame({"customer_id": [LONG_AGO], "utilisation": [0.1], "late_streak": [0.0]})
    old = old.with_columns(event_timestamp=pl.lit(day), created_timestamp=pl.lit(day))
    launch = broken.service.launch
    urls = {"registry": launch.feature_registry, "online": launch.online_store}
    materialize("behaviour", datetime.now(UTC), rows=old, **urls)
    assert_reviewed(broken.service, LONG_AGO, "FEATURES_STALE", "stale")
    assert_reviewed(broken.service, NOBODY, "FEATURES_MISSING", "missing")
