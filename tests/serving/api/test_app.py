"""Decisions over the API: answered, logged, degraded, read again, documented."""

import asyncio
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from serving.api.app import create_app
from serving.api.limits import Limits
from serving.api.shedding import Shedding
from serving.log.batcher import Batcher
from serving.log.database import LogUnavailable
from serving.log.erasure import RANDOM_BYTES, Erasure
from serving.pauses import Pause
from serving.pointers import write_fault
from tests.serving.api.worker import DECISIONS, PROPENSITIES, Worker, fields, problem
from tests.serving.small_releases import CAMPAIGN, PORTFOLIO, fresh_reader

PARTS = {
    "ChallengerAnswer",
    "ReasonAnswer",
    "ReleaseAnswer",
    "ConsentAnswer",
    "DecisionItem",
    "PropensityItem",
}  # shown in the documents they are a part of


def test_a_safe_customer_is_approved_and_the_answer_is_in_the_log(worker: Worker) -> None:
    answer = worker.post(DECISIONS, {"entity_id": 1, "amount": 100}).json()
    assert (answer["outcome"], answer["stale"], answer["portfolio"]) == ("approve", False, PORTFOLIO)
    assert answer["score"] >= 60
    assert answer["limit"] >= 100
    record = worker.log.find(answer["decision_id"])
    assert record is not None
    assert (record.entity_id, record.outcome, record.release) == ("1", "approve", answer["release"])
    assert record.personal == {"amount": 100}
    assert record.features == {"utilisation": 0.1, "late_streak": 0}
    assert sum(record.terms.values()) == pytest.approx(answer["score"], abs=1e-9)
    assert worker.log.verify().valid


def test_a_risky_customer_is_not_approved_and_is_told_why(worker: Worker) -> None:
    answer = worker.post(DECISIONS, {"entity_id": 2}).json()
    assert answer["outcome"] in ("review", "decline")
    assert answer["limit"] == 0
    assert {"code", "en", "zh", "points"} == set(answer["reasons"][0])


@pytest.mark.parametrize(("entity", "code"), [(99, "FEATURES_MISSING"), (3, "FEATURES_STALE"), (4, "FEATURES_MISSING")])
def test_missing_or_old_features_go_to_review(worker: Worker, entity: int, code: str) -> None:
    answer = worker.post(DECISIONS, {"entity_id": entity}).json()
    assert (answer["outcome"], answer["stale"]) == ("review", True)
    assert answer["reasons"][0]["code"] == code


def test_a_store_that_is_down_or_slow_sends_everyone_to_review(worker: Worker) -> None:
    worker.reader.fault = ConnectionError("no redis")
    down = worker.post(DECISIONS, {"entity_id": 1}).json()
    worker.reader.fault, worker.reader.seconds, worker.seconds = None, 0.3, 0.02
    slow = worker.post(DECISIONS, {"entity_id": 1}).json()
    for answer in (down, slow):
        assert (answer["outcome"], answer["reasons"][0]["code"]) == ("review", "FEATURES_LATE")
        assert answer["probability"] is None


def test_a_log_that_cannot_be_written_approves_nobody(worker: Worker) -> None:
    class Broken:
        async def append_all(self, records: Any) -> Any:
            raise LogUnavailable("disk full")

        async def close(self) -> None: ...

    async def ask() -> httpx.Response:
        async with worker.client(Broken()) as client:
            return await client.post(DECISIONS, json={"entity_id": 1})

    response = asyncio.run(ask())
    assert "nothing was decided" in problem(response, 503)["detail"]
    assert response.headers["retry-after"] == "1"
    assert "approve" not in response.text


def test_the_same_key_gets_the_same_answer_and_another_body_is_refused(worker: Worker) -> None:
    first = worker.post(DECISIONS, {"entity_id": 1, "amount": 100}, **{"Idempotency-Key": "k-1"})
    again = worker.post(DECISIONS, {"entity_id": 1, "amount": 100}, **{"Idempotency-Key": "k-1"})
    assert first.status_code == 200
    assert again.content == first.content
    other = worker.post(DECISIONS, {"entity_id": 1, "amount": 101}, **{"Idempotency-Key": "k-1"})
    assert fields(other) == ["header.Idempotency-Key"]
    assert worker.logged == 1


def test_many_at_once_with_one_key_are_one_decision(worker: Worker) -> None:
    async def race() -> set[bytes]:
        async with worker.client() as client:
            headers = {"Idempotency-Key": "race"}
            asks = [client.post(DECISIONS, json={"entity_id": 1}, headers=headers) for _ in range(20)]
            return {(await answer).content for answer in asyncio.as_completed(asks)}

    assert len(asyncio.run(race())) == 1
    assert worker.logged == 1


def test_a_pause_sends_to_review_whom_it_would_approve(worker: Worker) -> None:
    since = datetime.now(UTC) - timedelta(hours=1)
    worker.pauses.set_pause(Pause(PORTFOLIO, date(2026, 1, 31), "psi", "drift is red", "monitoring", since))
    answer = worker.post(DECISIONS, {"entity_id": 1}).json()
    assert answer["outcome"] == "review"
    assert "PAUSED" in [reason["code"] for reason in answer["reasons"]]


def test_when_the_pauses_cannot_be_read_nobody_is_approved(worker: Worker) -> None:
    worker.pauses.close()
    response = worker.post(DECISIONS, {"entity_id": 1})
    assert "nothing was decided" in problem(response, 503)["detail"]
    assert worker.logged == 0


def test_a_propensity_is_answered_and_logged(worker: Worker) -> None:
    answer = worker.post(PROPENSITIES, {"entity_id": 2}).json()
    assert answer["outcome"] == "contact"
    assert "score" not in answer
    assert worker.post(PROPENSITIES, {"entity_id": 99}).json()["outcome"] == "skip"
    assert worker.log.find(answer["decision_id"]).kind == "propensity"  # type: ignore[union-attr]


def test_a_replay_decides_at_the_time_it_is_given(worker: Worker) -> None:
    then = "2005-09-30T12:00:00+00:00"
    refused = worker.post(DECISIONS, {"entity_id": 1}, **{"Lendloop-Decision-Time": then})
    assert fields(refused, 400) == ["header.Lendloop-Decision-Time"]
    worker.replay = True
    worker.reader = fresh_reader(datetime.fromisoformat(then))
    answer = worker.post(DECISIONS, {"entity_id": 1}, **{"Lendloop-Decision-Time": then}).json()
    assert answer["decided_at"] == "2005-09-30T12:00:00Z"
    assert answer["outcome"] == "approve"
    for nonsense in ("yesterday", "2005-09-30T12:00:00", "2005-09-30"):
        response = worker.post(DECISIONS, {"entity_id": 1}, **{"Lendloop-Decision-Time": nonsense})
        assert fields(response, 400) == ["header.Lendloop-Decision-Time"]


def test_too_many_at_once_and_too_slow_are_503() -> None:
    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(10)

    async def ask() -> list[httpx.Response]:
        limits = Limits(slow, Shedding(2, 1.0), body_bytes=100, seconds=0.1)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(limits), base_url="http://service") as client:
            return await asyncio.gather(*(client.post("/decisions", json={}) for _ in range(3)))

    details = sorted(problem(response, 503)["detail"] for response in asyncio.run(ask()))
    assert [detail.split()[0] for detail in details] == ["no", "no", "too"]


def test_a_log_that_does_not_confirm_in_time_is_503_and_the_same_key_finds_what_it_did(worker: Worker) -> None:
    class Slow(Batcher):
        async def append_all(self, records: Any) -> Any:
            done = asyncio.create_task(super().append_all(records))
            await asyncio.sleep(0.2)
            return await done

    async def ask() -> tuple[httpx.Response, httpx.Response]:
        headers = {"Idempotency-Key": "k"}
        async with worker.client(Slow(worker.log), log_seconds=0.05) as client:
            first = await client.post(DECISIONS, json={"entity_id": 1}, headers=headers)
            await asyncio.sleep(0.05)
        async with worker.client() as client:
            return first, await client.post(DECISIONS, json={"entity_id": 1}, headers=headers)

    first, second = asyncio.run(ask())
    assert "Idempotency-Key" in problem(first, 503)["detail"]
    assert first.headers["retry-after"] == "1"
    assert second.json()["outcome"] == "approve"
    assert worker.log.verify().valid


def test_releases_and_readiness_say_what_is_served_and_what_is_wrong(worker: Worker) -> None:
    found = worker.get("/v1/releases").json()["releases"]
    assert [(release["portfolio"], release["current"], release["fault"]) for release in found] == [
        (CAMPAIGN, True, None),
        (PORTFOLIO, True, None),
    ]
    assert worker.get("/livez").json() == {"status": "alive"}
    assert worker.get("/readyz").json() == {"status": "ready", "degraded": [], "challengers_at_fault": []}
    write_fault(worker.releases, PORTFOLIO, "the registry is down")
    assert worker.get("/readyz").json() == {
        "status": "degraded",
        "degraded": [PORTFOLIO],
        "challengers_at_fault": [],
    }
    assert worker.get("/v1/releases").json()["releases"][1]["fault"] == "the registry is down"


def test_without_a_release_it_is_not_ready(tmp_path: Path, worker: Worker) -> None:
    worker.releases = tmp_path / "empty"
    assert "no portfolio has one" in problem(worker.get("/readyz"), 503)["detail"]


def test_before_it_has_started_it_is_not_ready(tmp_path: Path) -> None:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(lambda: None, tmp_path))
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            assert (await client.get("/livez")).status_code == 200
            return await client.get("/readyz")

    problem(asyncio.run(ask()), 503)


def test_the_openapi_document_is_whole(worker: Worker) -> None:
    document = worker.get("/openapi.json").json()
    assert set(document["paths"]) == {
        "/v1/portfolios/{portfolio}/decisions",
        "/v1/portfolios/{portfolio}/decisions:batch",
        "/v1/portfolios/{portfolio}/propensities",
        "/v1/portfolios/{portfolio}/propensities:batch",
        "/v1/decisions/{decision_id}",
        "/v1/decisions/{decision_id}/explanation",
        "/v1/decisions/{decision_id}/refusal",
        "/v1/consents/{entity}",
        "/v1/partners/me",
        "/v1/reviews",
        "/v1/reviews/{decision_id}",
        *(f"/v1/reviews/{{decision_id}}/{act}" for act in ("claim", "release", "decide", "confirm")),
        "/v1/staff/login",
        "/v1/staff/me",
        "/v1/releases",
        "/livez",
        "/readyz",
    }
    answers = document["paths"]["/v1/portfolios/{portfolio}/decisions"]["post"]["responses"]
    assert set(answers) == {
        "200",
        "400",
        "401",
        "403",
        "404",
        "405",
        "408",
        "413",
        "415",
        "422",
        "429",
        "431",
        "500",
        "503",
    }
    assert list(answers["422"]["content"]) == ["application/problem+json"]
    secured = {path for path, routes in document["paths"].items() for one in routes.values() if one.get("security")}
    assert secured == {path for path in document["paths"] if path.startswith("/v1/")} - {"/v1/staff/login"}
    assert document["components"]["securitySchemes"]["partner key"]["scheme"] == "bearer"
    schemas = document["components"]["schemas"]
    text = json.dumps(document)
    wanted = {name.split('"')[0] for name in text.split("#/components/schemas/")[1:]}
    assert wanted <= set(schemas)
    whole = {name for name in schemas if name.endswith(("Request", "Answer", "Document"))}
    assert {name for name in whole if not schemas[name].get("examples")} <= PARTS
    assert "Retry-After" in answers["429"]["headers"]
    assert schemas["DecisionRequest"]["additionalProperties"] is False


def test_a_decision_is_read_again_and_explained_by_who_asked_for_it_alone(worker: Worker) -> None:
    answer = worker.post(DECISIONS, {"entity_id": 2, "amount": 100}).json()
    place = f"/v1/decisions/{answer['decision_id']}"
    assert worker.get(place).json() == answer
    told = worker.get(f"{place}/explanation").json()
    assert sum(told["contributions"].values()) == pytest.approx(answer["score"], abs=1e-9)
    assert (told["outcome"], told["reasons"], told["release"]) == (
        answer["outcome"],
        answer["reasons"],
        answer["release"],
    )
    assert set(told["feature_times"]) == {"behaviour"}
    absent = worker.get("/v1/decisions/0193f5a1-7c1e-7b02-9d55-2f6b1f0e6a10")
    assert fields(absent, 404) == ["path.decision_id"]
    worker.key = worker.partner("other", "read", "*")
    for path in (place, f"{place}/explanation"):
        assert worker.get(path).content == absent.content
    worker.key = worker.partner("writer", "decide", "*")
    problem(worker.get(place), 403)


@pytest.mark.parametrize(
    "name", ["1", "0193F5A1-7C1E-7B02-9D55-2F6B1F0E6A10", "%00", "0193f5a1-7c1e-7b02-9d55-2f6b1f0e6a10'"]
)
def test_what_is_no_decision_id_is_refused(worker: Worker, name: str) -> None:
    assert fields(worker.get(f"/v1/decisions/{name}"), 422) == ["path.decision_id"]


def test_a_propensity_is_read_again_and_an_erased_person_is_not(worker: Worker) -> None:
    answer = worker.post(PROPENSITIES, {"entity_id": 2}).json()
    place = f"/v1/decisions/{answer['decision_id']}"
    assert worker.get(place).json() == answer
    worker.log.erase(Erasure(CAMPAIGN, "2", "ann", "asked for it", datetime.now(UTC), bytes(RANDOM_BYTES)))
    problem(worker.get(place), 404)
    problem(worker.get(f"{place}/explanation"), 404)
