"""The nearest change of the terms that would be approved: found by trying all, the same for one and for many."""

import json
from itertools import chain

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from features.documents import DocumentError, parse_document
from serving.answers import _offer, answer_of
from serving.api.schemas import DecisionAnswer, ReviewedAnswer
from serving.applications import Application, Applications, Circumstances, Context
from serving.counter_change import Change
from serving.decide import decide
from serving.policy import Changes, Policy
from serving.single import decide_single
from tests.serving.lender import POLICY
from tests.serving.log.examples import make_record
from tests.serving.test_decide import good, rows
from tests.serving.test_single import (
    CHANGING,
    CHECKED,
    alone,
    found,
    lender,
    of_arrays,
)

OFFER = """
  price: {{ceiling: 0.2, over: decline}}
  purposes: {{forbidden: [property], otherwise: decline}}
  counter_offer:
    step: 100
    smallest: 200
    changes: {changes}"""
LONG = "{id: SHORT, when: request.term_months < 12, outcome: review, when_open: pass, en: a, zh: b}"


SHORT_OR_DEAR = """
    - {id: SHORT, when: request.term_months < 12, outcome: review, en: a, zh: b}
    - {id: DEAR, when: request.all_in_rate > 0.15 and request.purpose == "car", outcome: review, en: a, zh: b}
"""
# Mostly people who would be approved, but for the terms that they ask for.
GOOD = good() | {"utilisation": 0.5}  # who can carry 2,500
people = st.sampled_from([GOOD] * 5 + [good(), good() | {"late_streak": 3.0}, good() | {"tenure": None}])
wishes = st.builds(
    Application,
    amount=st.sampled_from([300.0, 900.0, None, 5000.0]),
    purpose=st.sampled_from(["car", "phone", "car", "property", None]),
    term_months=st.sampled_from([12.0, 36.0, 7.0, 6.0, None]),
    annual_rate=st.sampled_from([0.1, 0.02, 0.25, 0.4, None]),
    fees=st.sampled_from([None, 0.0, 25.0, 90.0]),
)
circumstances_of = st.integers(0, 9).flatmap(lambda one: st.just(CHECKED) if one else found)
rules_of = st.sampled_from(["", SHORT_OR_DEAR])


def ask(application: Application, changes: str, rule: str = "", **circumstances: object):
    by = lender(OFFER.format(changes=changes), f"    - {rule}" if rule else "")
    return decide(by, Applications.of([application]), rows(good()), Context.of([Circumstances(**circumstances)])).one(0)


@pytest.mark.parametrize(
    ("application", "changes", "change"),
    [
        # A term that a rule asks for, from either side; of two as near, the lower.
        (Application(500.0, term_months=6), "{term_months: {at_least: 6, at_most: 36, step: 3}}", ("term_months", 12)),
        (Application(500.0, term_months=7), "{term_months: {at_least: 6, at_most: 36, step: 3}}", ("term_months", 12)),
        # A price: no lower than it has to be; fees come after the rate.
        (
            Application(500.0, term_months=12, annual_rate=0.5),
            "{annual_rate: {at_least: 0.05, at_most: 0.6, step: 0.05}}",
            ("annual_rate", 0.15),
        ),
        (
            Application(500.0, term_months=12, annual_rate=0.1, fees=100.0),
            "{fees: {at_least: 0, at_most: 100, step: 20}, annual_rate: {at_least: 0, at_most: 0.1, step: 0.1}}",
            ("fees", 20),
        ),
        # A purpose: in the order of the policy.
        (Application(500.0, "property"), "{purpose: [car, phone]}", ("purpose", "car")),
        # Of two terms the one that is fewer steps away.
        (
            Application(500.0, "property", 6),
            "{purpose: [car], term_months: {at_least: 12, at_most: 12, step: 1}}",
            None,
        ),
        # What was not stated is not offered otherwise, and what another amount would do needs no other terms.
        (Application(500.0), "{purpose: [car]}", None),
        (Application(9_000.0, "car"), "{purpose: [phone]}", None),
    ],
)
def test_the_nearest_change_is_offered(application: Application, changes: str, change: tuple[str, object] | None):
    decision = ask(application, changes, LONG)
    assert decision.counter_change == (None if change is None else Change(*change))
    if change is not None:
        assert decision.outcome in ("review", "decline")
        changed = {change[0]: change[1]}
        stated = {name: getattr(application, name) for name in Application.__dataclass_fields__}
        assert ask(Application(**(stated | changed)), changes, LONG).outcome == "approve"


@pytest.mark.parametrize("circumstances", [{"paused": True}, {"automation_refused": True}, {"consented": False}])
def test_nothing_is_offered_where_something_else_stands_in_the_way(circumstances: dict[str, bool]) -> None:
    application = Application(500.0, "property")
    assert ask(application, "{purpose: [car]}").counter_change is not None
    assert ask(application, "{purpose: [car]}", **circumstances).counter_change is None


@settings(max_examples=150, deadline=None)
@given(customer=people, asked=wishes, circumstances=circumstances_of, rules=rules_of)
def test_it_is_the_first_of_all_values_that_is_approved(customer, asked, circumstances, rules) -> None:
    by = lender(CHANGING, rules)
    changes = by.policy.risk.counter_offer.changes
    decision = of_arrays(rows(customer), asked, circumstances, by)
    event("changed" if decision.counter_change else decision.outcome)
    tried = []
    for order, term in enumerate(changes.fields):
        stated = getattr(asked, term)
        if stated is None:
            continue
        values = (
            enumerate(changes.purpose, 1)
            if term == "purpose"
            else ((abs(one - stated) / changes.spans[term].step, one) for one in changes.spans[term].values)
        )
        tried += [(round(away, 9), order, term, one) for away, one in values if one != stated]

    def outcome(term: str, value: object) -> str:
        whole = {name: getattr(asked, name) for name in Application.__dataclass_fields__} | {term: value}
        return of_arrays(rows(customer), Application(**whole), circumstances, by).outcome

    good_ones = [
        Change(term, one) for *_, term, one in sorted(tried, key=lambda one: one[:2]) if outcome(term, one) == "approve"
    ]
    if decision.outcome == "approve" or decision.counter_offer is not None:
        assert decision.counter_change is None
    elif decision.counter_change is not None:
        assert decision.counter_change == good_ones[0]
    else:
        assert not good_ones


@settings(max_examples=30, deadline=None)
@given(
    each_of=st.lists(st.tuples(people, wishes, circumstances_of), min_size=2, max_size=6),
    rules=rules_of,
)
def test_many_are_offered_what_each_is_alone(each_of, rules) -> None:
    by = lender(CHANGING, rules)
    each = [of_arrays(rows(one), asked, around, by) for one, asked, around in each_of]
    whole = rows(*(one for one, _, _ in each_of))
    together = decide(
        by, Applications.of([one for _, one, _ in each_of]), whole, Context.of([one for *_, one in each_of])
    )
    for row, expected in enumerate(each):
        assert together.one(row).counter_change == expected.counter_change


def test_what_is_approved_or_cannot_be_changed_is_decided_without_arrays() -> None:
    by = lender(CHANGING, "")
    assert alone(rows(good()), Application(500.0, "car"), CHECKED, by).outcome == "approve"
    paused = Circumstances(paused=True)
    assert decide_single(by, Application(500.0, "property", 12, 0.5), rows(good()), paused).counter_change is None
    assert alone(rows(good()), Application(500.0, "property"), CHECKED, by) is None


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ("{term_months: {at_least: 6, at_most: 3, step: 1}}", "at_most on or above"),
        ("{term_months: {at_least: 0, at_most: 3, step: 1}}", "whole months"),
        ("{term_months: {at_least: 1, at_most: 3, step: 0.5}}", "whole months"),
        ("{fees: {at_least: 0, at_most: 3000, step: 1}}", "40 steps"),
        (
            "{fees: {at_least: 0, at_most: 30, step: 1}, annual_rate: {at_least: 0, at_most: 0.3, step: 0.01}}",
            "62 values",
        ),
        ("{}", "0 values"),
        ("{purpose: [car, property]}", "no purpose that money is lent for"),
        ("{monthly_income: {at_least: 0, at_most: 3, step: 1}}", "monthly_income"),
        ("{exposure: {at_least: 0, at_most: 3, step: 1}}", "exposure"),
    ],
)
def test_a_policy_that_would_try_too_much_or_what_is_of_the_person_is_refused(changes: str, fault: str) -> None:
    text = POLICY.replace("  rules:\n", f"{OFFER.format(changes=changes)}\n  rules:\n", 1)
    with pytest.raises(DocumentError, match=fault):
        parse_document(text, Policy, "policy.yaml")


def test_a_policy_without_changes_keeps_its_digest() -> None:
    plain = "  counter_offer: {step: 100, smallest: 200}"
    found = parse_document(POLICY.replace("  rules:\n", f"{plain}\n  rules:\n", 1), Policy, "policy.yaml")
    assert found.model_dump()["risk"]["counter_offer"] == {"step": 100.0, "smallest": 200.0}
    whole = lender(CHANGING).policy.model_dump()["risk"]["counter_offer"]
    assert [*chain(whole["changes"])] == ["term_months", "annual_rate", "fees", "purpose"]
    assert Changes.model_validate(whole["changes"]).fields == ("term_months", "annual_rate", "fees", "purpose")


def test_the_answer_says_from_what_to_what_and_the_log_keeps_what_was_asked_sealed() -> None:
    decision = ask(Application(500.0, term_months=6), "{term_months: {at_least: 6, at_most: 36, step: 3}}", LONG)
    offer = _offer(decision)
    assert offer["change"] == {"field": "term_months", "to": 12.0}
    record = make_record(outcome="review", offer=offer, reasons=(), personal={"amount": 500.0, "term_months": 6})
    told = json.loads(answer_of(record).model_dump_json())
    assert told["counter_change"] == {"field": "term_months", "from": 6.0, "to": 12.0}
    assert DecisionAnswer.model_validate(told).model_dump_json() == answer_of(record).model_dump_json()
    whole = {
        **answer_of(record).model_dump(),
        "review": {"state": "open", "outcome": None, "limit": None, "decided_at": None},
    }
    assert ReviewedAnswer.model_validate(whole).model_dump(mode="json")["counter_change"] == told["counter_change"]
