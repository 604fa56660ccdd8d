"""One application without arrays has the bits that `decide` gives its row, whatever policy and circumstances."""

from datetime import date
from functools import cache

import numpy as np
import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from features.documents import parse_document
from serving.applications import Application, Applications, Circumstances, Context
from serving.decide import FeatureRows, decide, late_rows
from serving.policy import Policy
from serving.single import decide_single
from tests.serving.lender import COLUMNS, NUMERIC, POLICY, Release, model
from tests.serving.test_decide import good, rows

PLAIN = ""
RICH = """
  capacity: {amount: 10 * request.monthly_income - request.exposure, because: a test}
  price: {ceiling: 0.2, over: decline, required: true}
  purposes: {forbidden: [property], required: true}
  lists: {tax: decline, court: review}
  signals: [device, liveness]
  quotas:
    - {id: few, of: approvals, each: day, at_most: 3}
    - {id: money, of: amount, each: month, at_most: 5000, purpose: car}
  two_people: {score_below: 55, amount_from: 2000}"""
LENIENT = """
  capacity: {amount: 5_000 * feature.utilisation, because: a test}
  price: {ceiling: 0.2}
  purposes: {allowed: [car, phone], otherwise: review}
  counter_offer: {step: 100, smallest: 200}"""
CHANGING = f"""{LENIENT[:-1]}
    changes:
      term_months: {{at_least: 6, at_most: 36, step: 6}}
      annual_rate: {{at_least: 0.05, at_most: 0.25, step: 0.05}}
      fees: {{at_least: 0, at_most: 50, step: 25}}
      purpose: [car, phone]""".replace(
    "counter_offer: {step: 100, smallest: 200", "counter_offer:\n    step: 100\n    smallest: 200"
)
ODD = """
  capacity: {amount: 0.3 * 12 * request.monthly_income - 0.1 * request.exposure, because: a test}
  quotas: [{id: money, of: amount, each: month, at_most: 5000}]
  counter_offer: {step: 0.1, smallest: 0.3}"""
RULES = """
    - {id: DEAR, when: request.all_in_rate > 0.15 or not request.purpose == "car", outcome: review, en: a, zh: b}
    - {id: YOUNG, when: feature.tenure < 12 and not context.listed, outcome: decline, en: a, zh: b}
    - {id: NEW, when: feature.payment_ratio < 0.5, outcome: review, first_day: 2026-02-01, en: a, zh: b}
    - {id: OVER, when: context.device == "failed" and request.exposure > 1, outcome: decline, en: a, zh: b}
    - {id: SAID, when: context.automation_refused or context.paused, outcome: review, en: a, zh: b}
    - {id: UNSAID, when: request.amount is missing and grade == "D", outcome: review, en: a, zh: b}
    - {id: HALF, when: request.amount > 1_500 and request.exposure > 5, outcome: review, when_open: pass, en: a, zh: b}
    - {id: MUCH, when: 2 * request.amount > 3_500 and feature.tenure > 1, outcome: review, en: a, zh: b}
    - {id: RISK, when: probability > 0.3 or grade == "E" or score < 40, outcome: decline, en: a, zh: b}
"""


@cache
def lender(extra: str, more_rules: str = "") -> Release:
    text = POLICY.replace("  rules:\n", f"{extra}\n  rules:\n{more_rules.rstrip()}\n", 1)
    return Release("a" * 64, parse_document(text, Policy, "policy.yaml"), {"risk": model("risk", NUMERIC)})


def alone(features: FeatureRows, asked: Application, found: Circumstances, by: Release):
    return decide_single(by, asked, features, found)


def of_arrays(features: FeatureRows, asked: Application, found: Circumstances, by: Release):
    return decide(by, Applications.of([asked]), features, Context.of([found])).one(0)


customers = st.fixed_dictionaries(
    {
        "late_streak": st.integers(0, 9).map(float),
        "utilisation": st.floats(0, 5) | st.integers(0, 3),
        "payment_ratio": st.none() | st.just(float("nan")) | st.floats(0, 1),
        "tenure": st.floats(0, 300),
    }
)
# Limits of the grades among them: where a comparison turns.
money = st.none() | st.sampled_from([-5.0, 0.0, 100, 1000.0, 2000.0, 3000.0, 4000.0, 1e9, float("inf"), float("nan")])
applications = st.builds(
    Application,
    amount=money,
    purpose=st.sampled_from(["car", None, "phone", "property"]),
    term_months=st.sampled_from([None, 12, 36.0]),
    annual_rate=st.sampled_from([None, 0.0, 0.1, 0.4]),
    fees=st.sampled_from([None, 0.0, 50.0]),
    monthly_income=st.sampled_from([400.0, None, 300.0, -10.0, 123.4, 0.1]),
    exposure=st.sampled_from([0.0, None, 1000.0, 4000.0]),
)
passed = st.sampled_from(["passed", "failed", "unanswered"])
found = st.builds(
    Circumstances,
    paused=st.booleans(),
    business_date=st.sampled_from([None, date(2026, 1, 31), date(2026, 2, 1)]),
    lists=st.none() | st.sets(st.sampled_from(["tax", "court", "other"])).map(frozenset),
    signals=st.dictionaries(st.sampled_from(["device", "liveness"]), passed),
    used=st.fixed_dictionaries(
        {}, optional={"few": st.sampled_from([2.0, 3.0]), "money": st.sampled_from([0.0, 4999.0])}
    ),
    consented=st.sampled_from([None, True, False]),
    automation_refused=st.booleans(),
    consents=st.dictionaries(st.just("credit"), st.sampled_from(["granted", "unknown"])),
)
FIRST, SECOND = "\n  edition: 1", "\n  edition: 2"
lenders = st.builds(
    lambda extra, edition, rules: lender(extra + edition, rules),
    st.sampled_from([PLAIN, RICH, LENIENT, CHANGING, ODD]),
    st.sampled_from(["", FIRST, SECOND]),
    st.sampled_from(["", RULES]),
)


SAFE = {"late_streak": 0.0, "utilisation": 0.0, "payment_ratio": None, "tenure": 0.0}  # grade C
CHECKED = Circumstances(lists=frozenset(), signals={"device": "passed", "liveness": "passed"}, used={"money": 4999.0})


REFUSED = Circumstances(lists=frozenset({"tax"}), automation_refused=True)


@settings(max_examples=250, deadline=None)
@given(customer=customers, asked=applications, circumstances=found, by=lenders)
@example(SAFE, Application(2000.0), Circumstances(), lender(PLAIN))  # as much as the limit
@example(SAFE, Application(2000.0, monthly_income=500.0, exposure=0.0), CHECKED, lender(ODD))  # an offer in tenths
@example(SAFE, Application(1.0, monthly_income=0.1, exposure=0.0), CHECKED, lender(ODD + FIRST))
@example(SAFE, Application(2000.5), Circumstances(), lender(PLAIN))
@example(SAFE, Application(), CHECKED, lender(PLAIN, RULES))  # no amount, no exposure
@example(SAFE, Application(float("nan"), exposure=9.0), CHECKED, lender(FIRST, RULES))
@example(SAFE, Application(2000.5, "car"), Circumstances(), lender(LENIENT))
@example(SAFE, Application(1e9, "car", 36, 0.19, 50.0), Circumstances(), lender(LENIENT, RULES))
@example(SAFE, Application(purpose="car", monthly_income=400.0, exposure=0.0), CHECKED, lender(RICH))  # over a quota
@example(SAFE, Application(1e9, "car"), REFUSED, lender(RICH))
@example(SAFE, Application(1e9, "car"), REFUSED, lender(RICH + SECOND))
@example(SAFE, Application(1.0, "car", monthly_income=400.0, exposure=0.0), CHECKED, lender(RICH))
def test_one_alone_is_decided_with_the_bits_of_its_row(customer, asked, circumstances, by):
    features = rows(customer)
    expected = of_arrays(features, asked, circumstances, by)
    decision = alone(features, asked, circumstances, by)
    event(f"{expected.outcome}{' with an offer' if expected.counter_offer else ''}{' by arrays' * (decision is None)}")
    if decision is None:  # only where another of the terms may be changed
        assert by.policy.risk.counter_offer.changes is not None
        assert expected.outcome != "approve"
        assert expected.counter_offer is None
    else:
        # As text: equal numbers may still differ in their sign of zero, or in their type.
        assert repr(decision) == repr(expected)


@pytest.mark.parametrize(
    "broken",
    [
        {"late_streak": None},
        {"tenure": float("nan")},
        {"utilisation": float("inf")},
        {"utilisation": 1e39},
        {"utilisation": "much"},
        {"utilisation": [1.0]},
        {"payment_ratio": 10**400},
    ],
)
def test_what_is_missing_or_not_usable_is_left_to_the_arrays(broken):
    assert alone(rows(good() | broken), Application(), Circumstances(), lender(PLAIN)) is None


@pytest.mark.parametrize("age", [float("nan"), 45.01, -0.1])
def test_what_is_stale_or_has_no_row_is_left_to_the_arrays(age):
    features = rows(good(), ages={"behaviour": np.array([age])})
    assert alone(features, Application(), Circumstances(), lender(PLAIN)) is None


def test_what_is_late_or_of_another_kind_is_left_to_the_arrays():
    assert alone(late_rows(1), Application(), Circumstances(), lender(PLAIN)) is None
    assert alone(rows(good(), good()), Application(), Circumstances(), lender(PLAIN)) is None
    words = Release("a" * 64, lender(PLAIN).policy, {"risk": model("risk", COLUMNS)})
    assert alone(rows(good()), Application(), Circumstances(), words) is None


def test_a_good_customer_is_decided_alone():
    decision = alone(rows(good()), Application(500.0), Circumstances(), lender(PLAIN))
    assert decision.outcome == "approve"
    assert decision.reasons
