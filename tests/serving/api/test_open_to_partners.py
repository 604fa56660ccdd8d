"""Who is let in, what is open to them, and how much of it."""

import asyncio
from typing import Any

import pytest

from serving.api import app as api
from serving.log.database import LogUnavailable
from serving.partners.key import make_key
from tests.serving.api.worker import DECISIONS, PROPENSITIES, Worker, fields, problem
from tests.serving.small_releases import CAMPAIGN, PORTFOLIO


@pytest.mark.parametrize("path", [DECISIONS, PROPENSITIES, "/v1/nothing"])
def test_a_stranger_is_refused_before_the_body_is_read(worker: Worker, path: str) -> None:
    keys = ("", make_key(), "ll_é_0", f"{worker.key} {worker.key}", worker.key[:-1])
    for header in (*(f"Bearer {key}" for key in keys), f"Basic {worker.key}", worker.key):
        worker.key = ""
        response = worker.post(path, "no such body", **{"Authorization": header.encode("latin-1")})
        problem(response, 401)
        assert response.headers["www-authenticate"] == "Bearer"
    worker.key = ""
    assert "missing" in problem(worker.send(b" " * (api.BODY_BYTES + 1)), 401)["detail"]
    problem(worker.get("/v1/releases"), 401)
    assert worker.get("/openapi.json").status_code == worker.get("/readyz").status_code == 200


def test_a_partner_sees_what_is_open_to_it(worker: Worker) -> None:
    worker.key = worker.partner("corner-shop", "decide,read", PORTFOLIO, quota="50/s", concurrency=5)
    assert worker.get("/v1/partners/me").json() == {
        "name": "corner-shop",
        "scopes": ["decide", "read"],
        "portfolios": [PORTFOLIO],
        "quota": "50/s",
        "concurrency": 5,
    }
    worker.key = ""
    problem(worker.get("/v1/partners/me"), 401)


def test_what_is_not_open_to_a_partner_is_refused_as_if_it_were_not_there(worker: Worker) -> None:
    worker.key = worker.partner("other", "decide,read", f"{CAMPAIGN},else")
    refused = worker.post(DECISIONS, {"entity_id": 1})
    assert fields(refused, 403) == ["path.portfolio"]
    assert worker.post("/v1/portfolios/none/decisions", {"entity_id": 1}).content == refused.content
    problem(worker.post(PROPENSITIES, {"entity_id": 2}), 403)
    seen = worker.get("/v1/releases").json()
    assert [release["portfolio"] for release in seen["releases"]] == [CAMPAIGN]
    assert set(seen) == {"releases"}  # and nothing of processes
    assert worker.logged == 0


def test_releases_are_read_with_the_scope_for_reading(worker: Worker) -> None:
    worker.key = worker.partner("till", "decide,propensity,review,consents", "*")
    assert "read" in problem(worker.get("/v1/releases"), 403)["detail"]
    operation = worker.get("/openapi.json").json()["paths"]["/v1/releases"]["get"]
    assert "403" in operation["responses"]
    assert "`read`" in operation["description"]


def test_two_partners_may_use_the_same_idempotency_key(worker: Worker) -> None:
    first = worker.post(DECISIONS, {"entity_id": 1}, **{"Idempotency-Key": "k"}).json()
    worker.key = worker.partner("other", "decide", "*")
    second = worker.post(DECISIONS, {"entity_id": 2}, **{"Idempotency-Key": "k"}).json()
    records = [worker.log.find(answer["decision_id"]) for answer in (first, second)]
    assert [(record.partner, record.entity_id) for record in records if record] == [("shop", "1"), ("other", "2")]


def test_when_the_partners_cannot_be_read_nobody_is_let_in(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Any) -> Any:
        raise LogUnavailable("the database is down")

    monkeypatch.setattr("serving.partners.book.Book.known", fail)
    response = worker.post(DECISIONS, {"entity_id": 1})
    assert "database" not in problem(response, 503)["detail"]
    assert response.headers["retry-after"] == "1"


def test_a_quota_that_is_used_up_is_429_and_says_when_to_come_back(worker: Worker) -> None:
    worker.key = worker.partner("small", "decide", "*", quota="2/d")
    answers = [worker.post(DECISIONS, {"entity_id": 1}) for _ in range(3)]
    assert [answer.status_code for answer in answers[:2]] == [200, 200]
    problem(answers[2], 429)
    wait = int(answers[2].headers["retry-after"])
    assert 0 < wait <= 86_400
    assert answers[2].headers["ratelimit"] == f'"quota";r=0;t={wait}'
    assert answers[2].headers["ratelimit-policy"] == '"quota";q=2;w=86400'
    assert worker.logged == 2


def test_a_partner_has_only_so_many_requests_at_once_and_others_are_not_held_up(worker: Worker) -> None:
    narrow = worker.partner("narrow", "decide", "*", concurrency=2)
    worker.reader.seconds = 0.2

    async def ask() -> list[int]:
        async with worker.client() as client:
            headers = [{"Authorization": f"Bearer {narrow}"}] * 4 + [{}]
            asks = (client.post(DECISIONS, json={"entity_id": 1}, headers=one) for one in headers)
            return [answer.status_code for answer in await asyncio.gather(*asks)]

    *crowd, other = asyncio.run(ask())
    assert (sorted(crowd), other) == ([200, 200, 429, 429], 200)
