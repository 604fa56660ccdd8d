"""The online store paused, killed and brought back: nobody is approved meanwhile, and the record says why."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from tests.faults.conftest import Broken
from tests.faults.outcomes import assert_reviewed, is_approved
from tests.serving.deployed import SAFE, until
from tests.serving.materialized import materialize

pytestmark = [pytest.mark.integration]
NOBODY, LONG_AGO = 77, 78


def test_a_store_that_does_not_answer_in_time(broken: Broken) -> None:
    assert is_approved(broken.service)
    with broken.redis.paused():
        assert_reviewed(broken.service, SAFE, "FEATURES_LATE", "late")
    until(lambda: is_approved(broken.service))


def test_a_store_that_is_killed_and_comes_back(broken: Broken) -> None:
    broken.redis.kill()
    try:
        assert_reviewed(broken.service, SAFE, "FEATURES_LATE", "late")
    finally:
        broken.redis.start()
    until(lambda: is_approved(broken.service))


def test_features_that_are_missing_or_old(broken: Broken) -> None:
    day = datetime.now(UTC) - timedelta(days=400)
    old = pl.DataFrame({"customer_id": [LONG_AGO], "utilisation": [0.1], "late_streak": [0.0]})
    old = old.with_columns(event_timestamp=pl.lit(day), created_timestamp=pl.lit(day))
    launch = broken.service.launch
    urls = {"registry": launch.feature_registry, "online": launch.online_store}
    materialize("behaviour", datetime.now(UTC), rows=old, **urls)
    assert_reviewed(broken.service, LONG_AGO, "FEATURES_STALE", "stale")
    assert_reviewed(broken.service, NOBODY, "FEATURES_MISSING", "missing")
