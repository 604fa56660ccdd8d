"""The OpenAPI document holds: requests made up from it, good and bad, over real HTTP; every answer is as documented."""

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import hypothesis
import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import FailureGroup, negative_data_rejection, positive_data_acceptance
from schemathesis.schemas import APIOperation

from infra.processes import free_port
from serving.api import gate, staff
from serving.partners.partner import Limited, Quota
from tests.serving.api.test_app import DECISIONS, Worker
from tests.serving.small_releases import CAMPAIGN, PORTFOLIO

EXAMPLES = int(os.environ.get("CONTRACT_EXAMPLES", "12"))
UNKNOWABLE = positive_data_acceptance
"""The document cannot say which portfolio has numbers for ids, nor refuse the integer 8080.0, as the service does."""


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

    def opens(self, path: str) -> str:
        return self.session if path.startswith(("/v1/reviews", "/v1/staff")) else self.key


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    worker = Worker(tmp_path_factory.mktemp("contract"))
    worker.tokens = True
    key = worker.partner("busy", "decide,propensity,review,read,consents", "*", quota="1000000/d")
    session = worker.member("ann")
    with served(worker) as url:
        body, headers = {"entity_id": 3}, {"Authorization": f"Bearer {key}"}
        review = httpx.post(url + DECISIONS, json=body, headers=headers).json()["decision_id"]
        yield Address(url, key, session, review)
    worker.close()


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
        if mode is GenerationMode.POSITIVE and "portfolio" in case.path_parameters:
            case.path_parameters["portfolio"] = CAMPAIGN if "propensities" in operation.path else PORTFOLIO
        if mode is GenerationMode.POSITIVE and "decision_id" in case.path_parameters:
            case.path_parameters["decision_id"] = address.review
        # A bad item of a batch is refused by itself, in an answer of 200.
        batch = [negative_data_rejection] if operation.path.endswith(":batch") else []
        try:
            case.call_and_validate(
                headers={"Authorization": f"Bearer {address.opens(operation.path)}"},
                excluded_checks=[UNKNOWABLE, *batch],
            )
        except FailureGroup as error:
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
