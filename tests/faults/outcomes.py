"""What must hold while something below the service is broken, and after."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager

import httpx

from serving.log.decision_log import open_log
from serving.log.record import Record
from tests.serving.deployed import DECISIONS, SAFE, Deployed, until
from tests.serving.small_releases import PORTFOLIO

FOLLOWED = f'lendloop_champion_followed{{portfolio="{PORTFOLIO}"}}'


def ask(service: Deployed, key: str) -> httpx.Response:
    headers = service.headers | {"Idempotency-Key": key}
    return httpx.post(service.launch.url + DECISIONS, json={"entity_id": SAFE}, headers=headers, timeout=60)


def assert_refused(response: httpx.Response) -> None:
    assert (response.status_code, response.headers["content-type"]) == (503, "application/problem+json")
    assert "retry-after" in response.headers
    assert "outcome" not in response.json()


def verified(service: Deployed) -> bool:
    log = open_log(service.launch.decision_log, service.launch.log_keys())
    valid = log.verify().valid
    log.close()
    return valid


def assert_goes_on_when_there_is_room(service: Deployed, full: AbstractContextManager[None]) -> None:
    before, failed = ask(service, "before").json(), service.counted("lendloop_log_failures_total")
    with full:
        # What the files have room for already is still written.
        until(lambda: ask(service, f"fill-{os.urandom(4).hex()}").status_code != 200)
        assert_refused(ask(service, "full"))
        assert httpx.get(service.launch.url + "/livez").status_code == 200
    until(lambda: ask(service, "full").status_code == 200)
    assert ask(service, "before").json() == before
    assert service.counted("lendloop_log_failures_total") > failed
    assert verified(service)
    assert all(os.path.exists(f"/proc/{pid}") for pid in service.workers())


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


def assert_last_good_release_answers(
    service: Deployed, breaks: Callable[[], object], mends: Callable[[], object]
) -> None:
    """Without its registry the service answers as before, says that it cannot follow, and follows when it is back."""

    def state() -> dict[str, object]:
        return dict(httpx.get(service.launch.url + "/readyz").json())

    release = service.ask().json()["release"]
    following = next(sha for sha in service.shas if sha != release)
    until(lambda: service.counted(FOLLOWED) == 1)
    breaks()
    try:
        until(lambda: state()["degraded"] == [PORTFOLIO])
        until(lambda: service.counted(FOLLOWED) == 0)
        answer = service.ask(amount=100).json()
        assert (answer["outcome"], answer["release"]) == ("approve", release)
    finally:
        mends()
    until(lambda: state()["degraded"] == [])
    until(lambda: service.counted(FOLLOWED) == 1)
    service.registry.promote(PORTFOLIO, following)
    until(lambda: service.ask().json()["release"] == following)
