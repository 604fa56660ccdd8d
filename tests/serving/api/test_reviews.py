"""Staff sign in over the API and decide reviews; partners see how they end; neither passes for the other."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from serving.clerk import Clerk
from serving.log.database import LogUnavailable
from serving.log.erasure import RANDOM_BYTES, Erasure
from tests.serving.api.worker import CAMPAIGN, DECISIONS, PASSWORD, PORTFOLIO, Worker, fields, problem

REASON = {"reason": "payslips seen"}
APPROVE = {"outcome": "approve", "limit": 50, **REASON}
LOGIN = "/v1/staff/login"
STALE = 3  # an entity whose features are too old: its score counts, one person may approve
UNKNOWN = 99  # without features there is no score, and two people must


class Api:
    """Requests to one running worker, each as somebody."""

    def __init__(self, client: httpx.AsyncClient, clerk: Clerk) -> None:
        self.client, self.clerk = client, clerk

    async def get(self, path: str, key: str) -> httpx.Response:
        return await self.client.get(path, headers={"Authorization": f"Bearer {key}"})

    async def post(self, path: str, key: str, body: Any = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return await self.client.post(path, headers=headers, **({} if body is None else {"json": body}))

    async def review(self, key: str, entity: int = STALE, **more: Any) -> str:
        """The path of a review that a decision for a partner has opened."""
        answer = (await self.post(DECISIONS, key, {"entity_id": entity, **more})).json()
        assert answer["outcome"] == "review", answer
        return f"/v1/reviews/{answer['decision_id']}"


def ask(worker: Worker, what: Callable[[Api], Awaitable[None]]) -> None:
    async def run() -> None:
        async with worker.opened() as clerk:
            transport = httpx.ASGITransport(worker.app(clerk), raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
                await what(Api(client, clerk))

    asyncio.run(run())


def test_a_password_gets_a_session_that_says_who_one_is(worker: Worker) -> None:
    worker.member("ann", "reviewer,auditor", PORTFOLIO)

    async def what(api: Api) -> None:
        given = await api.post(LOGIN, "", {"name": "ann", "password": PASSWORD})
        assert (given.status_code, given.headers["cache-control"]) == (200, "no-store")
        told = given.json()
        assert (told["name"], told["roles"], told["portfolios"]) == ("ann", ["auditor", "reviewer"], [PORTFOLIO])
        me = (await api.get("/v1/staff/me", told["token"])).json()
        assert me == {name: told[name] for name in ("name", "roles", "portfolios")}
        for body in ({"name": "ann", "password": PASSWORD + "x"}, {"name": "bob", "password": PASSWORD}):
            refused = await api.post(LOGIN, "", body)
            assert PASSWORD not in refused.text
            assert refused.headers["www-authenticate"] == "Bearer"
            problem(refused, 401)
        assert fields(await api.post(LOGIN, "", {"name": "ann\0", "password": "x"})) == ["body.name"]
        assert fields(await api.post(LOGIN, "", {"name": "ann"})) == ["body.password"]

    ask(worker, what)


def test_signing_in_is_limited_for_all_together(worker: Worker) -> None:
    async def what(api: Api) -> None:
        bodies = [{"name": "ann", "password": "x"}] * 61
        found = [(await api.post(LOGIN, "", body)).status_code for body in bodies]
        assert found[-1] == 429 or 429 in found
        assert found[:30] == [401] * 30

    ask(worker, what)


def test_one_person_decides_and_the_partner_sees_how_it_ends(worker: Worker) -> None:
    ann = worker.member("ann")

    async def what(api: Api) -> None:
        place = await api.review(worker.key, amount=40)
        decision = place.replace("reviews", "decisions")
        before = (await api.get(decision, worker.key)).json()
        fresh = dict.fromkeys(("outcome", "limit", "decided_at", "refused_at"))
        assert before["review"] == {"state": "open", "reasons": [], **fresh}
        shown = (await api.get(place, ann)).json()
        assert (shown["entity_id"], shown["asked"], shown["partner"]) == (str(STALE), {"amount": 40.0}, "shop")
        assert shown["ages"]["behaviour"]["age_days"] == pytest.approx(90, abs=0.1)
        assert shown["problems"] == {"stale": ["behaviour"]}
        assert set(shown["features"]) == {"utilisation", "late_streak"}
        assert shown["may_grant"] > 50
        held = (await api.post(f"{place}/claim", ann)).json()
        assert (held["state"], held["holder"]) == ("claimed", "ann")
        ended = (await api.post(f"{place}/decide", ann, {**APPROVE, "reasons": ["USE"]})).json()
        assert (ended["outcome"], ended["limit"], ended["decided_by"]) == ("approve", 50, ["ann"])
        assert [act["act"] for act in ended["acts"]] == ["claim", "approve"]
        after = (await api.get(decision, worker.key)).json()
        review = after.pop("review")
        assert (review["state"], review["outcome"], review["limit"]) == ("approved", "approve", 50)
        assert review["reasons"][0]["en"] == "How much of the limit is used."
        before.pop("review")
        assert after == before
        problem(await api.post(f"{place}/claim", ann), 409)

    ask(worker, what)


def test_without_a_score_two_people_approve_and_never_the_same_twice(worker: Worker) -> None:
    ann, bob = worker.member("ann"), worker.member("bob", "risk_officer")

    async def what(api: Api) -> None:
        place = await api.review(worker.key, UNKNOWN)
        assert (await api.post(f"{place}/claim", ann)).json()["confirmations"] == 2
        assert (await api.post(f"{place}/decide", ann, APPROVE)).json()["state"] == "confirming"
        told = (await api.get(place.replace("reviews", "decisions"), worker.key)).json()["review"]
        assert (told["state"], told["limit"], told["outcome"]) == ("confirming", None, None)
        assert "yourself" in problem(await api.post(f"{place}/confirm", ann, {"agree": True, **REASON}), 409)["detail"]
        ended = (await api.post(f"{place}/confirm", bob, {"agree": True, **REASON})).json()
        assert (ended["outcome"], ended["limit"], ended["decided_by"]) == ("approve", 50, ["ann", "bob"])

    ask(worker, what)


def test_of_many_who_claim_at_once_one_has_it(worker: Worker) -> None:
    crowd = [worker.member(f"person{number}") for number in range(8)]

    async def what(api: Api) -> None:
        place = await api.review(worker.key)
        answers = await asyncio.gather(*(api.post(f"{place}/claim", one) for one in crowd))
        assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
        for answer in answers:
            assert answer.status_code == 200 or problem(answer, 409)

    ask(worker, what)


def test_who_may_read_and_who_may_act(worker: Worker) -> None:
    amy, joe = worker.member("amy", "auditor"), worker.member("joe", "engineer,marketer")
    far = worker.member("far", "reviewer", CAMPAIGN)

    async def what(api: Api) -> None:
        place = await api.review(worker.key)
        assert (await api.get(place, amy)).status_code == 200
        assert len((await api.get("/v1/reviews", amy)).json()["reviews"]) == 1
        for key, status in ((amy, 403), (joe, 403), (far, 404)):
            problem(await api.post(f"{place}/claim", key), status)
        problem(await api.get(place, joe), 403)
        problem(await api.get("/v1/reviews", joe), 403)
        absent = await api.get("/v1/reviews/0193f5a1-7c1e-7b02-9d55-2f6b1f0e6a10", far)
        assert (await api.get(place, far)).content == absent.content
        assert (await api.get("/v1/reviews", far)).json() == {"reviews": [], "next": None}
        assert fields(await api.get(f"/v1/reviews?portfolio={PORTFOLIO}", far), 403) == ["query.portfolio"]

    ask(worker, what)


def test_a_session_opens_nothing_of_partners_and_a_key_nothing_of_staff(worker: Worker) -> None:
    ann = worker.member("ann", "reviewer,risk_officer,engineer,marketer,auditor")
    partner = worker.partner("all", "decide,propensity,review,read,consents", "*")

    async def what(api: Api) -> None:
        place = await api.review(partner)
        problem(await api.post(DECISIONS, ann, {"entity_id": 1}), 401)
        problem(await api.get("/v1/partners/me", ann), 401)
        problem(await api.get(place.replace("reviews", "decisions"), ann), 401)
        for path in ("/v1/staff/me", place):
            problem(await api.get(path, partner), 403)
        for verb, body in (("claim", None), ("release", None), ("decide", APPROVE), ("confirm", {"agree": True})):
            problem(await api.post(f"{place}/{verb}", partner, body), 403)
        for key in ("", "a.b.c", ann[:-2]):
            problem(await api.get(place, key), 401)
        worker.staff.end("ann", by="root", at=datetime.now(UTC))
        problem(await api.get(place, ann), 401)

    ask(worker, what)


def test_a_partner_lists_the_reviews_of_its_own_decisions_without_what_is_staff_s(worker: Worker) -> None:
    ann = worker.member("ann")
    mine, other = worker.partner("mine", "decide,review", "*"), worker.partner("other", "decide,review", "*")

    async def what(api: Api) -> None:
        place = await api.review(mine)
        await api.review(other)
        problem(await api.get("/v1/reviews", worker.key), 403)
        await api.post(f"{place}/claim", ann)
        (one,) = (await api.get("/v1/reviews", mine)).json()["reviews"]
        assert (one["decision_id"], one["state"]) == (place.rpartition("/")[2], "claimed")
        assert {one[name] for name in ("holder", "held_until", "score", "grade", "partner")} == {None}
        assert len((await api.get("/v1/reviews", ann)).json()["reviews"]) == 2

    ask(worker, what)


def test_the_list_goes_on_page_by_page(worker: Worker) -> None:
    ann = worker.member("ann")

    async def what(api: Api) -> None:
        places = [await api.review(worker.key) for _ in range(3)]
        first = (await api.get("/v1/reviews?limit=2", ann)).json()
        rest = (await api.get(f"/v1/reviews?limit=2&after={first['next']}", ann)).json()
        found = [one["decision_id"] for one in (*first["reviews"], *rest["reviews"])]
        assert found == [place.rpartition("/")[2] for place in places]
        assert rest["next"] is None
        await api.post(f"{places[0]}/claim", ann)
        assert len((await api.get("/v1/reviews?state=open", ann)).json()["reviews"]) == 2
        assert fields(await api.get("/v1/reviews?state=gone", ann)) == ["query.state"]
        assert fields(await api.get("/v1/reviews?limit=101", ann)) == ["query.limit"]
        problem(await api.get("/v1/reviews?portfolio=nowhere", ann), 404)

    ask(worker, what)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({**APPROVE, "limit": 1e8}, ["body.limit"]),
        ({**APPROVE, "limit": -1}, ["body.limit"]),
        ({"outcome": "approve", **REASON}, ["body.(whole body)"]),
        ({"outcome": "decline", "limit": 5, **REASON}, ["body.(whole body)"]),
        ({"outcome": "decline"}, ["body.reason"]),
        ({"outcome": "decline", "reason": "   "}, ["body.reason"]),
        ({"outcome": "decline", "reason": "bad\u0000"}, ["body.reason"]),
        ({"outcome": "decline", "reason": "x" * 1001}, ["body.reason"]),
        ({"outcome": "decline", **REASON, "reasons": ["NONSENSE"]}, ["body.reasons"]),
        ({"outcome": "perhaps", **REASON}, ["body.outcome"]),
        ({**APPROVE, "by": "bob"}, ["body.by"]),
    ],
)
def test_what_cannot_be_decided_is_refused_by_its_field(worker: Worker, body: Any, expected: list[str]) -> None:
    ann = worker.member("ann")

    async def what(api: Api) -> None:
        place = await api.review(worker.key)
        await api.post(f"{place}/claim", ann)
        assert fields(await api.post(f"{place}/decide", ann, body)) == expected
        assert (await api.get(place, ann)).json()["state"] == "claimed"

    ask(worker, what)


def test_in_a_replay_reviews_go_by_the_time_they_are_told(worker: Worker) -> None:
    ann = worker.member("ann")
    worker.replay = True

    async def what(api: Api) -> None:
        place = await api.review(worker.key)
        later = (datetime.now(UTC) + timedelta(days=15)).isoformat()
        headers = {"Authorization": f"Bearer {ann}", "Lendloop-Decision-Time": later}
        assert (await api.client.get(place, headers=headers)).json()["state"] == "expired"
        problem(await api.client.post(f"{place}/claim", headers=headers), 409)
        assert (await api.post(f"{place}/claim", ann)).json()["state"] == "claimed"

    ask(worker, what)


def test_a_person_who_was_erased_has_no_review(worker: Worker) -> None:
    ann = worker.member("ann")

    async def what(api: Api) -> None:
        place = await api.review(worker.key)
        worker.log.erase(Erasure(PORTFOLIO, str(STALE), "ann", "asked", datetime.now(UTC), bytes(RANDOM_BYTES)))
        problem(await api.get(place, ann), 404)
        problem(await api.post(f"{place}/claim", ann), 404)
        assert (await api.get("/v1/reviews", ann)).json()["reviews"] == []

    ask(worker, what)


def test_staff_have_a_quota_of_their_own(worker: Worker) -> None:
    ann = worker.member("ann")

    async def what(api: Api) -> None:
        answers = [await api.get("/v1/staff/me", ann) for _ in range(60)]
        late = next(answer for answer in answers if answer.status_code == 429)
        assert late.headers["ratelimit-policy"] == '"quota";q=20;w=1'
        assert (await api.post(DECISIONS, worker.key, {"entity_id": 1})).status_code == 200

    ask(worker, what)


def test_when_the_log_cannot_be_read_nobody_is_let_in(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = worker.member("ann")

    def fail(*_: Any) -> Any:
        raise LogUnavailable("the database is down")

    async def what(api: Api) -> None:
        place = await api.review(worker.key)
        monkeypatch.setattr("serving.reviews.board.Board.find", fail)
        assert "database" not in problem(await api.get(place, ann), 503)["detail"]
        monkeypatch.setattr("serving.staff.book.StaffBook.find", fail)
        problem(await api.get(place, ann), 503)

    ask(worker, what)
