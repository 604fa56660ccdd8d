from pathlib import Path

import numpy as np
import pytest

from features.documents import DocumentError, parse_document
from features.portfolio import list_portfolios, open_portfolio
from features.spec import FeatureSpec
from serving.examination import favourable
from serving.policy import Known, Policy, read_policy
from tests.serving.lender import POLICY, policy
from training.spec import ModelsSpec, read_models

PORTFOLIOS = Path("portfolios")

FEATURES = """
entity: {name: customer, key: customer_id, type: int, meaning: a customer}
tables:
  statements:
    meaning: statements
    columns:
      late: {type: int, meaning: months late, uses: [credit, marketing]}
      sex: {type: category, meaning: sex, uses: [fairness]}
      work: {type: category, meaning: job, uses: [credit, marketing]}
views:
  behaviour:
    table: statements
    freshness: 45
    features:
      late_streak: {transform: value, column: late}
      utilisation: {transform: value, column: late}
      payment_ratio: {transform: value, column: late}
      job: {transform: category, column: work}
  protected:
    table: statements
    freshness: 45
    features:
      sex: {transform: category, column: sex}
services:
  risk: {use: credit, views: {behaviour: all}}
  groups: {use: fairness, views: {protected: all}}
"""

MODELS = """
models:
  risk:
    kind: risk
    meaning: late
    service: risk
    observations: statements
    label: {kind: recorded, table: statements, column: late}
  propensity:
    kind: propensity
    meaning: buys
    service: risk
    observations: statements
    label: {kind: recorded, table: statements, column: late}
"""


def known() -> Known:
    features = parse_document(FEATURES, FeatureSpec, "features.yaml")
    return Known(features, parse_document(MODELS, ModelsSpec, "models.yaml", context=features))


def fault(old: str, new: str) -> str:
    assert old in POLICY
    with pytest.raises(DocumentError) as caught:
        parse_document(POLICY.replace(old, new, 1), Policy, "policy.yaml", context=known())
    return str(caught.value)


def test_no_policy_lets_a_machine_approve_a_score_under_60():
    told = fault("  decline_below: 30", "  review_below: 59\n  decline_below: 30")
    assert told.startswith("policy.yaml:5: risk.review_below: Input should be greater than or equal to 60")


def line(text: str) -> int:
    return next(number for number, row in enumerate(POLICY.splitlines(), start=1) if text in row)


@pytest.mark.parametrize("name", list_portfolios(PORTFOLIOS))
def test_the_shipped_policies_fit_their_portfolio(name):
    portfolio = open_portfolio(PORTFOLIOS, name)
    models = read_models(portfolio.folder / "models.yaml", portfolio.features)
    found = read_policy(portfolio.folder / "policy.yaml", portfolio.features, models)
    # Every input has a reason: nothing that moves a score is hidden in `other` for want of a text.
    inputs = {column.name for model in found.models for column in Known(portfolio.features, models).inputs(model)}
    assert {name for reason in found.reasons.values() for name in reason.features} == inputs


def test_a_policy_that_fits_is_read():
    found = parse_document(POLICY, Policy, "policy.yaml", context=known())
    assert found.models == ["risk", "propensity"]
    assert found.optional == {"payment_ratio"}
    assert found.risk.cut_points == (45, 60, 70, 80)


def test_it_goes_through_json_unchanged():
    assert Policy.model_validate_json(policy().model_dump_json()) == policy()


@pytest.mark.parametrize(
    ("old", "new", "place", "problem"),
    [
        ("decline_below: 30", "decline_below: 61", "risk.decline_below", "61 is above review_below 60"),
        ("D: 45}", "D: 60}", "risk.grades.D", "60 is not under the 60 of C"),
        ("D: 45}", "F: 45}", "risk.grades.F.[key]", "'A', 'B', 'C', 'D' or 'E'"),
        (", D: 45}", "}", "risk.grades", "found ['A', 'B', 'C']"),
        ("B: 3000", "B: 5000", "risk.limits.B", "5000 is not under the 4000 of A"),
        ("C: 2000, D: 1000", "C: 0, D: 0", "risk.limits.C", "expected a limit above 0"),
        ("id: LARGE_AMOUNT", "id: VERY_LATE", "risk.rules.1.id", "'VERY_LATE' names an earlier rule"),
        ("id: LARGE_AMOUNT", "id: PAUSED", "risk.rules.1.id", "is a reason of the platform"),
        ("id: LARGE_AMOUNT", "id: DEBT", "risk.rules.1.id", "is a code of reasons"),
        ("request.amount > 3_500", "request.amount", "risk.rules.1.when", "column 1: the whole is a number"),
        ("request.amount", "request.amuont", "risk.rules.1.when", "column 1: no name 'request.amuont'; did you mean"),
        ("feature.late_streak", "feature.sex", "risk.rules.0.when", "VERY_LATE: column 1: no name 'feature.sex'"),
        ("feature.late_streak", "feature.job", "risk.rules.0.when", "compares a text with a number"),
        (">= 7", "=> 7", "risk.rules.0.when", "column 21: found '='; expected '=='"),
        ("  model: propensity", "  model: risk", "propensity.model", "is the model of risk too"),
        ("  model: risk", "  model: loss", "risk.model", "no risk model 'loss'; expected one of ['risk']"),
        ("features: [payment_ratio]", "features: [pay]", "may_be_missing.0.features.0", "'pay' is no input"),
        ("features: [job]", "features: [sex]", "reasons.JOB.features.0", "'sex' is no input"),
        ("features: [job]", "features: [late_streak]", "reasons.JOB.features.0", "is in LATENESS already"),
        ("  JOB:", "  PAUSED:", "reasons.PAUSED", "is a reason of the platform"),
        ("zh: 职业", "fr: travail", "reasons.JOB.zh", "required"),
        ("decline_below: 30", "decline_below: no", "risk.decline_below", "should be a number, written without quotes"),
        ("decline_below: 30", "decline_below: false", "risk.decline_below", "a truth value is none; found False"),
        ("decline_below: 30", 'decline_below: "25"', "risk.decline_below", "found '25'"),
        ("A: 4000", "A: 0360000", "risk.limits.A", "or leading zeros; a truth value is none; found '0360000'"),
        ("  rules:", "  two_people: {amount_from: yes}\n  rules:", "risk.two_people.amount_from", "found 'yes'"),
        ("contact_from: 0.3", "contact_from: 30", "propensity.contact_from", "less than 1; found 30"),
    ],
)
def test_a_fault_is_named_with_file_line_and_key(old, new, place, problem):
    message = fault(old, new)
    assert f": {place}: " in message
    assert problem in message
    assert message.startswith(f"policy.yaml:{line(old.splitlines()[0])}: ")


def test_a_policy_that_decides_nothing_is_refused():
    with pytest.raises(DocumentError, match="neither risk nor propensity"):
        parse_document("reasons: {}", Policy, "policy.yaml")


BEHAVIOUR = """
behaviour:
  model: MODEL
  scale: {pd_at_60: 0.1, points_to_double_odds: 10}
  watch_below: 60
  gates: {largest_auc_loss: 0.01, largest_calibration_error: 0.05}
"""
WATCHED = MODELS + MODELS.partition("  propensity:")[0].partition("models:\n")[2].replace("risk:", "watched:", 1)


def test_a_model_of_the_live_book_is_part_of_a_policy() -> None:
    features = parse_document(FEATURES, FeatureSpec, "features.yaml")
    models = parse_document(WATCHED, ModelsSpec, "models.yaml", context=features)
    text = POLICY + BEHAVIOUR.replace("MODEL", "watched")
    found = parse_document(text, Policy, "policy.yaml", context=Known(features, models))
    assert found.models == ["risk", "propensity", "watched"]
    assert found.kind("watched") == "risk"
    assert found.section("watched") is found.behaviour
    scored = favourable(found.section("watched"), np.array([0.02, 0.1, 0.3]))
    assert scored.tolist() == [True, True, False]


def test_a_policy_without_one_says_nothing_of_it() -> None:
    assert "behaviour" not in policy().model_dump()


@pytest.mark.parametrize(("model", "told"), [("risk", "is the model of risk too"), ("x", "no risk model 'x'")])
def test_a_live_book_needs_a_risk_model_of_its_own(model: str, told: str) -> None:
    with pytest.raises(DocumentError, match=told):
        parse_document(POLICY + BEHAVIOUR.replace("MODEL", model), Policy, "policy.yaml", context=known())


def test_a_live_book_alone_decides_nothing() -> None:
    with pytest.raises(DocumentError, match="nothing to decide"):
        parse_document(BEHAVIOUR.replace("MODEL", "risk") + "reasons: {}\n", Policy, "policy.yaml")
