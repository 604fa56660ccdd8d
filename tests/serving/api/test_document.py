"""What the OpenAPI document tells a partner who has nothing else to go by."""

from typing import Any

import pytest

from serving.api.app import BATCH_BYTES, BODY_BYTES
from serving.api.problems import ProblemDocument, problem_response
from serving.desk import Desk
from tests.serving.api.worker import DECISIONS, Worker, fields, problem


@pytest.fixture
def document(worker: Worker) -> Any:
    return worker.get("/openapi.json").json()


def operations(document: Any) -> list[tuple[str, Any]]:
    return [(path, one) for path, methods in document["paths"].items() for one in methods.values()]


def test_it_speaks_to_partners(document: Any) -> None:
    told = document["info"]["description"]
    assert "Authorization: Bearer" in told
    assert "Clerk" not in told


def test_every_parameter_that_is_no_choice_has_an_example(document: Any) -> None:
    named = {
        one["name"]: one
        for _, operation in operations(document)
        for one in operation.get("parameters", [])
        if one.get("required") or one["in"] == "header"
    }
    assert {"Idempotency-Key", "Lendloop-Decision-Time", "entity", "portfolio", "decision_id"} <= set(named)
    without = {name for name, one in named.items() if not (one.get("examples") or one["schema"].get("examples"))}
    assert not without


def test_every_error_has_an_example_of_its_own(document: Any) -> None:
    for path, operation in operations(document):
        for status, answer in operation["responses"].items():
            if "application/problem+json" in answer.get("content", {}):
                found = ProblemDocument.model_validate(answer["content"]["application/problem+json"]["example"])
                assert (str(found.status), bool(found.errors)) == (status, status == "422"), path


def test_it_says_how_large_a_body_may_be(document: Any) -> None:
    limits = {path: one["requestBody"]["description"] for path, one in operations(document) if "requestBody" in one}
    assert len(limits) >= 9
    for path, told in limits.items():
        assert f"{BATCH_BYTES if path.endswith(':batch') else BODY_BYTES:,} bytes" in told, path


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_a_method_that_there_is_not_is_documented_of_probes_too(worker: Worker, document: Any, path: str) -> None:
    assert worker.ask("DELETE", path, None).status_code == 405
    assert "405" in document["paths"][path]["get"]["responses"]


@pytest.mark.parametrize(("status", "words"), [(413, "Content Too Large"), (422, "Unprocessable Content")])
def test_a_title_is_the_status_in_today_s_words(status: int, words: str) -> None:
    told = ProblemDocument.model_validate_json(bytes(problem_response(status, "x").body))
    assert told.title == words


@pytest.mark.parametrize("body", [[], 1, "x"])
def test_a_body_that_is_no_object_is_told_without_names_of_ours(worker: Worker, body: Any) -> None:
    response = worker.post(DECISIONS, body)
    assert fields(response) == ["body.(whole body)"]
    assert problem(response, 422)["errors"][0]["message"] == "Input should be an object"


def test_a_release_that_is_not_loaded_is_worth_another_try(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise ValueError("damaged")

    monkeypatch.setattr(Desk, "__init__", refuse)
    for response in (worker.post(DECISIONS, {"entity_id": 1}), worker.get("/readyz")):
        problem(response, 503)
        assert response.headers["retry-after"]
