"""Consents by purpose: kept, and enforced where features are read; on SQLite and Postgres."""

import asyncio
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from features.documents import parse_document
from serving.api.schemas import DecisionAnswer
from serving.clerk import Clerk
from serving.consents import BadConsent, Consent, ConsentBook, Word, open_consents
from serving.desk import is_id
from serving.log.decision_log import DecisionLog
from serving.log.erasure import RANDOM_BYTES, Erasure
from serving.policy import ConsentPurpose, Policy
from serving.policy.wording import explained
from tests.serving.api.worker import CAMPAIGN, DECISIONS, PORTFOLIO, Worker, fields, problem
from tests.serving.lender import POLICY

START = datetime(2026, 1, 1, tzinfo=UTC)
BATCH = f"{DECISIONS}:batch"
PROPENSITIES = f"/v1/portfolios/{CAMPAIGN}/propensities"


@pytest.fixture
def book(url: str, log: DecisionLog) -> Iterator[ConsentBook]:
    book = open_consents(url, log.vault)
    yield book
    book.close()


def say(book: ConsentBook, state: Word, *, entity: str = "1", days: int = 0, **other: Any) -> bool:
    purpose: ConsentPurpose = other.get("purpose", "credit")
    said = START + timedelta(days=days)
    given = Consent(purpose, state, said, other.get("source", "form"))
    return book.record(other.get("portfolio", PORTFOLIO), entity, given, by="ann", at=other.get("told", said))


def state(book: ConsentBook, days: int, *entities: str) -> list[str]:
    found = book.states(PORTFOLIO, entities or ("1",), ("credit",), START + timedelta(days=days))
    return [one["credit"] for one in found]


def test_the_last_word_before_a_time_holds_whenever_it_was_recorded(book: ConsentBook) -> None:
    assert say(book, "withdrawn", days=5)
    assert say(book, "granted", days=1)
    assert [state(book, days) for days in (0, 1, 4, 5)] == [["none"], ["granted"], ["granted"], ["withdrawn"]]
    assert [one.consent.state for one in book.history(PORTFOLIO, "1")] == ["granted", "withdrawn"]


def test_a_word_that_is_dated_ahead_counts_from_when_it_was_told(book: ConsentBook) -> None:
    told = START + timedelta(days=1)
    assert say(book, "granted", days=5, told=told)
    assert [state(book, days) for days in (0, 1)] == [["none"], ["granted"]]
    assert say(book, "withdrawn", days=2)
    assert [state(book, days) for days in (2, 6)] == [["withdrawn"], ["withdrawn"]]  # the grant comes not back
    assert say(book, "withdrawn", days=9, told=START + timedelta(days=6))
    assert say(book, "granted", days=7)
    assert [state(book, days) for days in (6, 7, 9)] == [["withdrawn"], ["granted"], ["granted"]]


def test_a_word_said_again_stands_once_and_nothing_is_overwritten(book: ConsentBook) -> None:
    assert say(book, "granted")
    assert not say(book, "granted")
    assert say(book, "withdrawn")
    assert state(book, 0) == ["withdrawn"]
    assert len(book.history(PORTFOLIO, "1")) == 2


@pytest.mark.parametrize("words", [("granted", "withdrawn"), ("withdrawn", "granted")])
def test_of_words_of_one_instant_the_withdrawal_holds_however_they_arrived(
    book: ConsentBook, log: DecisionLog, words: tuple[Word, Word]
) -> None:
    for said in words:
        assert say(book, said)
    assert state(book, 0) == ["withdrawn"]
    assert [one.consent.state for one in book.history(PORTFOLIO, "1")] == ["granted", "withdrawn"]
    log.erase(Erasure(PORTFOLIO, "1", "ann", "asked", START, os.urandom(RANDOM_BYTES)))
    assert state(book, 0) == ["withdrawn"]
    assert say(book, "granted", days=1)
    assert state(book, 1) == ["granted"]
    assert log.verify().valid


def test_a_word_that_was_erased_counts_no_more_however_often_it_is_told_again(
    book: ConsentBook, log: DecisionLog
) -> None:
    for days, word in enumerate(("granted", "withdrawn", "granted")):
        assert say(book, word, days=days)  # type: ignore[arg-type]
        assert say(book, word, days=days, purpose="marketing", entity="2")  # type: ignore[arg-type]
    assert say(book, "withdrawn", days=3, purpose="marketing", entity="2")
    for entity in ("1", "2"):
        log.erase(Erasure(PORTFOLIO, entity, "ann", "asked", START, os.urandom(RANDOM_BYTES)))
    head = log.head()
    for days, word in enumerate(("granted", "withdrawn", "granted")):
        for source in ("form", "nightly sync"):
            assert not say(book, word, days=days, source=source)  # type: ignore[arg-type]
    assert not say(book, "withdrawn", days=3, purpose="marketing", entity="2")  # the one that holds
    assert (state(book, 9), book.history(PORTFOLIO, "1"), log.head()) == (["none"], [], head)
    assert [one.consent.source for one in book.history(PORTFOLIO, "2")] == [""]
    assert say(book, "granted", days=0, entity="3")  # the same word of another person
    assert say(book, "granted", days=5)  # one that they say anew
    assert state(book, 9, "1", "3") == ["granted", "granted"]
    assert log.verify().valid


def test_it_is_one_person_s_for_one_purpose_in_one_portfolio(book: ConsentBook) -> None:
    say(book, "granted", purpose="marketing")
    say(book, "granted", portfolio=CAMPAIGN)
    say(book, "granted", entity="2")
    assert state(book, 0, "1", "2", "1") == ["none", "granted", "none"]


def test_whose_it_is_stands_nowhere(url: str, book: ConsentBook, tmp_path: Path) -> None:
    say(book, "granted", entity="customer-4711")
    rows = book._ledger.read(lambda session: session.rows("SELECT * FROM consents"))
    assert "4711" not in str(rows)


@pytest.mark.parametrize("source", ["", "x" * 129, "a\nb"])
def test_a_consent_says_how_it_was_given(book: ConsentBook, source: str) -> None:
    with pytest.raises(BadConsent, match="source"):
        say(book, "granted", source=source)


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
