"""Consents by purpose, enforced where features are read, and told over the API."""

import asyncio
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from features.documents import parse_document
from serving.api.schemas import DecisionAnswer
from serving.clerk import Clerk
from serving.desk import is_id
from serving.log.erasure import RANDOM_BYTES, Erasure
from serving.policy import Policy
from serving.policy.wording import explained
from tests.serving.api.worker import CAMPAIGN, DECISIONS, PORTFOLIO, Worker, fields, problem
from tests.serving.lender import POLICY

START = datetime(2026, 1, 1, tzinfo=UTC)
BATCH = f"{DECISIONS}:batch"
PROPENSITIES = f"/v1/portfolios/{CAMPAIGN}/propensities"


def test_a_policy_that_asks_for_no_consent_keeps_the_bytes_that_name_its_release() -> None:
    policy = parse_document(POLICY, Policy, "policy.yaml")
    assert "consents" not in policy.model_dump(mode="json")
    asking = policy.model_copy(update={"consents": ("credit",)})
    assert Policy.model_validate(asking.model_dump(mode="json")).consents == ("credit",)
    assert "## Consent" in explained(asking)
    assert "## Consent" not in explained(policy)


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    """A worker whose policies ask for every consent."""
    worker = Worker(tmp_path, consents=("credit", "marketing", "identity"))
    worker.key = worker.partner("bank", "decide,propensity,read,consents", "*")
    yield worker
    worker.close()


def consent(state: str, purpose: str = "credit") -> dict[str, str]:
    return {"purpose": purpose, "state": state, "source": "checkout"}


def path(entity: object, portfolio: str = PORTFOLIO) -> str:
    return f"/v1/consents/{entity}?portfolio={portfolio}"


def test_features_are_read_only_of_who_consented(worker: Worker) -> None:
    read: list[Any] = []
    reader = worker.reader.read
    worker.reader.read = lambda keys: read.extend(keys) or reader(keys)  # type: ignore[method-assign,func-returns-value]

    async def ask() -> list[dict[str, Any]]:
        async with worker.client() as client:
            answers = [(await client.post(DECISIONS, json={"entity_id": 1})).json()]
            for word in ("granted", "withdrawn"):
                assert (await client.put(path(1), json=consent(word))).status_code == 200
                answers.append((await client.post(DECISIONS, json={"entity_id": 1})).json())
            return answers

    answers = asyncio.run(ask())
    assert [one["outcome"] for one in answers] == ["review", "approve", "review"]
    assert [[reason["code"] for reason in one["reasons"]][:2] for one in answers[::2]] == [
        ["FEATURES_MISSING", "CONSENT_MISSING"]
    ] * 2
    assert read == [1]
    records = [worker.log.find(one["decision_id"]) for one in answers]
    assert [record.context["consents"]["credit"] for record in records] == ["none", "granted", "withdrawn"]  # type: ignore[union-attr,index,call-overload]
    assert [record.features["utilisation"] for record in records] == [None, 0.1, None]  # type: ignore[union-attr,index]


def test_in_a_batch_it_is_one_person_after_the_other(worker: Worker) -> None:
    async def ask() -> list[dict[str, Any]]:
        async with worker.client() as client:
            for entity in (1, 2):
                await client.put(path(entity), json=consent("granted"))
            items = [{"entity_id": entity} for entity in (3, 1, 99, 2, 1)]
            results = (await client.post(BATCH, json={"items": items})).json()["results"]
            return [one["answer"] for one in results]

    answers = asyncio.run(ask())
    assert [one["entity_id"] for one in answers] == ["3", "1", "99", "2", "1"]
    assert [one["score"] is None for one in answers] == [True, False, True, False, False]
    assert (answers[1]["outcome"], answers[1]["score"]) == ("approve", answers[4]["score"])
    assert answers[3]["score"] < answers[1]["score"]


def test_nobody_is_called_without_consent_to_marketing(worker: Worker) -> None:
    async def ask() -> list[dict[str, Any]]:
        async with worker.client() as client:
            answers = [(await client.post(PROPENSITIES, json={"entity_id": 2})).json()]
            await client.put(path(2, CAMPAIGN), json=consent("granted", "marketing"))
            return [*answers, (await client.post(PROPENSITIES, json={"entity_id": 2})).json()]

    skipped, contacted = asyncio.run(ask())
    assert (skipped["outcome"], contacted["outcome"]) == ("skip", "contact")
    assert "CONSENT_MISSING" in [reason["code"] for reason in skipped["reasons"]]


def test_consents_that_cannot_be_read_permit_nothing(worker: Worker) -> None:
    async def ask() -> DecisionAnswer:
        async with worker.opened() as clerk, _client(worker, clerk) as client:
            assert clerk.inquiry.consents is not None
            await client.put(path(1), json=consent("granted"))
            clerk.inquiry.consents.close()
            return DecisionAnswer.model_validate((await client.post(DECISIONS, json={"entity_id": 1})).json())

    answer = asyncio.run(ask())
    assert answer.outcome == "review"
    assert {"FEATURES_MISSING", "CONTEXT_UNKNOWN"} <= {reason.code for reason in answer.reasons}
    assert "CONSENT_MISSING" not in {reason.code for reason in answer.reasons}


def _client(worker: Worker, clerk: Clerk) -> Any:
    import httpx

    transport = httpx.ASGITransport(worker.app(clerk))
    bearer = {"Authorization": f"Bearer {worker.key}"}
    return httpx.AsyncClient(transport=transport, base_url="http://service", headers=bearer)


def test_consents_are_told_and_read_over_the_api(worker: Worker) -> None:
    async def ask() -> list[Any]:
        async with worker.client() as client:
            said = {**consent("granted"), "at": "2026-01-02T03:04:05Z"}
            told = [await client.put(path(1), json=said) for _ in range(2)]
            future = await client.put(path(1), json={**said, "at": "2999-01-01T00:00:00Z"})
            wrong = await client.put(path(1), json={**said, "purpose": "fun"})
            nowhere = await client.get(path(1, "nowhere"))
            return [*told, await client.get(path(1)), future, wrong, nowhere]

    *good, future, wrong, nowhere = asyncio.run(ask())
    expected = [{"purpose": "credit", "state": "granted", "at": "2026-01-02T03:04:05Z", "source": "checkout"}]
    assert [one.json() for one in good] == [{"portfolio": PORTFOLIO, "consents": expected}] * 3
    assert problem(future, 422)["errors"][0]["field"] == "at"
    assert problem(wrong, 422)["errors"][0]["field"] == "purpose"
    problem(nowhere, 404)


def test_a_partners_retry_after_an_erasure_grants_nothing(worker: Worker) -> None:
    async def ask() -> list[Any]:
        async with worker.client() as client:
            said = {**consent("granted"), "at": "2026-01-02T03:04:05Z"}
            told = [await client.put(path(1), json=said)]
            worker.log.erase(Erasure(PORTFOLIO, "1", "ann", "asked", START, os.urandom(RANDOM_BYTES)))
            return [*told, await client.put(path(1), json=said), await client.put(path(1), json=consent("granted"))]

    before, retried, anew = asyncio.run(ask())
    assert [len(one.json()["consents"]) for one in (before, retried, anew)] == [1, 0, 1]


def test_a_partner_without_the_scope_neither_tells_nor_reads(worker: Worker) -> None:
    worker.key = worker.partner("shop2", "decide,read", "*")
    problem(worker.get(path(1)), 403)
    worker.key = worker.partner("shop3", "consents", CAMPAIGN)
    problem(worker.get(path(1)), 403)


def test_who_refuses_a_machine_gets_a_person_whatever_the_score(worker: Worker) -> None:
    async def ask() -> list[dict[str, Any]]:
        async with worker.client() as client:
            for entity in (1, 2):
                await client.put(path(entity), json=consent("granted"))
            bodies = [{"entity_id": entity, "refuse_automation": True} for entity in (1, 2)]
            return [(await client.post(DECISIONS, json=body)).json() for body in bodies]

    safe, risky = asyncio.run(ask())
    for answer in (safe, risky):
        assert answer["outcome"] == "review"
        reason = next(one for one in answer["reasons"] if one["code"] == "AUTOMATION_REFUSED")
        assert reason["en"]
        assert reason["zh"]
        record = worker.log.find(answer["decision_id"])
        assert record is not None
        assert record.context["automation_refused"] is True
        assert record.personal == {"refuse_automation": True}


@pytest.mark.parametrize(
    "entity", ["abc", "01", "+1", "-1", "1.0", "%20", "%2e%2e", "%FF", "1%20", "%D9%A1", str(2**63)]
)
def test_nobody_has_an_id_that_decisions_would_refuse(worker: Worker, entity: str) -> None:
    assert fields(worker.ask("PUT", path(entity), consent("withdrawn"))) == ["path.entity"]
    assert fields(worker.get(path(entity))) == ["path.entity"]
    assert worker.logged == 0


def test_ids_that_are_text_are_themselves() -> None:
    assert all(is_id(text, "string") for text in ("01", "a b", "é"))
    assert not any(is_id(text, "string") for text in ("", "a\n", "x" * 129))
    assert is_id(str(2**63 - 1), "int")
