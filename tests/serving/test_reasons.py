import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from features.documents import parse_document
from serving.applications import Application, Applications, Circumstances, Context
from serving.decide import decide
from serving.policy import Policy
from serving.reasons import CAUSES, group_inputs, strongest
from tests.serving.lender import COLUMNS, POLICY, Release, model
from tests.serving.test_decide import rows, usable

EVERYTHING = """
  capacity: {amount: 12 * request.monthly_income, because: a year of income}
  price: {ceiling: 0.3, required: true}
  purposes: {allowed: [car], required: true}
  quotas: [{id: daily, of: amount, each: day, at_most: 5000}]
  lists: {tax: decline, industry: review}
  signals: [device]
  counter_offer: {step: 100, smallest: 100}
  rules:
"""
WHOLE = parse_document(POLICY.replace("\n  rules:\n", EVERYTHING, 1), Policy, "policy.yaml")
numbers = st.none() | st.floats(0, 5000)
applications = st.builds(
    Application,
    amount=numbers,
    purpose=st.sampled_from([None, "car", "property"]),
    term_months=st.sampled_from([None, 12.0]),
    annual_rate=st.sampled_from([None, 0.1, 0.5]),
    fees=st.sampled_from([None, 10.0]),
    monthly_income=numbers,
)
circumstances = st.builds(
    Circumstances,
    paused=st.booleans(),
    lists=st.none() | st.frozensets(st.sampled_from(["tax", "industry", "other"])),
    signals=st.sampled_from([{}, {"device": "passed"}, {"device": "failed"}, {"device": "unanswered"}]),
    used=st.sampled_from([{}, {"daily": 0.0}, {"daily": 5000.0}]),
    consented=st.sampled_from([None, True, False]),
    automation_refused=st.booleans(),
)

POINTS = np.array([[3.0, -5.0, 0.0, -1.0], [np.nan] * 4])


def test_an_unfavourable_outcome_names_first_what_lowered_most():
    assert strongest(POINTS, np.array([False, False]), 3).tolist() == [[1, 3, 0], [-1, -1, -1]]


def test_a_favourable_outcome_names_first_what_raised_most():
    assert strongest(POINTS, np.array([True, True]), 2).tolist() == [[0, 1], [-1, -1]]


def test_what_moved_nothing_is_not_named():
    assert strongest(POINTS, np.array([True, True]), 4).tolist() == [[0, 1, 3, -1], [-1] * 4]
    assert strongest(np.array([[-1e-12, -2.0, 3e-14]]), np.array([False]), 3).tolist() == [[1, -1, -1]]


def test_inputs_are_grouped_by_code_and_the_rest_comes_last():
    codes, groups = group_inputs(["a", "b", "c", "d"], {"X": ["d", "a"], "Y": ["absent"], "Z": ["c"]})
    assert codes == ["X", "Z"]
    assert groups == [[3, 0], [2], [1]]


def test_every_cause_has_both_languages():
    assert all(cause.en and cause.zh and cause.points is None for cause in CAUSES.values())


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(usable, applications, circumstances), min_size=1, max_size=4))
def test_whatever_is_not_approved_says_why_by_what_may_be_a_reason(drawn):
    features = rows(*(row for row, _, _ in drawn))
    asked, context = Applications.of([one for _, one, _ in drawn]), Context.of([one for _, _, one in drawn])
    made = decide(Release("a" * 64, WHOLE, {"risk": model("risk")}), asked, features, context)
    rules = {rule.id for rule in WHOLE.risk.rules}
    inputs = {column.name for column in COLUMNS}
    for row in range(len(drawn)):
        decision = made.one(row)
        assert decision.outcome == "review" or not drawn[row][2].automation_refused
        assert decision.reasons or decision.outcome == "approve"
        for reason in decision.reasons:
            # A cause, a rule, or a code all of whose features the model reads: nothing unscored, nothing protected.
            scored = reason.code in WHOLE.reasons and inputs.issuperset(WHOLE.reasons[reason.code].features)
            assert scored == (reason.points is not None)
            assert scored or reason.code in CAUSES or reason.code in rules
