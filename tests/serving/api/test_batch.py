"""Many requests in one: each answered as it would be alone, by its own key, or refused by its own fault."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.api import app as api
from serving.api.batches import LARGEST
from serving.clerk import PIECE
from serving.log.batcher import Batcher
from serving.log.database import LogUnavailable
from serving.log.erasure import RANDOM_BYTES, Erasure
from serving.pointers import write_pointer
from tests.serving.api.worker import DECISIONS, PROPENSITIES, Worker, fields, problem
from tests.serving.small_releases import PORTFOLIO, build_small

BATCH = f"{DECISIONS}:batch"
LATER = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    worker = Worker(tmp_path_factory.mktemp("batch"))
    worker.key = worker.partner("busy", "decide,propensity,read", "*", quota="1000000/d")
    yield worker
    worker.close()


def send(worker: Worker, items: Any, path: str = BATCH, **headers: str) -> list[dict[str, Any]]:
    response = worker.post(path, {"items": items}, **headers)
    assert response.status_code == 200, response.text
    return list(response.json()["results"])


items = st.fixed_dictionaries(
    {"entity_id": st.sampled_from([1, 2, 3, 4, 99, -1, "1", None])},
    optional={
        "amount": st.sampled_from([0, 100, 2500.5, 4_000, 1e9, "1"]),
        "purpose": st.sampled_from(["card", "car", "Car"]),
        "term_months": st.sampled_from([12, 0]),
        "monthly_income": st.just(900.25),
        "colour": st.just("red"),
    },
)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.lists(items, min_size=1, max_size=40))
def test_each_item_is_answered_as_it_would_be_alone(shared: Worker, asked: list[dict[str, Any]]) -> None:
    async def both() -> tuple[httpx.Response, list[httpx.Response]]:
        async with shared.client() as client:
            batch = await client.post(BATCH, json={"items": asked})
            return batch, [await client.post(DECISIONS, json=one) for one in asked]

    batch, alone = asyncio.run(both())
    for place, (found, single) in enumerate(zip(batch.json()["results"], alone, strict=True)):
        assert (found["index"], found["status"]) == (place, single.status_code)
        if single.status_code == 200:
            own = ("decision_id", "decided_at")
            expected = {name: value for name, value in single.json().items() if name not in own}
            assert {name: value for name, value in found["answer"].items() if name not in own} == expected
            records = [shared.log.find(one["decision_id"]) for one in (found["answer"], single.json())]
            assert records[0] is not None
            assert records[1] is not None
            assert (records[0].terms, records[0].features, records[0].request_digest) == (
                records[1].terms,
                records[1].features,
                records[1].request_digest,
            )
        else:
            faults = [(fault["field"], fault["message"]) for fault in single.json()["errors"]]
            told = [(fault["field"], fault["message"]) for fault in found["problem"]["errors"]]
            assert told == [(f"items.{place}.{field}", message) for field, message in faults]


def test_a_thousand_are_read_in_one_go_and_logged_piece_by_piece(worker: Worker) -> None:
    reads: list[int] = []
    plain = worker.reader.read
    worker.reader.read = lambda keys: (reads.append(len(keys)), plain(keys))[1]  # type: ignore[method-assign]
    worker.key = worker.partner("large", "decide", "*", quota="5000/h")
    links = worker.log.head().number
    found = send(worker, [{"entity_id": place % 4 + 1, "amount": 100 + place} for place in range(LARGEST)])
    assert [one["status"] for one in found] == [200] * LARGEST
    assert reads == [LARGEST]
    assert (worker.logged, worker.log.head().number) == (LARGEST, links + LARGEST // PIECE)
    assert worker.log.verify().valid


def test_others_are_answered_while_a_batch_is_decided(worker: Worker) -> None:
    worker.key = worker.partner("large", "decide", "*", quota="5000/h")

    async def race() -> list[str]:
        done: list[str] = []
        async with worker.client() as client:

            async def ask(path: str, body: Any) -> None:
                assert (await client.post(path, json=body)).status_code == 200
                done.append(path)

            batch = asyncio.create_task(ask(BATCH, {"items": [{"entity_id": 1}] * LARGEST}))
            await asyncio.sleep(0.001)
            await asyncio.gather(*(ask(DECISIONS, {"entity_id": 1}) for _ in range(5)))
            await batch
        return done

    assert asyncio.run(race())[-1] == BATCH


def test_an_item_has_the_key_of_a_single_request(worker: Worker) -> None:
    alone = worker.post(DECISIONS, {"entity_id": 1, "amount": 100}, **{"Idempotency-Key": "k"}).json()
    same = {"entity_id": 1, "amount": 100, "idempotency_key": "k"}
    found = send(worker, [same, {**same, "amount": 101}, same, {**same, "idempotency_key": "a b"}])
    assert [one["status"] for one in found] == [200, 422, 200, 422]
    assert found[0]["answer"] == found[2]["answer"] == alone
    assert [one["problem"]["errors"][0]["field"] for one in (found[1], found[3])] == [
        "items.1.idempotency_key",
        "items.3.idempotency_key",
    ]
    assert [one["idempotency_key"] for one in found] == ["k", "k", "k", None]
    assert worker.logged == 1


def test_a_batch_sent_again_gets_its_first_answer_and_another_one_is_refused(worker: Worker) -> None:
    asked = {"items": [{"entity_id": 1, "amount": 100}, {"entity_id": -5}, {"entity_id": 2, "idempotency_key": "own"}]}
    key = {"Idempotency-Key": "b-1"}
    first = worker.post(BATCH, asked, **key)
    assert worker.post(BATCH, asked, **key).content == first.content
    assert worker.logged == 2
    for other in ({"items": asked["items"][:2]}, {"items": [*asked["items"], {"entity_id": 3}]}):
        assert fields(worker.post(BATCH, other, **key)) == ["header.Idempotency-Key"]
    # The key of a batch is no key of a single request, and another partner's is another key.
    assert worker.post(DECISIONS, {"entity_id": 3}, **key).status_code == 200
    worker.key = worker.partner("other", "decide", "*")
    assert send(worker, [{"entity_id": 3}], **key)[0]["status"] == 200
    assert worker.logged == 4


def test_a_batch_that_was_cut_short_is_completed_by_the_same_key(worker: Worker) -> None:
    """As after a kill between two commits: some items are in the log, and nobody was answered."""

    class Dying(Batcher):
        async def append_all(self, records: Any) -> Any:
            await super().append_all(records[:4])
            raise LogUnavailable("gone")

    asked = {"items": [{"entity_id": 1, "amount": 100 + place} for place in range(6)]}
    key = {"Idempotency-Key": "b"}

    async def cut() -> httpx.Response:
        async with worker.client(Dying(worker.log)) as client:
            return await client.post(BATCH, json=asked, headers=key)

    problem(asyncio.run(cut()), 503)
    kept = {record.decision_id for record in worker.log.read(PORTFOLIO, datetime(2020, 1, 1, tzinfo=UTC), LATER)}
    assert len(kept) == 4
    found = [one["answer"]["decision_id"] for one in send(worker, asked["items"], **key)]
    assert set(found[:4]) == kept
    assert worker.logged == 6


def test_two_workers_with_one_batch_give_one_answer(worker: Worker) -> None:
    async def race() -> set[bytes]:
        asked = {"items": [{"entity_id": place % 3 + 1, "amount": 100} for place in range(50)]}
        async with worker.client() as one, worker.client() as two:
            asks = [client.post(BATCH, json=asked, headers={"Idempotency-Key": "race"}) for client in (one, two) * 3]
            return {answer.content for answer in await asyncio.gather(*asks)}

    assert len(asyncio.run(race())) == 1
    assert worker.logged == 50


def test_an_erased_person_is_refused_and_the_others_are_answered(worker: Worker) -> None:
    asked = [{"entity_id": 1}, {"entity_id": 2}]
    first = send(worker, asked, **{"Idempotency-Key": "b"})
    worker.log.erase(Erasure(PORTFOLIO, "1", "ann", "asked for it", datetime.now(UTC), bytes(RANDOM_BYTES)))
    again = send(worker, asked, **{"Idempotency-Key": "b"})
    assert [one["status"] for one in again] == [422, 200]
    assert again[1] == first[1]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, ["body.items"]),
        ({"items": []}, ["body.items"]),
        ({"items": [{"entity_id": 1}] * (LARGEST + 1)}, ["body.items"]),
        ({"items": {"entity_id": 1}}, ["body.items"]),
        ({"items": [{"entity_id": 1}], "more": 1}, ["body.more"]),
        ([], ["body.(whole body)"]),
    ],
)
def test_what_is_no_batch_is_refused(worker: Worker, body: Any, expected: list[str]) -> None:
    assert fields(worker.post(BATCH, body)) == expected
    assert worker.logged == 0


def test_quota_counts_items(worker: Worker) -> None:
    worker.key = worker.partner("small", "decide", "*", quota="5/d")
    assert fields(worker.post(BATCH, {"items": [{"entity_id": 1}] * 6})) == ["body.items"]
    assert len(send(worker, [{"entity_id": 1}] * 3)) == 3
    refused = worker.post(BATCH, {"items": [{"entity_id": 1}] * 3})
    problem(refused, 429)
    assert int(refused.headers["retry-after"]) > 0
    assert worker.logged == 3


def test_scope_and_portfolio_are_asked_for(worker: Worker) -> None:
    worker.key = worker.partner("reader", "read,propensity", PORTFOLIO)
    for path in (BATCH, f"{PROPENSITIES}:batch"):
        assert fields(worker.post(path, {"items": [{"entity_id": 1}]}), 403) == ["path.portfolio"]


def test_propensities_come_in_batches_too(worker: Worker) -> None:
    found = send(worker, [{"entity_id": 2}, {"entity_id": 99}, {"entity_id": 2, "amount": 5}], f"{PROPENSITIES}:batch")
    assert [one.get("answer", {}).get("outcome") for one in found] == ["contact", "skip", None]
    assert found[2]["problem"]["errors"][0]["field"] == "items.2.amount"


def test_size_is_limited_and_a_thousand_full_items_fit(worker: Worker) -> None:
    text = "x" * 128
    evidence = {"token": text}
    names = ("name", "phone", "document", "company", "device")
    identity = {**dict.fromkeys(names, text), **dict.fromkeys(("liveness", "voice_print", "device_check"), evidence)}
    full = {"entity_id": 1, "amount": 1e9, "purpose": "x" * 63, "identity": identity, "idempotency_key": "k" * 255}
    assert len(str({"items": [full] * LARGEST})) < api.BATCH_BYTES
    large = worker.post(BATCH, {"items": [{"entity_id": 1}], "pad": " " * api.BATCH_BYTES})
    problem(large, 413)


def test_late_features_send_the_whole_batch_to_review(worker: Worker) -> None:
    worker.reader.fault = ConnectionError("no redis")
    found = send(worker, [{"entity_id": 1}, {"entity_id": 2}])
    assert {one["answer"]["outcome"] for one in found} == {"review"}
    assert {one["answer"]["reasons"][0]["code"] for one in found} == {"FEATURES_LATE"}


def test_a_batch_is_decided_by_one_release(worker: Worker) -> None:
    first = send(worker, [{"entity_id": 1}])[0]["answer"]["release"]
    write_pointer(worker.releases, PORTFOLIO, build_small(worker.releases, slope=0.9))
    found = {one["answer"]["release"] for one in send(worker, [{"entity_id": 1}] * 10)}
    assert len(found) == 1
    assert found != {first}
