"""Bodies that no sane caller sends: each is a fault of the caller's, told as documented, and never one of ours."""

import asyncio
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.api import gate, staff
from serving.api.problems import MEDIA_TYPE
from serving.partners.partner import Limited, Quota
from tests.serving.api.worker import DECISIONS, PASSWORD, PROPENSITIES, Worker
from tests.serving.small_releases import PORTFOLIO

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "60"))
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
EVIDENCE = {"token": "t-1"}
DECISION = {
    "entity_id": 1,
    "amount": 100.5,
    "purpose": "card",
    "term_months": 12,
    "annual_rate": 0.18,
    "identity": {"name": "Ann", "phone": "0912", "liveness": EVIDENCE},
}
ITEM = {"entity_id": 2, "idempotency_key": "k-1"}


@dataclass(frozen=True)
class Route:
    """Where bodies are sent, and one that is right."""

    method: str
    path: str
    documented: str
    body: Any
    media_type: str = JSON
    first: int = 200  # the status that the right body has

    @property
    def right(self) -> bytes:
        return (urlencode(self.body) if self.media_type == FORM else json.dumps(self.body)).encode()


ANY = "/v1/portfolios/{portfolio}/"
ROUTES = {
    "decision": Route("POST", DECISIONS, ANY + "decisions", DECISION),
    "propensity": Route("POST", PROPENSITIES, ANY + "propensities", {"entity_id": 2}),
    "decisions": Route("POST", f"{DECISIONS}:batch", ANY + "decisions:batch", {"items": [DECISION, ITEM]}),
    "propensities": Route("POST", f"{PROPENSITIES}:batch", ANY + "propensities:batch", {"items": [ITEM]}),
    "consent": Route(
        "PUT",
        f"/v1/consents/1?portfolio={PORTFOLIO}",
        "/v1/consents/{entity}",
        {"purpose": "credit", "state": "granted", "source": "form", "at": "2026-03-02T09:30:00Z"},
    ),
    "refusal": Route(
        "POST", "/v1/decisions/{id}/refusal", "/v1/decisions/{decision_id}/refusal", {"reason": "a person"}
    ),
    "token": Route(
        "POST",
        "/v1/oauth/token",
        "/v1/oauth/token",
        {"grant_type": "client_credentials", "client_id": "fuzz", "client_secret": "x", "scope": "decide"},
        FORM,
    ),
    "login": Route("POST", "/v1/staff/login", "/v1/staff/login", {"name": "ann", "password": PASSWORD}),
    "ruling": Route(
        "POST",
        "/v1/reviews/{review}/decide",
        "/v1/reviews/{decision_id}/decide",
        {"outcome": "decline", "reason": "told on the phone", "reasons": ["CAPACITY_UNKNOWN"]},
    ),
    "confirmation": Route(
        "POST",
        "/v1/reviews/{review}/confirm",
        "/v1/reviews/{decision_id}/confirm",
        {"agree": True, "reason": "seen too", "reasons": []},
        first=409,
    ),
}
OF_STAFF = ("/v1/reviews", "/v1/staff")

# As text that is JSON to some readers, or to none.
NUMBERS = ("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 400, "-0.0", "1E+2", "0x1", "1_000", "5e-324")
TEXTS = ('"\\ud800"', '"\\udfff\\ud800"', '"\\u0000"', '"\x00"', '"\U0010ffff"', '""', f'"{"x" * 5000}"', '"\\x41"')
FIRST, LAST = '"0001-01-01T00:00:00+14:00"', '"9999-12-31T23:59:59-14:00"'
TIMES = (
    FIRST,
    LAST,
    '"0000-00-00T00:00:00Z"',
    '"2026-01-01"',
    '"2026-06-30T23:59:60Z"',
    '"1700000000"',
    "253402300800",
)
odd = st.sampled_from((*NUMBERS, *TEXTS, *TIMES, "null", "true", "{}", "[]", "[[]]", '{"a":{}}'))
values = st.one_of(odd, st.text(max_size=8).map(json.dumps), st.integers().map(str), st.floats().map(str))

encoded = values.map(lambda text: text.encode(errors="replace"))


@st.composite
def nested(draw: st.DrawFn, right: bytes) -> bytes:
    """A value as deep as a mine, alone or in the place of another one."""
    depth = draw(st.one_of(st.integers(1, 2000), st.sampled_from((127, 128, 255, 256, 499, 500, 992, 1000, 1024))))
    opening, closing = draw(st.sampled_from(((b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":', b"}]"), (b"[", b""))))
    mine = opening * depth + draw(st.sampled_from((b"", b"1", b"NaN", b'"x"'))) + closing * depth
    return draw(st.sampled_from((mine, right.replace(b": 1", b": " + mine), right[:-1] + b', "more": ' + mine + b"}")))


@st.composite
def mutated(draw: st.DrawFn, right: bytes) -> bytes:
    """A right body with some of its bytes gone, doubled, or others."""
    body = right
    for _ in range(draw(st.integers(1, 4))):
        begin = draw(st.integers(0, len(body)))
        end = draw(st.integers(begin, min(len(body), begin + 20)))
        part = draw(st.one_of(st.just(b""), st.binary(max_size=6), encoded, st.just(body[begin:end] * 2)))
        body = body[:begin] + part + body[end:]
    return body


@st.composite
def replaced(draw: st.DrawFn, document: Any) -> bytes:
    """A right document with one of its values another, a field twice, or one that nobody knows."""
    text, mark = json.dumps(document), "\N{SNOWMAN}"
    fields = [pair for one in _objects(document) for pair in one.items()]
    name, value = draw(st.sampled_from(fields))
    pair, other = f"{json.dumps(name)}: {json.dumps(value)}", f"{json.dumps(name)}: {mark}"
    new = draw(st.sampled_from((other, f"{pair}, {other}", f"{other}, {pair}", f'{pair}, "{mark}": 1')))
    given = text.replace(pair, new, 1).replace(mark, draw(values))
    return given.encode(draw(st.sampled_from(("utf-8", "utf-16", "latin-1"))), errors="replace")


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _objects(one)


class Fuzzed:
    """A worker that is asked in one event loop."""

    def __init__(self, worker: Worker) -> None:
        worker.tokens = True
        worker.key = worker.partner("fuzz", "decide,propensity,read,consents", "*", quota="1000000/s")
        self.worker, self.runner = worker, asyncio.Runner()
        self._context = worker.client()
        self.client = self.runner.run(self._context.__aenter__())
        self.paths = self.runner.run(self.client.get("/openapi.json")).json()["paths"]
        self.decision, self.review = (
            self.runner.run(self.client.post(DECISIONS, json=asked)).json()["decision_id"]
            for asked in (DECISION, {"entity_id": 3})
        )
        self.session = worker.member("ann")
        claim = Route("POST", "/v1/reviews/{review}/claim", "", {})
        assert self.send(claim, b"").status_code == 200

    def send(self, route: Route, content: bytes) -> httpx.Response:
        headers = {"content-type": route.media_type}
        if route.path.startswith(OF_STAFF):
            headers["authorization"] = f"Bearer {self.session}"
        path = route.path.replace("{id}", self.decision).replace("{review}", self.review)
        return self.runner.run(self.client.request(route.method, path, content=content, headers=headers))

    def close(self) -> None:
        self.runner.run(self._context.__aexit__(None, None, None))
        self.runner.close()
        self.worker.close()


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzed]:
    patch = pytest.MonkeyPatch()
    patch.setattr(gate, "QUOTA", Quota(1_000_000, 86_400))
    patch.setattr(staff, "ATTEMPTS", Limited("staff:sign in", Quota(1_000_000, 86_400), 100))
    fuzzed = Fuzzed(Worker(tmp_path_factory.mktemp("fuzzed")))
    yield fuzzed
    fuzzed.close()
    patch.undo()


def assert_told(response: httpx.Response, document: Any, route: Route) -> None:
    """The status is one that the document has, and a refusal names what is wrong."""
    assert response.status_code < 500, response.text
    assert str(response.status_code) in document["responses"]
    answer = response.json()
    if response.status_code == 200:
        for result in answer.get("results", []):
            assert result["status"] in (200, 422)
            assert result["status"] == 200 or all(fault["field"] for fault in result["problem"]["errors"])
    elif route.media_type == FORM and response.status_code in (400, 401):
        assert set(answer) == {"error", "error_description"}
    else:
        assert response.headers["content-type"] == MEDIA_TYPE
        assert answer["status"] == response.status_code
        if response.status_code == 422:
            assert answer["errors"]
            assert all(fault["field"] and fault["message"] for fault in answer["errors"])


def test_every_body_that_there_is_is_among_them(fuzzed: Fuzzed) -> None:
    takes = {
        (path, method) for path, verbs in fuzzed.paths.items() for method in verbs if "requestBody" in verbs[method]
    }
    assert takes == {(route.documented, route.method.lower()) for route in ROUTES.values()}


@pytest.mark.parametrize("name", ROUTES)
def test_no_body_whatever_is_a_fault_of_ours(fuzzed: Fuzzed, name: str) -> None:
    route = ROUTES[name]
    document = fuzzed.paths[route.documented][route.method.lower()]
    right = route.right.replace(b"client_secret=x", b"client_secret=" + fuzzed.worker.key.encode())
    assert fuzzed.send(route, right).status_code == route.first

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize="FUZZ_EXAMPLES" not in os.environ,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of(st.binary(max_size=64), mutated(right), nested(right), replaced(route.body)))
    def holds(content: bytes) -> None:
        assert_told(fuzzed.send(route, content), document, route)

    holds()
    assert fuzzed.worker.log.verify().valid
