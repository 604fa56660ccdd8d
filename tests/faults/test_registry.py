"""The model registry away: the last good release answers, and the service says that it cannot follow."""

import httpx
import pytest

from tests.faults.conftest import Broken
from tests.serving.deployed import until
from tests.serving.small_releases import PORTFOLIO

pytestmark = [pytest.mark.integration]


def test_a_registry_that_is_away_and_comes_back(broken: Broken) -> None:
    service = broken.service

    def state() -> dict[str, object]:
        return dict(httpx.get(service.launch.url + "/readyz").json())

    release = service.ask().json()["release"]
    store = broken.folder / "mlflow.db"
    whole = store.read_bytes()
    store.write_bytes(bytes(len(whole)))  # in its place: who has it open finds it gone too
    try:
        until(lambda: state()["degraded"] == [PORTFOLIO], 60)
        answer = service.ask(amount=100).json()
        assert (answer["outcome"], answer["release"]) == ("approve", release)
    finally:
        store.write_bytes(whole)
    until(lambda: state()["degraded"] == [], 30)
    service.registry.promote(PORTFOLIO, service.shas[1])
    until(lambda: service.ask().json()["release"] == service.shas[1], 30)
