"""Staff read what their portfolios are served with: whoever they are, and nothing beyond."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from serving.api import gate
from serving.partners.partner import Quota
from serving.staff.member import ROLES
from tests.serving.api.test_reviews import Api, ask
from tests.serving.api.worker import CAMPAIGN, DECISIONS, PORTFOLIO, Worker, problem

RELEASES = "/v1/releases"


@pytest.fixture
def lender(tmp_path: Path, url: str) -> Iterator[Worker]:
    """A worker on a database of each kind."""
    worker = Worker(tmp_path, url=url)
    yield worker
    worker.close()


def test_each_role_reads_the_releases_of_its_portfolios_and_of_no_other(lender: Worker) -> None:
    sessions = {role: lender.member(role.replace("_", "-"), role, PORTFOLIO) for role in ROLES}
    every, none = lender.member("every", "marketer", "*"), lender.member("none", "engineer", "elsewhere")

    async def what(api: Api) -> None:
        told = (await api.get(RELEASES, lender.key)).json()["releases"]
        assert [one["portfolio"] for one in told] == [CAMPAIGN, PORTFOLIO]
        for role, session in sessions.items():
            seen = await api.get(RELEASES, session)
            assert (role, seen.status_code, seen.json()) == (role, 200, {"releases": told[1:]})
        assert (await api.get(RELEASES, every)).json() == {"releases": told}
        assert (await api.get(RELEASES, none)).json() == {"releases": []}

    ask(lender, what)


def test_a_session_that_is_over_reads_no_releases_and_opens_nothing_beside_them(lender: Worker) -> None:
    session = lender.member("joe", "engineer,marketer")

    async def what(api: Api) -> None:
        problem(await api.get(f"{RELEASES}x", session), 401)
        problem(await api.post(DECISIONS, session, {"entity_id": 1}), 401)
        problem(await api.get("/v1/reviews", session), 403)
        problem(await api.get(RELEASES, session[:-2]), 401)
        assert (await api.get(RELEASES, session)).status_code == 200
        lender.staff.end("joe", by="root", at=datetime.now(UTC))
        problem(await api.get(RELEASES, session), 401)

    ask(lender, what)


def test_more_than_a_person_asks_for_is_too_much(lender: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "QUOTA", Quota(2, 86_400))
    session = lender.member("joe", "marketer")

    async def what(api: Api) -> None:
        assert [(await api.get(RELEASES, session)).status_code for _ in range(3)] == [200, 200, 429]
        assert (await api.get(RELEASES, lender.key)).status_code == 200

    ask(lender, what)


def test_the_document_says_that_either_may_read_them(lender: Worker) -> None:
    operation = lender.get("/openapi.json").json()["paths"][RELEASES]["get"]
    assert operation["security"] == [{"partner key": []}, {"staff session": []}]
    assert "any role" in operation["description"]
