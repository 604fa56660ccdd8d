"""Reviews in a real log, on both databases: acts, races, limits, expiry, erasure, and what others see of them."""

import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from serving.log.entry import encode
from serving.log.erasure import RANDOM_BYTES, Erasure
from serving.log.export import export_log
from serving.log.frames import read_decisions
from serving.log.record import PLATFORM
from serving.policy import Quota, Reviews
from serving.quotas import QuotaCounts
from serving.reviews.allowed import BadReason, largest, people, reasons_of
from serving.reviews.board import Case, NoReview, NotAllowed, Ruling, TooLittle, TooMuch
from serving.reviews.listing import Wanted
from serving.reviews.review import Refused
from tests.serving.lender import policy
from tests.serving.log.examples import START, make_record
from tests.serving.reviews.desk import ANN, BOB, CARDS, DAY, LATER, MINUTE, Desk, Release, opened, release, someone

PLAIN = release()
YES, NO = Ruling(500.0, "payslips seen"), Ruling(None, "no income shown")


@pytest.fixture
def desk(url: str) -> Iterator[Desk]:
    with opened(url) as found:
        yield found


def state(case: Case, at=LATER) -> str:
    return case.standing(Reviews(), at).state


def ids(desk: Desk, state=None, at=LATER, **more) -> list[str]:
    terms = more.pop("terms", {CARDS: Reviews()})
    return [one.decision_id for one in desk.board.page(Wanted(terms, at, state, **more))]


def test_one_person_takes_and_approves(desk: Desk) -> None:
    record = desk.decision()
    case = desk.board.claim(desk.board.find(record.decision_id), ANN, PLAIN, LATER)
    assert state(case) == "claimed"
    ended = desk.board.decide(case, ANN, PLAIN, LATER, replace(YES, reasons=reasons_of(PLAIN, ["DEBT"])))
    standing = ended.standing(Reviews(), LATER)
    assert (standing.state, standing.limit, standing.decided_by) == ("approved", 500.0, ("ann",))
    assert [(act.name, act.by, act.reason) for act in ended.acts] == [
        ("claim", "ann", ""),
        ("approve", "ann", "payslips seen"),
    ]
    assert ended.acts[-1].reasons[0]["en"] == "Your debt"  # type: ignore[index,call-overload]
    with pytest.raises(Refused, match="is approved"):
        desk.board.claim(ended, BOB, PLAIN, LATER)
    assert desk.log.verify().valid


def test_high_risk_takes_two_and_never_the_same_twice(desk: Desk) -> None:
    case = desk.board.of(desk.decision(people=2))
    case = desk.board.decide(desk.board.claim(case, ANN, PLAIN, LATER), ANN, PLAIN, LATER, YES)
    assert state(case) == "confirming"
    assert ids(desk, "confirming") == [case.decision.decision_id]
    with pytest.raises(Refused, match="yourself"):
        desk.board.confirm(case, ANN, PLAIN, LATER, True, NO)
    with pytest.raises(Refused, match="second person"):
        desk.board.claim(case, BOB, PLAIN, LATER)
    case = desk.board.confirm(case, BOB, PLAIN, LATER, True, NO)
    standing = case.standing(Reviews(), LATER)
    assert (standing.outcome, standing.limit, standing.decided_by) == ("approve", 500.0, ("ann", "bob"))


def test_what_the_second_does_not_confirm_is_declined(desk: Desk) -> None:
    case = desk.board.of(desk.decision(people=2))
    case = desk.board.decide(desk.board.claim(case, ANN, PLAIN, LATER), ANN, PLAIN, LATER, YES)
    assert state(desk.board.confirm(case, BOB, PLAIN, LATER, False, NO)) == "declined"


def test_two_who_try_at_once_are_one(desk: Desk, url: str) -> None:
    """From different connections, as of different workers: for claims, and for second persons."""
    record = desk.decision(people=2)
    proposed = desk.decision(1, people=2)
    case = desk.board.claim(desk.board.of(proposed), ANN, PLAIN, LATER)
    desk.board.decide(case, ANN, PLAIN, LATER, YES)
    crowd = [someone(f"person{number}") for number in range(6)]
    gate, won, lost = threading.Barrier(len(crowd)), [], []

    def run(person) -> None:
        with opened(url) as other:
            cases = [other.board.of(one) for one in (record, proposed)]
            gate.wait()
            for name, act in (
                ("claim", lambda: other.board.claim(cases[0], person, PLAIN, LATER)),
                ("confirm", lambda: other.board.confirm(cases[1], person, PLAIN, LATER, True, NO)),
            ):
                try:
                    act()
                    won.append(name)
                except Refused:
                    lost.append(name)

    threads = [threading.Thread(target=run, args=(person,)) for person in crowd]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == ["claim", "confirm"]
    assert len(lost) == 2 * len(crowd) - 2
    assert desk.log.verify().valid


def test_who_holds_too_many_takes_no_more_until_one_lapses(desk: Desk) -> None:
    terms = release(claims_each=2, claim_minutes=10)
    cases = [desk.board.of(desk.decision(second)) for second in range(3)]
    for case in cases[:2]:
        desk.board.claim(case, ANN, terms, LATER)
    with pytest.raises(Refused, match="you hold 2 reviews"):
        desk.board.claim(cases[2], ANN, terms, LATER)
    assert ids(desk, "claimed") == [case.decision.decision_id for case in cases[:2]]
    after = LATER + 10 * MINUTE
    assert ids(desk, "open", after) == [case.decision.decision_id for case in cases]
    with pytest.raises(Refused, match="is open"):
        desk.board.decide(cases[0], ANN, terms, after, NO)
    desk.board.claim(cases[2], ANN, terms, after)
    desk.board.claim(cases[0], BOB, terms, after)
    with pytest.raises(Refused, match="claimed by bob"):
        desk.board.release(cases[0], ANN, terms, after)
    desk.board.release(cases[0], BOB, terms, after)
    assert cases[0].decision.decision_id in ids(desk, "open", after)


def test_what_nobody_ends_ends_by_itself_and_is_recorded_once(desk: Desk) -> None:
    terms = Reviews(expire_days=3, expired="decline")
    late = [desk.decision(second) for second in range(3)]
    young = desk.decision(int(timedelta(days=2).total_seconds()))
    at = START + 3 * DAY + MINUTE
    case = desk.board.of(late[0])
    standing = case.standing(terms, at)
    assert (standing.state, standing.outcome, standing.ended_at) == ("expired", "decline", START + 3 * DAY)
    with pytest.raises(Refused, match="is expired"):
        desk.board.claim(case, ANN, release(expire_days=3), at)
    wanted = {CARDS: terms}
    before = ids(desk, "expired", at, terms=wanted)
    assert desk.board.expire(CARDS, terms, at) == 3
    assert desk.board.expire(CARDS, terms, at) == 0
    assert ids(desk, "expired", at, terms=wanted) == before == [one.decision_id for one in late]
    assert ids(desk, None, at, terms=wanted) == [young.decision_id]
    again = desk.board.of(late[0]).standing(Reviews(expire_days=300), at)
    assert (again.state, again.outcome, again.ended_at) == ("expired", "decline", START + 3 * DAY)
    assert desk.board.of(late[0]).acts[0].by == PLATFORM
    assert desk.log.verify().valid


def test_only_who_has_the_role_and_the_portfolio_acts(desk: Desk) -> None:
    case = desk.board.of(desk.decision())
    for who in (
        someone("amy", "auditor"),
        someone("joe", "engineer,marketer"),
        someone("far", "reviewer", "bank_deposits"),
    ):
        with pytest.raises(NotAllowed):
            desk.board.claim(case, who, PLAIN, LATER)
    assert desk.board.claim(case, someone("ria", "risk_officer", "*"), PLAIN, LATER).acts


def test_no_more_is_granted_than_the_policy_allows(desk: Desk) -> None:
    case = desk.board.claim(desk.board.of(desk.decision()), ANN, PLAIN, LATER)
    with pytest.raises(TooMuch, match="at most 1000"):
        desk.board.decide(case, ANN, PLAIN, LATER, replace(YES, limit=1000.5))
    with pytest.raises(TooLittle, match=r"expected 0\.01 at least"):
        desk.board.decide(case, ANN, PLAIN, LATER, replace(YES, limit=5e-324))
    assert state(desk.board.decide(case, ANN, PLAIN, LATER, replace(YES, limit=1000.0))) == "approved"


def test_the_limit_is_that_of_the_grade_or_the_lowest_or_the_policy_s_own() -> None:
    graded, none = make_record(grade="B"), make_record(grade=None, score=None)
    assert [largest(PLAIN, one) for one in (graded, make_record(grade="E"), none)] == [3000, 1000, 1000]
    assert largest(release(at_most=77), graded) == 77
    assert people(PLAIN, make_record(offer={"limit": 0, "confirmations": 2}), 1) == 2
    risk = PLAIN.policy.risk
    assert risk is not None
    strict = risk.model_copy(update={"two_people": risk.two_people.model_copy(update={"amount_from": 900})})
    both = replace(PLAIN, policy=PLAIN.policy.model_copy(update={"risk": strict}))
    assert [people(both, make_record(), limit) for limit in (899, 900)] == [1, 2]
    with pytest.raises(BadReason):
        reasons_of(PLAIN, ["NONSENSE"])


@pytest.mark.parametrize("changes", [{"outcome": "approve"}, {"partner": PLATFORM}, {"kind": "propensity"}])
def test_what_is_no_review(desk: Desk, changes: dict[str, str]) -> None:
    record = desk.decision(**changes)
    with pytest.raises(NoReview):
        desk.board.find(record.decision_id)
    assert ids(desk) == []


def test_reviews_are_listed_page_by_page_of_the_portfolios_and_the_partner_asked_for(desk: Desk) -> None:
    found = [desk.decision(second, partner=("shop", "bank")[second % 2]) for second in range(5)]
    other = desk.decision(9, portfolio="bank_deposits")
    assert ids(desk) == [one.decision_id for one in found]
    assert ids(desk, partner="bank") == [one.decision_id for one in found[1::2]]
    assert ids(desk, limit=2, after=found[1].decision_id) == [one.decision_id for one in found[2:4]]
    assert ids(desk, after="0193f5a1-7c1e-7b02-9d55-2f6b1f0e6a10") == []
    both = {CARDS: Reviews(), "bank_deposits": Reviews()}
    assert ids(desk, terms=both)[-1] == other.decision_id
    assert ids(desk, terms={}) == []


def test_an_erased_person_has_no_review_and_what_was_said_about_them_is_gone(desk: Desk) -> None:
    record = desk.decision(entity_id="7")
    case = desk.board.claim(desk.board.of(record), ANN, PLAIN, LATER)
    case = desk.board.decide(case, ANN, PLAIN, LATER, replace(YES, reason="Mr Lee showed his payslips"))
    act = desk.log.read_person(CARDS, f"review\x1f{record.decision_id}")[-1]
    desk.log.erase(Erasure(CARDS, "7", "ann", "asked", LATER, os.urandom(RANDOM_BYTES)))
    with pytest.raises(NoReview):
        desk.board.find(record.decision_id)
    with pytest.raises(NoReview):
        desk.board.claim(case, BOB, PLAIN, LATER)
    assert ids(desk, "approved") == []
    kept = desk.log.find(act.decision_id)
    assert kept is not None
    assert (kept.erased, kept.outcome, kept.inputs["by"]) == (True, "approve", "ann")
    assert desk.log.verify().valid


def test_acts_are_no_decisions(desk: Desk, tmp_path: Path) -> None:
    record = desk.decision(entity_id="7")
    case = desk.board.claim(desk.board.of(record), ANN, PLAIN, LATER)
    desk.board.decide(case, ANN, PLAIN, LATER, YES)
    since, until = START - DAY, START + DAY
    assert [one.decision_id for one in desk.log.read(CARDS, since, until)] == [record.decision_id]
    frame = read_decisions(desk.log, CARDS, since, until)
    assert frame.select("decision_id", "outcome", "final").rows() == [(record.decision_id, "review", "approve")]
    assert read_decisions(desk.log, CARDS, since, LATER)["final"].to_list() == ["review"]
    act = desk.log.read_person(CARDS, f"review\x1f{record.decision_id}")[0]
    assert desk.log.find_own(PLATFORM, act.decision_id) is None
    assert [one.decision_id for one in desk.log.read_person(CARDS, "7")] == [record.decision_id]
    assert desk.log.times() == ("2009-05-01T00:00:00.000000Z",) * 2
    export_log(desk.log, tmp_path / "lake")
    import polars as pl

    assert pl.read_parquet(tmp_path / "lake" / CARDS / "decisions")["decision_id"].to_list() == [record.decision_id]


def test_an_approval_by_people_uses_up_the_policy_s_quota(desk: Desk, url: str) -> None:
    from serving.log.database import open_database

    asked = {"amount": 800.0, "purpose": "travel"}
    desk.log.commit([encode(make_record(personal=asked))])
    quotas = (
        Quota(id="number", of="approvals", each="day", at_most=9),
        Quota(id="money", of="amount", each="month", at_most=9_000, purpose="travel"),
    )
    counts = QuotaCounts(open_database(url), desk.log.vault)
    assert counts.used(CARDS, quotas, START.date()) == {"number": 1, "money": 800}
    case = desk.board.claim(desk.board.of(desk.decision(5, personal=asked)), ANN, PLAIN, LATER)
    desk.board.decide(case, ANN, PLAIN, LATER, YES)
    counts.close()
    counts = QuotaCounts(open_database(url), desk.log.vault)
    assert counts.used(CARDS, quotas, START.date()) == {"number": 2, "money": 1300}
    counts.close()


def test_what_a_machine_decided_is_left_to_people_when_its_applicant_refuses(desk: Desk) -> None:
    approved = desk.decision(0, outcome="approve", offer={"limit": 900}, score=75.0)
    risky = desk.decision(1, outcome="decline", offer={"limit": 0}, score=12.0)
    assert ids(desk) == []
    refused = desk.board.refuse(approved, "partner:shop", PLAIN, LATER, "I want a person")
    assert (state(refused), refused.confirmations) == ("open", 1)
    desk.board.refuse(risky, "ann", PLAIN, LATER + MINUTE)
    assert ids(desk, at=LATER + DAY) == [approved.decision_id, risky.decision_id]
    (first, second) = desk.board.page(Wanted({CARDS: Reviews()}, LATER + DAY))
    assert (first.opened_at, first.standing.refused_at, first.confirmations) == (LATER, LATER, 1)
    assert second.confirmations == 2  # a score under 40
    again = desk.board.refuse(approved, "partner:other", PLAIN, LATER + DAY, "once more")
    assert [(act.name, act.by, act.reason) for act in again.acts] == [("refuse", "partner:shop", "I want a person")]
    case = desk.board.claim(desk.board.find(risky.decision_id), ANN, PLAIN, LATER + DAY)
    assert state(desk.board.decide(case, ANN, PLAIN, LATER + DAY, YES), LATER + DAY) == "confirming"
    (act,) = desk.log.read_person(CARDS, f"review\x1f{approved.decision_id}")
    assert (act.inputs["by"], act.personal) == ("partner:shop", {"reason": "I want a person"})
    assert desk.log.verify().valid


def test_what_people_decided_is_not_refused_and_what_nobody_decided_is_begun_anew(desk: Desk) -> None:
    record, late = desk.decision(), desk.decision(1, people=2)
    case = desk.board.claim(desk.board.of(record), ANN, PLAIN, LATER)
    desk.board.decide(case, ANN, PLAIN, LATER, NO)
    with pytest.raises(Refused, match="is declined by ann"):
        desk.board.refuse(record, "partner:shop", PLAIN, LATER)
    case = desk.board.claim(desk.board.of(late), ANN, PLAIN, LATER)
    desk.board.decide(case, ANN, PLAIN, LATER, YES)
    after = LATER + 20 * DAY
    case = desk.board.refuse(late, "partner:shop", PLAIN, after)
    assert [act.name for act in case.acts] == ["claim", "propose", "expire", "refuse"]
    assert state(case, after) == "open"
    assert case.standing(Reviews(), after).due == after + 14 * DAY
    assert ids(desk, None, after) == [late.decision_id]
    assert desk.board.expire(CARDS, Reviews(), after + 14 * DAY) == 1
    assert state(desk.board.refuse(late, "partner:shop", PLAIN, after + 15 * DAY), after + 15 * DAY) == "expired"


@pytest.mark.parametrize("changes", [{"partner": PLATFORM}, {"kind": "propensity", "outcome": "skip"}])
def test_what_cannot_be_refused(desk: Desk, changes: dict[str, str]) -> None:
    with pytest.raises(NoReview):
        desk.board.refuse(desk.decision(**changes), "ann", PLAIN, LATER)


def test_an_approval_that_was_refused_counts_once_in_a_quota(desk: Desk, url: str) -> None:
    from serving.log.database import open_database

    record = desk.decision(outcome="approve", offer={"limit": 900}, personal={"amount": 800.0})
    desk.board.refuse(record, "partner:shop", PLAIN, LATER)
    case = desk.board.claim(desk.board.find(record.decision_id), ANN, PLAIN, LATER)
    desk.board.decide(case, ANN, PLAIN, LATER, YES)
    counts = QuotaCounts(open_database(url), desk.log.vault)
    quota = Quota(id="number", of="approvals", each="day", at_most=9)
    assert counts.used(CARDS, [quota], START.date()) == {"number": 1}
    counts.close()


@pytest.mark.parametrize("lacks", [("reviews", "review_refusals"), ("review_refusals",)])
def test_a_log_from_before_gets_its_tables_and_indexes(desk: Desk, url: str, lacks: tuple[str, ...]) -> None:
    for name in ("decisions_review", "decisions_act"):
        desk.log._database.write(lambda session, name=name: session.run(f"DROP INDEX {name}"))
    for name in lacks:
        desk.log._database.write(lambda session, name=name: session.run(f"DROP TABLE {name}"))
    record = desk.decision()
    with opened(url) as other:
        assert ids(other) == [record.decision_id]
        sql = "SELECT 1 FROM decisions WHERE decision_id = ?"
        assert other.log._database.read(lambda session: session.rows(sql, [record.decision_id]))
        with pytest.raises(Exception, match="already exists"):
            other.log._database.write(lambda session: session.run("CREATE INDEX decisions_review ON decisions (leaf)"))


def test_a_later_policy_lets_nobody_approve_alone_what_was_recorded_for_two(desk: Desk) -> None:
    strict = policy()
    two = strict.risk.two_people.model_copy(update={"score_below": 0.0})
    lax = strict.model_copy(update={"risk": strict.risk.model_copy(update={"two_people": two})})
    record = desk.decision(1, outcome="decline", offer={"limit": 0}, score=12.0)
    case = desk.board.refuse(record, "partner:shop", Release("a" * 64, strict), LATER)
    assert case.confirmations == 2
    later = Release("b" * 64, lax)
    case = desk.board.decide(desk.board.claim(case, ANN, later, LATER), ANN, later, LATER, Ruling(500.0, "ok"))
    assert case.standing(later.policy.reviews, LATER).state == "confirming"
