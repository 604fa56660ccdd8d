"""Rules that something missing leaves open, rules about an amount that nobody named, and the edition before."""

import hashlib
import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import rfc8785
from pydantic import ValidationError

from features.documents import DocumentError
from serving.applications import Application, Circumstances
from serving.decisions import Decision
from serving.desk import Desk
from serving.policy import RELEASED, Policy, RiskPolicy
from serving.policy.wording import explained
from serving.release import load_release
from serving.rules import Rule
from tests.serving.lender import POLICY, policy
from tests.serving.small_releases import build_small, fresh_reader
from tests.serving.test_decide import good, rows
from tests.serving.test_single import FIRST, PLAIN, alone, lender, of_arrays

BEFORE = "23d2c18dcfd168d654e4b31433cbbd1d18043b0165223285c8122f38a7712d21"
OWED = "    - {id: OWED, when: request.exposure > 1_000, outcome: decline, en: Much is owed, zh: 负债}"
PASSED = OWED.replace("outcome", "when_open: pass, outcome")
SMALL = Application(500.0)


def ask(asked: Application, rule: str = "", extra: str = PLAIN, **circumstances: object) -> Decision:
    """The decision on a good customer, who gets up to 4,000: the same by arrays and without."""
    by, found = lender(extra, rule), Circumstances(**circumstances)
    decision = of_arrays(rows(good()), asked, found, by)
    assert repr(alone(rows(good()), asked, found, by)) == repr(decision)
    return decision


def codes(decision: Decision) -> list[str]:
    return [reason.code for reason in decision.reasons]


def test_a_rule_about_the_amount_judges_the_limit_where_no_amount_is_named():
    assert ask(SMALL).outcome == "approve"
    for nothing in (Application(), Application(float("nan"))):
        decision = ask(nothing)
        assert (decision.outcome, codes(decision)[0], decision.open_rules) == ("review", "LARGE_AMOUNT", ())


@pytest.mark.parametrize("rule", [OWED, OWED.replace("decline", "review")])
def test_a_rule_that_something_missing_leaves_open_asks_for_a_person(rule: str):
    decision = ask(SMALL, rule)
    assert (decision.outcome, codes(decision)[0], decision.open_rules) == ("review", "OWED_OPEN", ("OWED",))
    assert "OWED" in decision.reasons[0].en
    assert ask(Application(500.0, exposure=0.0), rule).outcome == "approve"


def test_a_rule_that_is_meant_so_passes_who_does_not_say():
    decision = ask(SMALL, PASSED)
    assert (decision.outcome, decision.open_rules) == ("approve", ("OWED",))
    assert ask(Application(500.0, exposure=2_000.0), PASSED).outcome == "decline"


def test_a_rule_that_is_not_in_force_is_not_open():

    rule = OWED.replace("outcome", "last_day: 2026-01-31, outcome")
    assert ask(SMALL, rule, business_date=date(2026, 2, 1)).outcome == "approve"
    assert ask(SMALL, rule, business_date=date(2026, 1, 31)).outcome == "review"


def test_what_was_stated_can_still_be_asked_for():
    rule = "    - {id: UNSAID, when: request.amount is missing, outcome: review, en: a, zh: b}"
    assert "UNSAID" in codes(ask(Application(), rule))
    assert "UNSAID" not in codes(ask(Application(3_600.0), rule))


def test_features_at_fault_are_told_once():
    rule = "    - {id: YOUNG, when: feature.tenure < 3 and request.exposure > 1, outcome: decline, en: a, zh: b}"
    decision = of_arrays(rows(good() | {"tenure": None}), SMALL, Circumstances(), lender(PLAIN, rule))
    assert (decision.outcome, codes(decision), decision.open_rules) == ("review", ["FEATURES_MISSING"], ("YOUNG",))


def test_the_first_edition_decides_as_it_did():
    assert ask(Application(), extra=FIRST).outcome == "approve"
    assert ask(Application(), extra=FIRST).open_rules == ("LARGE_AMOUNT",)
    assert ask(SMALL, OWED, extra=FIRST).outcome == "approve"


def test_a_policy_of_a_release_from_before_editions_keeps_its_bytes_and_its_meaning():
    text = POLICY.replace("risk:\n", "risk:\n  edition: 1\n", 1)
    held = rfc8785.dumps(policy(text).model_dump(mode="json", by_alias=True))
    assert hashlib.sha256(held).hexdigest() == BEFORE
    read = Policy.model_validate_json(held, context=RELEASED)
    assert read == policy(text)
    assert rfc8785.dumps(read.model_dump(mode="json", by_alias=True)) == held
    now = rfc8785.dumps(policy().model_dump(mode="json", by_alias=True))
    assert json.loads(now)["risk"].pop("edition") == 3
    assert Policy.model_validate_json(now, context=RELEASED) == policy()


def test_releases_say_by_which_edition_they_decide(tmp_path: Path):
    rule = {"id": "LARGE", "when": "request.exposure > 1", "outcome": "review", "en": "a", "zh": "b"}
    outcomes = []
    for edition in (1, 2, 3):
        sha = build_small(tmp_path, risk={"rules": [Rule.model_validate(rule)], "edition": edition})
        desk = Desk(load_release(tmp_path / sha), fresh_reader())
        assert desk.release.sha == sha
        looked = desk.look_up([1], datetime.now(UTC))
        outcomes.append(desk.decide("decision", looked, application=SMALL).outcome)
    assert outcomes == ["approve", "review", "review"]


def test_the_reason_of_an_open_rule_has_a_name_of_its_own():
    twice = f"  rules:\n{OWED}\n{OWED.replace('id: OWED', 'id: OWED_OPEN')}\n"
    with pytest.raises(DocumentError, match="'OWED_OPEN', the reason where 'OWED' is open, is in use"):
        policy(POLICY.replace("  rules:\n", twice, 1))
    first = policy(POLICY.replace("risk:\n", "risk:\n  edition: 1\n", 1).replace("  rules:\n", twice, 1))
    held = rfc8785.dumps(first.model_dump(mode="json", by_alias=True))
    assert Policy.model_validate_json(held, context=RELEASED) == first  # it never tells that reason
    with pytest.raises(ValidationError, match="edition"):
        RiskPolicy.model_validate({**policy().model_dump()["risk"], "edition": 4})


def test_a_policy_in_plain_words_says_what_an_open_rule_does():
    told = explained(lender(PLAIN, f"{OWED}\n{PASSED.replace('id: OWED', 'id: OTHER')}").policy)
    for name, does in (("OWED", "a person decides"), ("OTHER", "it is passed over")):
        (line,) = [line for line in told.splitlines() if line.startswith(f"- `{name}`")]
        assert does in line
