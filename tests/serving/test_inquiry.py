import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from serving.answers import record_of
from serving.api.schemas import DecisionRequest
from serving.applications import Circumstances
from serving.asked import Asked
from serving.desk import Desk
from serving.inquiry import Inquiry, open_inquiry
from serving.lists.book import open_lists
from serving.lists.entry import Entry, Named
from serving.log.decision_log import DecisionLog, open_log
from serving.policy import RiskPolicy
from serving.release import load_release
from serving.signals import Evidence, Identity, results
from tests.serving.log.keyring import KEYS
from tests.serving.small_releases import PORTFOLIO, build_small, fresh_reader

NOW = datetime(2026, 3, 31, 9, tzinfo=UTC)
SECRET = b"s" * 32
QUOTAS = [
    {"id": "all", "of": "approvals", "each": "day", "at_most": 100},
    {"id": "cars", "of": "amount", "each": "month", "at_most": 9999, "purpose": "car"},
]


@pytest.fixture
def log(url: str) -> Iterator[DecisionLog]:
    log = open_log(url, KEYS)
    yield log
    log.close()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(load_release(tmp_path / build_small(tmp_path)), fresh_reader(NOW))


def risk(desk: Desk, **changed: object) -> RiskPolicy:
    found = desk.release.policy.risk
    assert found is not None
    return RiskPolicy.model_validate({**found.model_dump(), **changed})


def asked(at: datetime = NOW, entity: int = 1, **given: object) -> Asked:
    request = DecisionRequest.model_validate({"entity_id": entity, **given})
    return Asked(partner="shop", portfolio=PORTFOLIO, kind="decision", request=request, at=at)


def inquire(inquiry: Inquiry, one: Asked, policy: RiskPolicy) -> Circumstances:
    return asyncio.run(inquiry.circumstances(one, policy, False))


def test_lists_are_searched_for_the_entity_and_the_person(url: str, log: DecisionLog, desk: Desk) -> None:
    book = open_lists(url, SECRET, log.vault)
    entries = [
        Entry("tax", Named("entity", "1", PORTFOLIO), "tax office", "unpaid"),
        Entry("industry", Named("phone", "0912-345"), "bureau", "fraud"),
    ]
    book.add(entries, by="ann", at=NOW)

    async def ask() -> list[Circumstances]:
        inquiry = open_inquiry(url, SECRET, log.vault)
        policy = risk(desk, lists={"tax": "decline"})
        one = asked(identity={"phone": "0912 345"})
        found = [await inquiry.circumstances(who, policy, False) for who in (one, asked(entity=2))]
        found.append(await inquiry.circumstances(one, risk(desk), False))
        await inquiry.close()
        return found

    found = asyncio.run(ask())
    assert [one.lists for one in found] == [{"tax", "industry"}, frozenset(), None]
    decision = desk.decide("decision", desk.look_up([1], NOW), circumstances=found[0])
    record = record_of(asked(), desk, desk.look_up([1], NOW), decision, found[0])
    assert record.context["lists"] == ["industry", "tax"]
    book.close()


def test_what_quotas_granted_is_counted_from_the_log(url: str, log: DecisionLog, desk: Desk) -> None:
    def decide(at: datetime, entity: int, purpose: str, amount: float | None) -> None:
        one = asked(at, entity, purpose=purpose, amount=amount)
        looked = desk.look_up([entity], NOW)
        calm = one.circumstances(False)
        made = desk.decide("decision", looked, application=one.application, circumstances=calm)
        log.append(record_of(one, desk, looked, made, calm))

    decide(datetime(2026, 2, 28, 23, tzinfo=UTC), 1, "car", 1000.0)  # another month
    decide(datetime(2026, 3, 1, 0, tzinfo=UTC), 1, "car", 100.0)
    decide(NOW, 1, "study", 10.0)
    decide(NOW, 2, "car", 1.0)  # not approved
    policy = risk(desk, quotas=QUOTAS)

    async def ask() -> tuple[Circumstances, float]:
        inquiry = open_inquiry(url, SECRET, log.vault)
        first = await inquiry.circumstances(asked(), policy, False)
        decide(NOW, 1, "car", 500.0)
        began = time.monotonic()
        while (await inquiry.circumstances(asked(), policy, False)).used["cars"] != 600:
            assert time.monotonic() - began < 5
            await asyncio.sleep(0.02)
        took = time.monotonic() - began
        await inquiry.close()
        return first, took

    first, took = asyncio.run(ask())
    assert first.used == {"all": 1, "cars": 100}
    assert took < 1


def test_a_log_that_cannot_be_read_leaves_quotas_unknown(url: str, log: DecisionLog, desk: Desk) -> None:
    inquiry = open_inquiry(url, SECRET, log.vault)
    assert inquiry.quotas is not None
    inquiry.quotas.close()
    assert inquire(Inquiry(quotas=inquiry.quotas), asked(), risk(desk, quotas=QUOTAS)).used == {}
    asyncio.run(Inquiry(inquiry.lists, consents=inquiry.consents).close())


class Slow:
    async def check(self, token: str) -> bool:
        await asyncio.sleep(5)
        return True


class Says:
    async def check(self, token: str) -> bool:
        if token == "broken":
            raise ConnectionError("away")
        return token == "good"


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (Evidence(token="good"), "passed"),
        (Evidence(token="bad"), "failed"),
        (Evidence(token="broken"), "unanswered"),
        (Evidence(result="passed"), "unanswered"),
    ],
)
def test_the_lender_s_own_vendor_is_asked(evidence: Evidence, expected: str) -> None:
    assert asyncio.run(results({"liveness": evidence}, {"liveness": Says()})) == {"liveness": expected}


def test_a_slow_vendor_is_not_waited_for() -> None:
    began = time.monotonic()
    brought = {"liveness": Evidence(token="a"), "device": Evidence(token="b")}
    found = asyncio.run(results(brought, {"liveness": Slow(), "device": Slow()}, seconds=0.05))
    assert found == {"liveness": "unanswered", "device": "unanswered"}
    assert time.monotonic() - began < 2


def test_without_a_vendor_the_partner_s_result_counts_and_a_token_does_not(desk: Desk) -> None:
    policy = risk(desk, signals=["liveness", "device"])
    brought = Identity(liveness=Evidence(result="passed"), device_check=Evidence(token="x"))
    found = inquire(Inquiry(), asked(identity=brought.model_dump()), policy)
    assert found.signals == {"liveness": "passed", "device": "unanswered"}
    assert inquire(Inquiry(), asked(), policy).signals == {}


@pytest.mark.parametrize("given", [{}, {"result": "passed", "token": "x"}, {"result": "maybe"}])
def test_evidence_is_one_thing(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Evidence.model_validate(given)
