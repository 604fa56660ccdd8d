"""Requests while a challenger answers some of the customers: one or many, repeated, and where it fails."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from features.store.online import OnlineRows
from serving.clerk import Clerk
from serving.desk import Desk, Reader
from serving.inquiry import Inquiry
from serving.log.entry import RecordError
from serving.log.record import Record
from serving.release import load_release
from serving.trial import canary
from serving.trial.canary import drawn
from serving.trial.challengers import Challengers
from serving.trial.note import Trial, write_trial
from tests.serving.api.worker import DECISIONS, Worker
from tests.serving.small_releases import PORTFOLIO, build_small

PEOPLE = range(1000, 1040)
SHARE = 0.3


class Rubbish(Reader):
    """A reader whose features are `what`: no number, and nothing that a record could hold."""

    def __init__(self, what: Any) -> None:
        self.what = what

    def read(self, keys: Any) -> Any:
        day = datetime.now(UTC) - timedelta(days=1)
        values: Any = [self.what] * len(keys)
        return OnlineRows({"utilisation": values, "late_streak": values}, {"behaviour": [day] * len(keys)})


class Tried:
    """The worker of the API's tests with a challenger."""

    def __init__(self, folder: Path) -> None:
        self.worker = Worker(folder)
        day = datetime.now(UTC) - timedelta(days=1)
        self.worker.reader.rows |= dict.fromkeys(PEOPLE, (0.1, 0.0, day))
        self.champion = (self.worker.releases / PORTFOLIO / "current").read_text().strip()
        self.challenger = build_small(self.worker.releases, slope=1.2)
        self.reader: Any = self.worker.reader
        self.try_(SHARE)

    def try_(self, share: float) -> None:
        write_trial(self.worker.releases, PORTFOLIO, Trial(self.challenger, share, 3, 1))

    def run(self, talk: Callable[[httpx.AsyncClient], Awaitable[Any]]) -> Any:
        async def opened() -> Any:
            async with self.worker.opened() as clerk:
                clerk.challengers = self.challengers()
                return await self._talk(clerk, talk)

        return asyncio.run(opened())

    async def _talk(self, clerk: Clerk, talk: Callable[[httpx.AsyncClient], Awaitable[Any]]) -> Any:
        transport = httpx.ASGITransport(self.worker.app(clerk), raise_app_exceptions=False)
        headers = {"Authorization": f"Bearer {self.worker.key}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://service", headers=headers) as client:
            return await talk(client)

    def challengers(self) -> Challengers:
        made = Challengers(self.worker.releases, lambda _, folder: Desk(load_release(folder), self.reader))
        made.refresh()
        return made

    def expected(self, person: int) -> str:
        known = self.worker.log.vault.person(PORTFOLIO, str(person))
        return self.challenger if drawn(known, self.challenger, SHARE) else self.champion

    def mark(self, decision_id: str) -> dict[str, Any]:
        record = self.worker.log.find(decision_id)
        assert record is not None
        mark: Any = record.context.get("canary")
        return dict(mark)


@pytest.fixture
def tried(tmp_path: Path) -> Iterator[Tried]:
    made = Tried(tmp_path)
    yield made
    made.worker.log.close()
    made.worker.pauses.close()
    made.worker.book.close()


async def ask(client: httpx.AsyncClient, person: int, **headers: str) -> dict[str, Any]:
    response = await client.post(DECISIONS, json={"entity_id": person}, headers=headers)
    assert response.status_code == 200, response.text
    return dict(response.json())


def test_each_customer_has_an_arm_and_the_record_says_which(tried: Tried) -> None:
    async def talk(client: httpx.AsyncClient) -> list[dict[str, Any]]:
        return [await ask(client, person) for person in PEOPLE]

    answers = tried.run(talk)
    assert {answer["release"] for answer in answers} == {tried.champion, tried.challenger}
    for person, answer in zip(PEOPLE, answers, strict=True):
        assert answer["release"] == tried.expected(person)
        mark = tried.mark(answer["decision_id"])
        assert mark["arm"] == ("canary" if answer["release"] == tried.challenger else "champion")
        assert mark["trial"] == 3
        assert mark["seconds"] > 0


def test_a_batch_is_split_by_customer_and_answered_in_order(tried: Tried) -> None:
    items = [{"entity_id": person} for person in [*PEOPLE, "not a number", *PEOPLE]]

    async def talk(client: httpx.AsyncClient) -> Any:
        return (await client.post(f"{DECISIONS}:batch", json={"items": items})).json()["results"]

    results = tried.run(talk)
    assert results[len(PEOPLE)]["status"] == 422
    for person, result in zip([*PEOPLE, 0, *PEOPLE], results, strict=True):
        if person:
            answer = result["answer"]
            assert (answer["entity_id"], answer["release"]) == (str(person), tried.expected(person))
            assert "seconds" not in tried.mark(answer["decision_id"])
    assert tried.worker.log.verify().valid


def test_a_request_that_is_repeated_gets_its_first_answer_whatever_the_share_is_by_now(tried: Tried) -> None:
    person = next(one for one in PEOPLE if tried.expected(one) == tried.challenger)

    async def talk(client: httpx.AsyncClient) -> dict[str, Any]:
        return await ask(client, person, **{"Idempotency-Key": "k-1"})

    first = tried.run(talk)
    assert first["release"] == tried.challenger
    tried.try_(0.0)
    assert tried.run(talk) == first


@pytest.mark.parametrize("what", [object(), b"bytes"])
def test_where_the_challenger_fails_the_champion_answers_and_the_record_says_so(tried: Tried, what: Any) -> None:
    tried.reader = Rubbish(what)

    async def talk(client: httpx.AsyncClient) -> list[dict[str, Any]]:
        return [await ask(client, person) for person in PEOPLE]

    answers = tried.run(talk)
    assert {answer["release"] for answer in answers} == {tried.champion}
    assert {answer["outcome"] for answer in answers} == {"approve"}
    for person, answer in zip(PEOPLE, answers, strict=True):
        mark = tried.mark(answer["decision_id"])
        assert ("failed" in mark) == (tried.expected(person) == tried.challenger)


def test_what_a_challenger_that_failed_had_made_is_told_to_be_dropped(
    tried: Tried, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped: list[tuple[str, str]] = []

    def refuse(record: Record) -> None:
        raise RecordError("features: cannot be written")

    def note(_: Inquiry, records: list[Record], outcomes: list[Any]) -> None:
        dropped.extend(
            (record.entity_id, record.release) for record, one in zip(records, outcomes, strict=True) if not one
        )

    async def talk(client: httpx.AsyncClient) -> list[dict[str, Any]]:
        return [await ask(client, person) for person in PEOPLE]

    monkeypatch.setattr(canary, "encode", refuse)
    monkeypatch.setattr(Inquiry, "settled", note)
    answers = tried.run(talk)
    assert {answer["release"] for answer in answers} == {tried.champion}
    theirs = [person for person in PEOPLE if tried.expected(person) == tried.challenger]
    assert dropped == [(str(person), tried.challenger) for person in theirs]


def test_the_champion_decides_after_what_a_failed_challenger_took_is_let_go(
    tried: Tried, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, int]] = []
    splitting = canary.Canary.split

    def refuse(record: Record) -> None:
        raise RecordError("features: cannot be written")

    def told_of(self: Any, champion: Any, asked: Any, persons: Any, make: Any, drop: Any) -> Any:
        async def noted(by: Desk, some: Any) -> list[Record]:
            told.append((by.release.sha, len(some)))
            return list(await make(by, some))

        def dropped(records: Any) -> None:
            told.extend((f"without {record.release}", 1) for record in records)
            drop(records)

        return splitting(self, champion, asked, persons, noted, dropped)

    monkeypatch.setattr(canary, "encode", refuse)
    monkeypatch.setattr(canary.Canary, "split", told_of)
    theirs = next(person for person in PEOPLE if tried.expected(person) == tried.challenger)
    tried.run(lambda client: ask(client, theirs))
    assert told == [(tried.challenger, 1), (f"without {tried.challenger}", 1), (tried.champion, 1)]


def test_without_a_share_nothing_of_a_canary_is_in_the_record(tried: Tried) -> None:
    tried.try_(0.0)

    async def talk(client: httpx.AsyncClient) -> tuple[dict[str, Any], Any]:
        return await ask(client, 1), (await client.get("/v1/releases")).json()["releases"]

    answer, releases = tried.run(talk)
    record = tried.worker.log.find(answer["decision_id"])
    assert record is not None
    assert "canary" not in record.context
    found = next(one for one in releases if one["portfolio"] == PORTFOLIO)
    assert found["challenger"] == {
        "release": tried.challenger, "share": 0.0, "current": True, "fault": None, "stopped": None,
    }  # fmt: skip
