"""A key of a request is of that request alone, also of what it says of nothing owed."""

from typing import Any

import pytest

from serving.asked import Asked
from tests.serving.api.worker import DECISIONS, Worker, fields


def test_a_key_is_refused_for_a_body_that_says_more(worker: Worker) -> None:
    plain, nought = {"entity_id": 1, "amount": 100.0}, {"entity_id": 1, "amount": 100.0, "exposure": 0}
    for key, first, other in (("a", plain, nought), ("b", nought, plain)):
        sent = {"Idempotency-Key": key}
        answered = worker.post(DECISIONS, first, **sent)
        assert fields(worker.post(DECISIONS, other, **sent)) == ["header.Idempotency-Key"]
        assert worker.post(DECISIONS, first, **sent).content == answered.content
    unsaid = {**plain, "exposure": None, "refuse_automation": False}
    assert worker.post(DECISIONS, unsaid, **{"Idempotency-Key": "a"}).status_code == 200


def test_a_key_of_an_earlier_version_still_finds_its_decision(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = Asked.digest

    def without_nought(asked: Asked, body: Any = None) -> str:
        said = asked.body() if body is None else dict(body)
        return digest(asked, {name: value for name, value in said.items() if name != "exposure" or value})

    key, nought = {"Idempotency-Key": "a"}, {"entity_id": 1, "amount": 100.0, "exposure": 0}
    with monkeypatch.context() as earlier:
        earlier.setattr(Asked, "digest", without_nought)
        answered = worker.post(DECISIONS, nought, **key)
    assert worker.post(DECISIONS, nought, **key).content == answered.content
    assert fields(worker.post(DECISIONS, {**nought, "exposure": 1}, **key)) == ["header.Idempotency-Key"]
    assert fields(worker.post(DECISIONS, {**nought, "entity_id": 2}, **key)) == ["header.Idempotency-Key"]
    assert worker.logged == 1
