"""Times that a caller sends are taken or refused by name, however odd: none is a fault of ours."""

from typing import Any

import httpx
import pytest

from tests.serving.api.worker import DECISIONS, Worker, fields
from tests.serving.small_releases import PORTFOLIO

CONSENTS = f"/v1/consents/1?portfolio={PORTFOLIO}"
HEADER = "Lendloop-Decision-Time"
NO_TIMES = (
    "0001-01-01T00:00:00+14:00",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59-14:00",
    "9999-12-31T23:59:59Z",
    "1899-12-31T23:59:59Z",
    "2200-01-01T00:00:00Z",
    "2026-01-01T00:00:00",
    "2026-02-30T00:00:00Z",
    "now",
    "5",
    "1122634800",
    "20050729T120000Z",
    "2026-W01-1T00:00:00Z",
    "2026-01-01",
    "2026-01-01T00:00Z",
    "2026-01-01 00:00:00Z",
    "2026-01-01T00:00:00+01",
    "2026-01-01T24:00:01Z",
    "2026-01-01T00:00:00+01:99",
)
NO_TEXTS = (20050729, 5, 1122634800.5, 1e300, True, [], {"year": 2005})


@pytest.fixture
def replaying(worker: Worker) -> Worker:
    worker.replay = True
    worker.key = worker.partner("bank", "decide,read,consents", "*")
    return worker


def told(worker: Worker, at: object) -> httpx.Response:
    body: dict[str, Any] = {"purpose": "credit", "state": "granted", "source": "form", "at": at}
    return worker.ask("PUT", CONSENTS, body)


@pytest.mark.parametrize("at", NO_TIMES)
def test_a_time_that_cannot_be_is_refused_by_its_name(replaying: Worker, at: str) -> None:
    assert fields(told(replaying, at)) == ["body.at"]
    assert fields(replaying.post(DECISIONS, {"entity_id": 1}, **{HEADER: at}), 400) == [f"header.{HEADER}"]
    made = replaying.post(DECISIONS, {"entity_id": 1}).json()["decision_id"]
    assert fields(replaying.post(f"/v1/decisions/{made}/refusal", {}, **{HEADER: at}), 400) == [f"header.{HEADER}"]


@pytest.mark.parametrize("at", NO_TEXTS)
def test_what_is_no_text_is_no_time(replaying: Worker, at: object) -> None:
    assert fields(told(replaying, at)) == ["body.at"]


def test_a_withdrawal_with_a_time_that_is_none_is_not_lost_in_silence(replaying: Worker) -> None:
    assert told(replaying, "2005-06-01T00:00:00Z").status_code == 200
    body = {"purpose": "credit", "state": "withdrawn", "source": "call", "at": 20050729}
    assert fields(replaying.ask("PUT", CONSENTS, body)) == ["body.at"]
    assert [one["state"] for one in replaying.ask("GET", CONSENTS, None).json()["consents"]] == ["granted"]


@pytest.mark.parametrize("at", ["1900-01-01T00:00:00Z", "2026-01-01T01:30:00+14:00", "2026-01-01t01:30:00.1234567z"])
def test_a_time_in_any_zone_is_taken(replaying: Worker, at: str) -> None:
    assert told(replaying, at).status_code == 200


def test_the_last_time_of_a_replay_is_decided_and_reviewed(replaying: Worker) -> None:
    last = {HEADER: "2199-12-31T23:59:59-00:00"}
    made = replaying.post(DECISIONS, {"entity_id": 1}, **last)
    assert made.json()["decided_at"] == "2199-12-31T23:59:59Z"
    refused = replaying.post(f"/v1/decisions/{made.json()['decision_id']}/refusal", {}, **last)
    assert refused.status_code == 200, refused.text
