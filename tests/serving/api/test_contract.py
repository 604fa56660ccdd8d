"""The OpenAPI document holds: requests made up from it, good and bad, over real HTTP; every answer is as documented."""

import asyncio
import os
import threading
from calendar import isleap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import hypothesis
import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from requests import Session
from schemathesis import GenerationMode
from schemathesis.checks import FailureGroup, negative_data_rejection
from schemathesis.generation.drivers import CoverageGenerator
from schemathesis.generation.feedback import NO_FEEDBACK
from schemathesis.generation.hypothesis.examples import generate_one
from schemathesis.generation.overrides import Override
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from infra.processes import free_port
from serving.api import gate, staff
from serving.partners.partner import Limited, Quota
from tests.serving.api.worker import DECISIONS, Worker
from tests.serving.small_releases import CAMPAIGN, PORTFOLIO

SESSION = Session()  # its connections are kept open
SESSION.trust_env = False  # else it looks through the environment for proxies at each request
EXAMPLES = int(os.environ.get("CONTRACT_EXAMPLES", "8"))


@contextmanager
def served(worker: Worker, port: int = 0) -> Iterator[str]:
    """The address of the worker's API while it runs in a thread of its own."""
    port, ready, stop = port or free_port(), threading.Event(), threading.Event()

    async def serve() -> None:
        async with worker.opened() as clerk:
            config = uvicorn.Config(worker.app(clerk), port=port, log_level="error", lifespan="off")
            server = uvicorn.Server(config)
            running = asyncio.create_task(server.serve())
            while not server.started:
                await asyncio.sleep(0.01)
            ready.set()
            await asyncio.to_thread(stop.wait)
            server.should_exit = True
            await running

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(20)
    yield f"http://127.0.0.1:{port}"
    stop.set()
    thread.join()


@dataclass(frozen=True)
class Address:
    """Where the API is, what opens it to a partner and to staff, and a decision that waits for staff."""

    url: str
    key: str
    session: str
    review: str
    closed: set[str] = field(default_factory=set)
    """Operations that were seen to refuse who is not let in; for each that is asked for once, as Schemathesis does."""

    def opens(self, path: str) -> str:
        return self.session if path.startswith(("/v1/reviews", "/v1/staff")) else self.key


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    worker = Worker(tmp_path_factory.mktemp("contract"))
    worker.tokens = worker.replay = True  # else nothing that has the header Lendloop-Decision-Time is accepted
    key = worker.partner("busy", "decide,propensity,review,read,consents", "*", quota="1000000/s")
    session = worker.member("ann")
    with served(worker) as url:
        body, headers = {"entity_id": 3}, {"Authorization": f"Bearer {key}"}
        review = httpx.post(url + DECISIONS, json=body, headers=headers).json()["decision_id"]
        yield Address(url, key, session, review)
    worker.close()


def fit(case: schemathesis.Case, review: str) -> None:
    """Make a good request one that this lender can take, in what the document cannot say.

    That is: which portfolios there are, that theirs have numbers for ids, which keys were used before, of which years
    times are and that none is still to come, which codes of reasons and which limits the policy knows, that a limit
    comes with an approval, and that the integer 8080.0, which JSON Schema takes for one, is refused.
    """
    portfolio = CAMPAIGN if "propensities" in case.operation.path else PORTFOLIO
    for named in (case.path_parameters, case.query):
        if named and "portfolio" in named:
            named["portfolio"] = portfolio
        if named and "decision_id" in named:
            named["decision_id"] = review
        if named and "entity" in named:
            named["entity"] = "17"
    if case.headers and "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = uuid4().hex
    if case.headers and "Lendloop-Decision-Time" in case.headers:
        case.headers["Lendloop-Decision-Time"] = _past(case.headers["Lendloop-Decision-Time"])
    if isinstance(case.body, dict):
        case.body = _fitted(case.body)


def _past(time: str) -> str:
    """The time, odd as it may be, in a year that has been."""
    return f"{2004 if isleap(int(time[:4])) else 2005}{time[4:]}"


def timed(case: schemathesis.Case) -> bool:
    """Whether a request says a time."""
    return "Lendloop-Decision-Time" in (case.headers or {}) or (isinstance(case.body, dict) and "at" in case.body)


def _fitted(value: Any) -> Any:
    if isinstance(value, list):
        return [_fitted(one) for one in value]
    if not isinstance(value, dict):
        return int(value) if isinstance(value, float) and value.is_integer() else value
    fitted = {name: _fitted(one) for name, one in value.items()}
    if isinstance(fitted.get("entity_id"), str):
        fitted["entity_id"] = 1
    if "reasons" in fitted:
        fitted["reasons"] = ["CAPACITY_UNKNOWN"]
    if isinstance(fitted.get("at"), str):
        fitted["at"] = _past(fitted["at"])
    if fitted.get("outcome") == "approve":
        fitted["limit"] = 1.0
    elif fitted.get("outcome") == "decline":
        fitted.pop("limit", None)
    return fitted


def accepted(case: schemathesis.Case, response: Any) -> bool:
    """Whether a batch was taken as if nothing were wrong with it: a bad item is refused by itself, in a 200."""
    return response.status_code == 200 and all(one["status"] == 200 for one in response.json()["results"])


def validate(case: schemathesis.Case, address: Address) -> None:
    """Send a request, and check its answer by every check there is."""
    bearer = {"Authorization": f"Bearer {address.opens(case.operation.path)}"}
    good = case.meta is None or case.meta.generation.mode is GenerationMode.POSITIVE
    label = case.operation.label
    closed = [ignored_auth] * (label in address.closed)
    if good and timed(case):  # as it was made up first: of any year there is
        case.call_and_validate(session=SESSION, headers=bearer, excluded_checks=[positive_data_acceptance, *closed])
    if good:
        fit(case, address.review)
    batch = not good and case.operation.path.endswith(":batch")
    excluded = [negative_data_rejection] * batch + closed
    response = case.call_and_validate(session=SESSION, headers=bearer, excluded_checks=excluded)
    if good and response.status_code < 300:
        address.closed.add(label)
    assert not batch or not accepted(case, response), f"taken as good: {case.body}"


def check(operation: APIOperation, address: Address, mode: GenerationMode, examples: int) -> list[str]:  # type: ignore[type-arg]
    """What is wrong with the answers to requests made up for an operation."""
    faults: list[str] = []

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def holds(case: schemathesis.Case) -> None:
        try:
            validate(case, address)
        except (FailureGroup, AssertionError) as error:
            faults.append(f"{operation.label}: {error}")

    try:
        holds()
    except hypothesis.errors.Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE  # nothing that is asked of this operation can be wrong
    return faults


@pytest.mark.parametrize("mode", GenerationMode)
def test_every_answer_is_as_documented(address: Address, mode: GenerationMode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "QUOTA", Quota(1_000_000, 86_400))
    monkeypatch.setattr(staff, "ATTEMPTS", Limited("staff:sign in", Quota(1_000_000, 86_400), 100))
    schema = schemathesis.openapi.from_url(f"{address.url}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) >= 18
    faults = [fault for operation in operations for fault in check(operation, address, mode, EXAMPLES)]
    assert not faults, "\n\n".join(faults[:5])


def borders(operation: APIOperation) -> Iterator[schemathesis.Case]:  # type: ignore[type-arg]
    """The document's own examples, and requests on both sides of each border that it draws."""
    yield from (generate_one(strategy) for strategy in operation.get_strategies_from_examples())
    yield from CoverageGenerator(
        operation=operation,
        generation_modes=list(GenerationMode),
        generation_config=operation.schema.config.generation_for(operation=operation, phase="coverage"),
        auth_storage=None,
        override=Override(),
        feedback=NO_FEEDBACK,
    )


def test_every_border_of_the_document_holds(address: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "QUOTA", Quota(1_000_000, 86_400))
    monkeypatch.setattr(staff, "ATTEMPTS", Limited("staff:sign in", Quota(1_000_000, 86_400), 100))
    schema = schemathesis.openapi.from_url(f"{address.url}/openapi.json")
    faults, asked = [], 0
    for operation in (found.ok() for found in schema.get_all_operations()):
        for case in borders(operation):
            asked += 1
            try:
                validate(case, address)
            except (FailureGroup, AssertionError) as error:
                faults.append(f"{operation.label}: {error}")
    assert asked > 100
    assert not faults, f"{len(faults)} of {asked}\n" + "\n\n".join(faults[:5])
