"""The model registry away: the last good release answers, and the service says that it cannot follow."""

import httpx
import pytest

from serving.deployment import start, stop
from tests.faults.conftest import Broken
from tests.faults.outcomes import FOLLOWED, assert_last_good_release_answers
from tests.serving.deployed import Deployed, until
from tests.serving.small_releases import PORTFOLIO

pytestmark = [pytest.mark.integration]


def test_a_registry_that_is_stopped_and_comes_back(broken: Broken) -> None:
    assert_last_good_release_answers(broken.service, broken.registry.stop, broken.registry.start)


def test_a_start_without_a_registry_that_runs(broken: Broken) -> None:
    stop(broken.service.launch.home)
    broken.registry.stop()
    try:
        assert_starts_degraded(broken.service)
    finally:
        broken.registry.start()
    until(lambda: degraded(broken.service) == [])


def test_a_start_while_the_registry_takes_connections_and_answers_nothing(broken: Broken) -> None:
    stop(broken.service.launch.home)
    with broken.registry.paused():
        assert_starts_degraded(broken.service)
    until(lambda: degraded(broken.service) == [])
    until(lambda: broken.service.counted(FOLLOWED) == 1)


def assert_starts_degraded(service: Deployed) -> None:
    """The last good release answers, and never without a word that another one may be wanted."""
    service.started = start(service.launch)
    assert degraded(service) == [PORTFOLIO]
    answer = service.ask(amount=100).json()
    assert (answer["outcome"], answer["release"] in service.shas) == ("approve", True)


def degraded(service: Deployed) -> object:
    return httpx.get(service.launch.url + "/readyz", timeout=10).json()["degraded"]
