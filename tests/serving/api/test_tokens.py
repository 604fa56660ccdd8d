"""Tokens for keys: short-lived, no more than the key, and no longer open than it."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import jwt
import pytest

from serving.partners.key import key_id, make_key
from serving.partners.tokens import LIFE_SECONDS, make_token
from tests.serving.api.worker import DECISIONS, SECRET, Worker, problem

TOKEN = "/v1/oauth/token"
GRANT = {"grant_type": "client_credentials", "client_id": "shop"}


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    worker = Worker(tmp_path)
    worker.tokens = True
    yield worker
    worker.close()


def ask(worker: Worker, fields: dict[str, str], auth: tuple[str, str] | None = None) -> httpx.Response:
    async def one() -> httpx.Response:
        async with worker.client() as client:
            del client.headers["authorization"]
            return await client.post(TOKEN, data=fields, auth=auth)

    return asyncio.run(one())


def test_a_key_gets_a_token_that_opens_what_it_was_asked_for(worker: Worker) -> None:
    key = worker.key
    given = ask(worker, {**GRANT, "client_secret": key, "scope": "decide"})
    assert given.headers["cache-control"] == "no-store"
    told = given.json()
    assert (told["token_type"], told["expires_in"], told["scope"]) == ("Bearer", LIFE_SECONDS, "decide")
    worker.key = told["access_token"]
    answer = worker.post(DECISIONS, {"entity_id": 1})
    assert answer.status_code == 200
    problem(worker.get(f"/v1/decisions/{answer.json()['decision_id']}"), 403)
    assert worker.log.find(answer.json()["decision_id"]).partner == "shop"  # type: ignore[union-attr]
    # A token is no key: it gets no further token.
    assert ask(worker, {**GRANT, "client_secret": worker.key}).json()["error"] == "invalid_client"


def test_the_header_says_who_it_is_as_well(worker: Worker) -> None:
    found = ask(worker, {"grant_type": "client_credentials"}, ("shop", worker.key)).json()
    assert found["scope"] == "decide propensity read"


@pytest.mark.parametrize(
    ("fields", "error", "status"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type", 400),
        ({"client_secret": make_key()}, "invalid_client", 401),
        ({"client_secret": ""}, "invalid_client", 401),
        ({"client_id": "other"}, "invalid_client", 401),
        ({"scope": "decide review"}, "invalid_scope", 400),
    ],
)
def test_who_is_refused_is_told_by_the_standard(
    worker: Worker, fields: dict[str, str], error: str, status: int
) -> None:
    refused = ask(worker, {**GRANT, "client_secret": worker.key, **fields})
    assert (refused.status_code, refused.json()["error"]) == (status, error)


def test_a_token_is_closed_with_its_key_its_time_and_its_signature(worker: Worker) -> None:
    name, now = str(key_id(worker.key)), datetime.now(UTC)
    good = make_token(SECRET, name, ["decide"], now)
    old = make_token(SECRET, name, ["decide"], now - timedelta(seconds=LIFE_SECONDS + 1))
    forged = make_token(b"x" * 32, name, ["decide"], now)
    plain = jwt.encode({**jwt.decode(good, options={"verify_signature": False})}, None, "none")
    for token, status in ((good, 200), (old, 401), (forged, 401), (plain, 401), (good + "x", 401), ("a.b.c", 401)):
        worker.key = token
        assert worker.post(DECISIONS, {"entity_id": 1}).status_code == status
    worker.book.revoke("shop", by="ann", at=now)
    worker.key = good
    problem(worker.post(DECISIONS, {"entity_id": 1}), 401)


def test_without_the_setting_there_are_none(worker: Worker) -> None:
    worker.tokens = False
    assert ask(worker, {**GRANT, "client_secret": worker.key}).status_code in (404, 415)
    assert TOKEN not in worker.get("/openapi.json").json()["paths"]
    worker.key = make_token(SECRET, str(key_id(worker.key)), ["decide"], datetime.now(UTC))
    problem(worker.post(DECISIONS, {"entity_id": 1}), 401)
