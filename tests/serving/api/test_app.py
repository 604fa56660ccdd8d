import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher

from serving.api import app as api
from serving.api.app import create_app
from serving.api.limits import Limits
from serving.api.shedding import Shedding
from serving.clerk import Clerk
from serving.consents import open_consents
from serving.desk import Desk
from serving.inquiry import Inquiry
from serving.log.batcher import Batcher
from serving.log.database import LogUnavailable
from serving.log.decision_log import open_log
from serving.log.erasure import RANDOM_BYTES, Erasure
from serving.partners.batch_keys import open_batch_keys
from serving.partners.book import open_book
from serving.partners.directory import Directory
from serving.partners.key import make_key
from serving.partners.limits import open_limits
from serving.partners.partner import make_partner
from serving.pauses import Pause, open_pauses
from serving.pointers import write_fault, write_pointer
from serving.policy import ConsentPurpose
from serving.release import load_release
from serving.reviews.board import open_board
from serving.runtime import Runtime
from serving.staff.book import open_staff
from serving.staff.member import make_member
from serving.staff.passwords import Passwords
from serving.staff.reception import Reception
from serving.staff.sessions import make_session
from tests.serving.log.keyring import KEYS
from tests.serving.small_releases import CAMPAIGN, PORTFOLIO, FakeReader, build_small, fresh_reader

DECISIONS = f"/v1/portfolios/{PORTFOLIO}/decisions"
PARTS = {
    "ChallengerAnswer",
    "ReasonAnswer",
    "ReleaseAnswer",
    "ConsentAnswer",
    "DecisionItem",
    "PropensityItem",
}  # shown in the documents they are a part of
SECRET = b"s" * 32
CHEAP = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
PASSWORD = "correct horse battery"
PROPENSITIES = f"/v1/portfolios/{CAMPAIGN}/propensities"


class Worker:
    """A worker without BentoML: real releases, log, pauses and partners; features from memory."""

    def __init__(
        self, folder: Path, consents: tuple[ConsentPurpose, ...] = (), url: str = "", releases: Path | None = None
    ) -> None:
        self.releases = releases or folder / "releases"
        self.reader: FakeReader = fresh_reader()
        for portfolio in (PORTFOLIO, CAMPAIGN):
            write_pointer(self.releases, portfolio, build_small(self.releases, portfolio=portfolio, consents=consents))
        self.url = url or f"sqlite:///{folder / 'log.db'}"
        self.log = open_log(self.url, KEYS)
        self.pauses = open_pauses(self.url, self.log.vault)
        self.book = open_book(self.url, SECRET, self.log.vault)
        self.staff = open_staff(self.url, self.log)
        self.key = self.partner("shop", "decide,propensity,read", "*")
        self.replay = self.tokens = self.openid = False
        self.prepared: Callable[[Clerk], Any] = lambda clerk: None
        self.seconds = 2.0

    def reopen(self) -> None:
        """Have the log as a new process has it."""
        self.log.close()
        self.log = open_log(self.url, KEYS)

    @property
    def logged(self) -> int:
        """How many records the log has, but for those of whoever was let in to ask."""
        sql = "SELECT count(*) FROM decisions WHERE kind NOT IN ('partner', 'staff')"
        return int(self.log._rows(sql, [])[0][0])

    def partner(self, name: str, scopes: str, portfolios: str, quota: str = "1000/s", concurrency: int = 100) -> str:
        partner = make_partner(name, scopes, portfolios, quota, concurrency)
        return self.book.add(partner, by="ann", at=datetime.now(UTC))

    def member(self, name: str, roles: str = "reviewer", portfolios: str = "*") -> str:
        """Add a member of the staff; the token of a session of theirs."""
        found, at = make_member(name, roles, portfolios), datetime.now(UTC)
        self.staff.add(found, by="ann", at=at, password=CHEAP.make(name, PASSWORD))
        return make_session(SECRET, found, at)

    def close(self) -> None:
        for one in (self.staff, self.log, self.pauses, self.book):
            one.close()

    def app(self, clerk: Clerk) -> Any:
        return create_app(lambda: clerk, self.releases, tokens=self.tokens, openid=self.openid)

    @asynccontextmanager
    async def opened(self, batcher: Any = None, log_seconds: float = 5.0) -> AsyncIterator[Clerk]:
        runtime = Runtime(self.releases, lambda portfolio, folder: Desk(load_release(folder), self.reader))
        runtime.refresh()
        directory = Directory(open_book(self.url, SECRET), SECRET, tokens=self.tokens)
        limits = open_limits(f"sqlite:///{self.releases.parent / 'quotas.db'}")
        clerk = Clerk(
            runtime,
            batcher or Batcher(self.log),
            self.log,
            self.pauses,
            directory,
            limits,
            open_batch_keys(self.url, SECRET),
            self.replay,
            self.seconds,
            log_seconds,
            inquiry=Inquiry(consents=open_consents(self.url, self.log.vault)),
            staff=Reception(open_staff(self.url, self.log), SECRET, CHEAP),
            reviews=open_board(self.url, self.log),
        )
        self.prepared(clerk)
        yield clerk
        await clerk.close()

    @asynccontextmanager
    async def client(self, batcher: Any = None, log_seconds: float = 5.0) -> AsyncIterator[httpx.AsyncClient]:
        bearer = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        async with self.opened(batcher, log_seconds) as clerk:
            transport = httpx.ASGITransport(self.app(clerk), raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://service", headers=bearer) as client:
                yield client

    def post(self, path: str, body: Any, **headers: Any) -> httpx.Response:
        async def one() -> httpx.Response:
            async with self.client() as client:
                return await client.post(path, json=body, headers=headers)

        return asyncio.run(one())

    def send(self, content: bytes, content_type: str = "application/json") -> httpx.Response:
        async def one() -> httpx.Response:
            async with self.client() as client:
                return await client.post(DECISIONS, content=content, headers={"content-type": content_type})

        return asyncio.run(one())

    def get(self, path: str, **headers: str) -> httpx.Response:
        async def one() -> httpx.Response:
            async with self.client() as client:
                return await client.get(path, headers=headers)

        return asyncio.run(one())


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    worker = Worker(tmp_path)
    yield worker
    worker.close()


def problem(response: httpx.Response, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document = response.json()
    assert document["status"] == status
    assert {"type", "title", "detail"} <= set(document)
    return dict(document)


def fields(response: httpx.Response, status: int = 422) -> list[str]:
    return [f"{fault['location']}.{fault['field']}" for fault in problem(response, status)["errors"]]


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
    assert set(answers) == {"200", "400", "401", "403", "404", "405", "413", "415", "422", "429", "431", "500", "503"}
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
    worker.key = worker.partner("other", "decide", f"{CAMPAIGN},else")
    refused = worker.post(DECISIONS, {"entity_id": 1})
    assert fields(refused, 403) == ["path.portfolio"]
    assert worker.post("/v1/portfolios/none/decisions", {"entity_id": 1}).content == refused.content
    problem(worker.post(PROPENSITIES, {"entity_id": 2}), 403)
    seen = worker.get("/v1/releases").json()
    assert [release["portfolio"] for release in seen["releases"]] == [CAMPAIGN]
    assert all(set(served) <= {CAMPAIGN} for served in seen["workers"].values())
    assert worker.logged == 0


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
