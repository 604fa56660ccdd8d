"""An applicant refuses the machine's decision, over the API: who may say so, once, and what is told of it then."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from serving.log.erasure import RANDOM_BYTES, Erasure
from serving.log.record import Record
from serving.reviews.board import Board, Case
from tests.serving.api.test_reviews import APPROVE, REASON, Api, ask
from tests.serving.api.worker import CAMPAIGN, DECISIONS, PORTFOLIO, PROPENSITIES, Worker, fields, problem

ABSENT = "0193f5a1-7c1e-7b02-9d55-2f6b1f0e6a10"
GOOD = 1  # an entity that the machine approves


async def decided(api: Api, key: str, path: str = DECISIONS, entity: int = GOOD) -> dict[str, Any]:
    answer: dict[str, Any] = (await api.post(path, key, {"entity_id": entity})).json()
    return answer


def place(decision: dict[str, Any]) -> str:
    return f"/v1/decisions/{decision['decision_id']}"


def test_a_person_decides_what_the_machine_had_decided(worker: Worker) -> None:
    ann = worker.member("ann")

    async def what(api: Api) -> None:
        decision = await decided(api, worker.key)
        assert decision["outcome"] == "approve"
        explained = f"{place(decision)}/explanation"
        assert (await api.get(explained, worker.key)).json()["review"] is None
        problem(await api.post(f"/v1/reviews/{decision['decision_id']}/claim", ann), 404)

        first = await api.post(f"{place(decision)}/refusal", worker.key, {"reason": "a person, please"})
        told = first.json()
        review = told.pop("review")
        assert told == decision
        assert (review["state"], review["outcome"]) == ("open", None)
        assert datetime.fromisoformat(review["refused_at"]) > datetime.fromisoformat(decision["decided_at"])
        assert (await api.get(place(decision), worker.key)).json()["review"] == review
        assert (await api.get(explained, worker.key)).json()["review"] == review

        shown = (await api.get(f"/v1/reviews/{decision['decision_id']}", ann)).json()
        assert (shown["decided"], shown["refused_at"]) == ("approve", review["refused_at"])
        assert [(act["act"], act["by"], act["reason"]) for act in shown["acts"]] == [
            ("refuse", "partner:shop", "a person, please")
        ]
        await api.post(f"/v1/reviews/{decision['decision_id']}/claim", ann)
        await api.post(f"/v1/reviews/{decision['decision_id']}/decide", ann, {"outcome": "decline", **REASON})
        assert (await api.get(place(decision), worker.key)).json()["review"]["state"] == "declined"
        # Once more, also after its end: the same review, and the same answer as ever.
        assert (await api.post(f"{place(decision)}/refusal", worker.key)).content == first.content
        assert worker.log.verify().valid

    ask(worker, what)


def test_what_people_have_decided_stays(worker: Worker) -> None:
    ann = worker.member("ann")

    async def what(api: Api) -> None:
        review = await api.review(worker.key)
        await api.post(f"{review}/claim", ann)
        await api.post(f"{review}/decide", ann, APPROVE)
        path = review.replace("reviews", "decisions")
        assert "approved by ann" in problem(await api.post(f"{path}/refusal", worker.key), 409)["detail"]

    ask(worker, what)


def test_nobody_refuses_what_is_not_theirs_and_learns_nothing_by_trying(worker: Worker) -> None:
    other = worker.partner("other", "decide,read", "*")
    far = worker.partner("far", "decide", CAMPAIGN)
    reader = worker.partner("reader", "read", "*")
    ann = worker.member("ann")

    async def what(api: Api) -> None:
        decision = await decided(api, worker.key)
        absent = await api.post(f"/v1/decisions/{ABSENT}/refusal", worker.key)
        problem(absent, 404)
        for key in (other, far):
            assert (await api.post(f"{place(decision)}/refusal", key)).content == absent.content
        problem(await api.post(f"{place(decision)}/refusal", reader), 403)
        problem(await api.post(f"{place(decision)}/refusal", ann), 401)
        assert fields(await api.post("/v1/decisions/1/refusal", worker.key)) == ["path.decision_id"]
        assert "review" not in (await api.get(place(decision), worker.key)).json()
        worker.log.erase(Erasure(PORTFOLIO, str(GOOD), "ann", "asked", datetime.now(UTC), bytes(RANDOM_BYTES)))
        assert (await api.post(f"{place(decision)}/refusal", worker.key)).content == absent.content

    ask(worker, what)


def test_who_is_erased_in_the_same_moment_never_was(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    read = Board.of

    def erased_first(board: Board, record: Record) -> Case:
        asked = datetime.now(UTC)
        worker.log.erase(Erasure(PORTFOLIO, str(GOOD), "ann", "asked", asked, bytes(RANDOM_BYTES)))
        return read(board, record)

    async def what(api: Api) -> None:
        decision = await decided(api, worker.key)
        monkeypatch.setattr(Board, "of", erased_first)
        problem(await api.post(f"{place(decision)}/refusal", worker.key), 404)

    ask(worker, what)


def test_a_propensity_is_nothing_to_review(worker: Worker) -> None:
    async def what(api: Api) -> None:
        told = problem(
            await api.post(f"{place(await decided(api, worker.key, PROPENSITIES))}/refusal", worker.key), 409
        )
        assert "PUT /v1/consents" in told["detail"]

    ask(worker, what)


def test_a_key_is_of_one_refusal(worker: Worker) -> None:
    async def what(api: Api) -> None:
        one, two = await decided(api, worker.key), await decided(api, worker.key, entity=2)

        async def refuse(decision: dict[str, Any], reason: str, key: str) -> httpx.Response:
            headers = {"Authorization": f"Bearer {worker.key}", "Idempotency-Key": key}
            return await api.client.post(f"{place(decision)}/refusal", json={"reason": reason}, headers=headers)

        first = await refuse(one, "a person", "k")
        assert first.status_code == 200
        assert (await refuse(one, "a person", "k")).content == first.content
        for decision, reason in ((one, "another"), (two, "a person")):
            assert fields(await refuse(decision, reason, "k")) == ["header.Idempotency-Key"]
        assert (await refuse(one, "another", "l")).content == first.content
        assert fields(await refuse(one, "a person", "x y")) == ["header.Idempotency-Key"]
        assert "review" not in (await api.get(place(two), worker.key)).json()

    ask(worker, what)


@pytest.mark.parametrize("body", [{"reason": "x" * 1001}, {"reason": " \n "}, {"reason": 7}, {"why": "so"}, [], "x"])
def test_a_body_that_cannot_be_is_refused_by_its_field(worker: Worker, body: Any) -> None:
    async def what(api: Api) -> None:
        decision = await decided(api, worker.key)
        (field,) = fields(await api.post(f"{place(decision)}/refusal", worker.key, body))
        assert field.startswith("body.")
        assert "review" not in (await api.get(place(decision), worker.key)).json()

    ask(worker, what)
