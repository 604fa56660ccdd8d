"""What is wrong with a request is refused with a problem document that names it."""

import asyncio
from typing import Any

import httpx
import pytest

from serving.api import app as api
from serving.desk import Desk
from tests.serving.api.worker import DECISIONS, Worker, fields, problem
from tests.serving.small_releases import CAMPAIGN


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, ["body.entity_id"]),
        ({"entity_id": 1, "colour": "red"}, ["body.colour"]),
        ({"entity_id": True}, ["body.entity_id"]),
        ({"entity_id": 1.5}, ["body.entity_id"]),
        ({"entity_id": -1}, ["body.entity_id"]),
        ({"entity_id": 2**63}, ["body.entity_id"]),
        ({"entity_id": "1"}, ["body.entity_id"]),
        ({"entity_id": "\x00"}, ["body.entity_id"]),
        ({"entity_id": 1, "amount": "100"}, ["body.amount"]),
        ({"entity_id": 1, "amount": 0}, ["body.amount"]),
        ({"entity_id": 1, "amount": 1e12}, ["body.amount"]),
        ({"entity_id": 1, "purpose": "Robert'); DROP TABLE"}, ["body.purpose"]),
        ([], ["body.(whole body)"]),
    ],
)
def test_bad_input_is_refused_by_the_name_of_its_field(worker: Worker, body: Any, expected: list[str]) -> None:
    assert fields(worker.post(DECISIONS, body)) == expected


@pytest.mark.parametrize("amount", [b"NaN", b"Infinity", b"-Infinity", b"1e999"])
def test_numbers_that_are_none_are_refused(worker: Worker, amount: bytes) -> None:
    assert fields(worker.send(b'{"entity_id": 1, "amount": ' + amount + b"}")) == ["body.amount"]


@pytest.mark.parametrize(
    "content",
    [b"{", b"\xff\xfe", b"[" * 8000, b'{"entity_id": ' + b"9" * 5000 + b"}", b'{"entity_id": "\\ud800"}', b""],
)
def test_a_mangled_body_is_a_fault_of_the_caller(worker: Worker, content: bytes) -> None:
    response = worker.send(content)
    assert response.status_code in (400, 422)
    problem(response, response.status_code)
    assert worker.logged == 0


@pytest.mark.parametrize("levels", [1, 20, 400, 500, 600, 900, 1000, 1024, 1025, 2000])
@pytest.mark.parametrize(("begin", "end"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_a_nested_body_is_a_fault_of_the_caller(worker: Worker, levels: int, begin: bytes, end: bytes) -> None:
    response = worker.send(b'{"entity_id": ' + begin * levels + b"1" + end * levels + b"}")
    assert response.status_code in (400, 422)
    problem(response, response.status_code)


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (b'{"entity_id": 1, "entity_id": 2}', "entity_id"),
        (b'{"entity_id": 1, "amount": 5, "\\u0061mount": 9}', "amount"),
        (b'{"entity_id": 1, "purpose": {"a": 1, "a": 1}}', "a"),
        (b'{"entity_id": 1, "\\ud800": 1, "\\ud800": 1}', "?"),
    ],
)
def test_a_field_given_twice_is_refused_by_its_name(worker: Worker, content: bytes, field: str) -> None:
    assert fields(worker.send(content)) == [f"body.{field}"]
    assert worker.logged == 0


@pytest.mark.parametrize(("name", "shown"), [(b"\\ud800", "(whole body)"), (b"x" * 9000, "x" * 128)])
def test_an_unknown_field_is_named_whatever_its_name(worker: Worker, name: bytes, shown: str) -> None:
    assert fields(worker.send(b'{"entity_id": 1, "' + name + b'": 1}')) == [f"body.{shown}"]


def test_what_the_caller_sent_is_not_echoed(worker: Worker) -> None:
    response = worker.post(DECISIONS, {"entity_id": 1, "amount": "my-secret", "purpose": "My Secret"})
    assert "ecret" not in response.text


def test_size_and_media_type_are_limited(worker: Worker) -> None:
    problem(worker.send(b" " * (api.BODY_BYTES + 1)), 413)
    problem(worker.send(b"{}", "text/plain"), 415)
    problem(worker.send(b"{}", ""), 415)
    problem(worker.send(b"", ""), 400)
    assert worker.send(b'{"entity_id": 1}', "application/json; charset=utf-8").status_code == 200


def test_headers_are_limited(worker: Worker) -> None:
    problem(worker.post(DECISIONS, {"entity_id": 1}, **{"X-Large": "x" * 20_000}), 431)
    assert worker.logged == 0


def test_the_largest_id_is_an_id(worker: Worker) -> None:
    for entity in (2**53, 2**63 - 1):
        key = {"Idempotency-Key": str(entity)}
        first = worker.post(DECISIONS, {"entity_id": entity}, **key)
        assert first.json()["entity_id"] == str(entity)
        assert worker.post(DECISIONS, {"entity_id": entity}, **key).content == first.content
        problem(worker.post(DECISIONS, {"entity_id": entity - 1}, **key), 422)


async def bare_post(worker: Worker, path: str) -> httpx.Response:
    async with worker.client() as client:
        return await client.post(path)


def test_unknown_places_and_methods_are_problems(worker: Worker) -> None:
    problem(worker.get("/nowhere"), 404)
    assert problem(worker.get(DECISIONS), 405)
    problem(asyncio.run(bare_post(worker, "/v1/releases")), 405)
    problem(worker.get("/"), 404)
    assert fields(worker.post("/v1/portfolios/none/decisions", {"entity_id": 1}), 404) == ["path.portfolio"]
    assert fields(worker.post("/v1/portfolios/NONE/decisions", {"entity_id": 1}), 422) == ["path.portfolio"]
    refused = worker.post(f"/v1/portfolios/{CAMPAIGN}/decisions", {"entity_id": 1})
    assert "POST …/propensities" in problem(refused, 404)["detail"]
    worker.post(DECISIONS, {"entity_id": 1}, **{"Idempotency-Key": "with blank"})


def test_a_bad_key_is_named(worker: Worker) -> None:
    for key in ("with blank", "x" * 256):
        assert fields(worker.post(DECISIONS, {"entity_id": 1}, **{"Idempotency-Key": key})) == [
            "header.Idempotency-Key"
        ]


def test_an_unexpected_fault_is_a_problem_that_tells_nothing(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ValueError("entity 1 is Jane")

    monkeypatch.setattr(Desk, "decide", fail)
    response = worker.post(DECISIONS, {"entity_id": 1})
    problem(response, 500)
    assert "Jane" not in response.text
    assert "Jane" not in caplog.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/consentz/4711007", 404),
        ("DELETE", "/v1/consents/4711007", 405),
        ("BREW4711007", "/v1/releases", 405),
    ],
)
def test_a_wrong_path_or_method_is_refused_without_repeating_it(
    worker: Worker, method: str, path: str, status: int
) -> None:
    response = worker.ask(method, path, None)
    problem(response, status)
    assert "4711007" not in response.text
    assert path not in response.text
