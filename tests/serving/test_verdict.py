from datetime import date

import pytest

from features.documents import parse_document
from serving.applications import (
    Application,
    Applications,
    Circumstances,
    Context,
    application_from,
    circumstances_from,
    circumstances_json,
    sealed_json,
)
from serving.decide import decide
from serving.policy import Policy
from serving.pricing import all_in_rate
from tests.serving.lender import POLICY, Release, model
from tests.serving.test_decide import good, rows

NOTHING = Application()
QUOTA = "  quotas: [{id: d, of: approvals, each: day, at_most: 3}]"

MONEY = "  quotas: [{id: d, of: amount, each: day, at_most: 5000}]"


def ask(extra: str, application: Application = NOTHING, **circumstances):
    policy = parse_document(POLICY.replace("  rules:\n", f"{extra}\n  rules:\n", 1), Policy, "policy.yaml")
    by = Release("a" * 64, policy, {"risk": model("risk")})
    context = Context.of([Circumstances(**circumstances)])
    return decide(by, Applications.of([application]), rows(good()), context).one(0)


@pytest.mark.parametrize(
    ("extra", "application", "circumstances", "code", "outcome"),
    [
        ("  lists: {tax: decline}", Application(), {"lists": frozenset({"tax"})}, "ON_LIST", "decline"),
        ("  lists: {tax: decline}", Application(), {}, "CONTEXT_UNKNOWN", "review"),
        ("  signals: [device]", Application(), {}, "SIGNAL_MISSING", "review"),
        ("  signals: [device]", Application(), {"signals": {"device": "unanswered"}}, "SIGNAL_MISSING", "review"),
        ("  signals: [device]", Application(), {"signals": {"device": "failed"}}, "SIGNAL_FAILED", "review"),
        ("  purposes: {forbidden: [property]}", Application(purpose="property"), {}, "PURPOSE_NOT_ALLOWED", "decline"),
        ("  price: {ceiling: 0.2}", Application(9, None, 9, 0.3), {}, "PRICE_OVER_CEILING", "review"),
        ("  price: {ceiling: 0.2}", Application(100, annual_rate=0.1), {}, "PRICE_UNKNOWN", "review"),
        (QUOTA, NOTHING, {"used": {"d": 3}}, "QUOTA_REACHED", "review"),
        (QUOTA, NOTHING, {}, "CONTEXT_UNKNOWN", "review"),
        (MONEY, Application(600.0), {"used": {"d": 4500}}, "QUOTA_REACHED", "review"),
        (MONEY, NOTHING, {"used": {"d": 4500}}, "QUOTA_REACHED", "review"),
        ("  capacity: {amount: request.monthly_income, because: x}", Application(), {}, "CAPACITY_UNKNOWN", "review"),
        ("", Application(), {"automation_refused": True}, "AUTOMATION_REFUSED", "review"),
        ("", Application(), {"consented": False}, "CONSENT_MISSING", "review"),
    ],
)  # fmt: skip
def test_what_speaks_against_approving_is_said(extra, application, circumstances, code, outcome):
    decision = ask(extra, application, **circumstances)
    assert (decision.outcome, decision.reasons[0].code) == (outcome, code)
    assert decision.confirmations == (1 if outcome == "review" else 0)


@pytest.mark.parametrize(
    ("extra", "circumstances"),
    [
        ("  lists: {tax: decline}", {"lists": frozenset({"other"})}),
        ("  signals: [device]", {"signals": {"device": "passed"}}),
        ("  quotas: [{id: d, of: approvals, each: day, at_most: 3}]", {"used": {"d": 2}}),
    ],
)
def test_what_was_checked_and_found_good_is_approved(extra, circumstances):
    assert ask(extra, **circumstances).outcome == "approve"


@pytest.mark.parametrize(
    ("income", "amount", "offer"), [(1050.0, 2000.0, 1000.0), (90.0, 2000.0, None), (9e9, 3600.0, 3000.0)]
)
def test_a_counter_offer_is_the_largest_amount_that_is_approved(income, amount, offer):
    extra = "  capacity: {amount: request.monthly_income, because: x}\n  counter_offer: {step: 100, smallest: 200}"
    decision = ask(extra, Application(amount, monthly_income=income))
    assert decision.outcome == "review"
    assert decision.counter_offer == offer
    if offer:
        assert ask(extra, Application(offer, monthly_income=income)).outcome == "approve"


def test_what_is_owed_already_counts_where_the_policy_says_so():
    extra = "  capacity: {amount: 3 * request.monthly_income - request.exposure, because: x}"
    assert ask(extra, Application(500.0, monthly_income=1000, exposure=2500)).outcome == "approve"
    assert ask(extra, Application(501.0, monthly_income=1000, exposure=2500)).outcome == "review"
    assert ask(extra, Application(500.0, monthly_income=1000)).reasons[0].code == "CAPACITY_UNKNOWN"


def test_large_amounts_out_of_review_need_two_people():
    decision = ask("  two_people: {amount_from: 3000}", Application(3600.0))
    assert (decision.outcome, decision.confirmations) == ("review", 2)


def test_the_all_in_rate_discounts_the_instalments_to_what_was_received():
    assert all_in_rate(1000, 12, 0.12) == pytest.approx(1.01**12 - 1)
    rate = all_in_rate(1000, 12, 0.12, 50)
    month, instalment = (1 + rate) ** (1 / 12), 1000 * 0.01 / (1 - 1.01**-12)
    assert sum(instalment / month**k for k in range(1, 13)) == pytest.approx(950)


def test_circumstances_and_applications_are_the_same_after_the_log():
    found = Circumstances(True, date(2026, 1, 1), frozenset({"b", "a"}), {"device": "passed"}, {"d": 2.0}, False, True)
    assert circumstances_from(circumstances_json(found), sealed_json(found)) == found
    assert circumstances_from(circumstances_json(Circumstances())) == Circumstances()
    assert application_from({"amount": 5, "purpose": "car", "entity": "x"}) == Application(5.0, "car")
    assert application_from({"exposure": 7}) == Application(exposure=7.0)
