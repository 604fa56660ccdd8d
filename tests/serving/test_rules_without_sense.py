"""Rules that can never fire, or have a part that says nothing, are refused where a person writes them."""

import json
from pathlib import Path

import pytest

from features.documents import DocumentError, parse_document
from features.spec import FeatureSpec
from serving.policy import Known, Policy
from serving.release import load_release
from serving.rules import Rule
from serving.rules.names import FIXED_NAMES, RANGES, WORDS
from serving.rules.rule import fault_in, nonsense_in
from tests.serving.lender import POLICY
from tests.serving.small_releases import build_small
from tests.serving.test_policy import FEATURES, MODELS
from training.spec import ModelsSpec


@pytest.mark.parametrize(
    ("when", "column", "problem"),
    [
        (
            "context.liveness == 'pass'",
            21,
            "never 'pass'; expected one of passed, failed, unanswered; did you",
        ),
        ("'ok' != context.device", 1, "never 'ok'; expected one of passed, failed, unanswered"),
        ("context.voice_print in ['failed', 'none']", 35, "context.voice_print is never 'none'"),
        ("grade == 'F'", 10, "grade is never 'F'; expected one of A, B, C, D, E"),
        ("score < 50 or not grade == 'b'", 28, "did you mean 'B'?"),
        ("request.purpose == 'Car'", 20, "expected a code as requests give it"),
        ("request.purpose == ''", 20, "request.purpose is never ''"),
        ("request.purpose not in ['car', 'my car']", 32, "request.purpose is never 'my car'"),
        ("score > 100", 9, "score is from 0 to 100: `> 100` is the same for everybody"),
        ("score < 0", 9, "`< 0` is the same"),
        ("101 <= score", 1, "`>= 101` is the same"),
        ("score between 101 and 1000", 15, "`>= 101` is the same for everybody"),
        ("score between -10 and 1000", 15, "`>= -10` is the same for everybody"),
        ("score >= -5", 10, "`>= -5` is the same"),
        ("probability > 5", 15, "probability is from 0 to 1"),
        ("probability > 3 * 10 / 2", 22, "`> 15`"),
        ("probability in [0.5, 50]", 22, "`== 50`"),
        ("context.business_date between 2026-01-01 and 2025-01-01", 46, "`>= 2026-01-01` and `<= 2025-01-01` at once"),
        ("score between 60 and 40", 22, "score is never `>= 60.0` and `<= 40.0`"),
        ("request.amount > 5 and (context.paused and request.amount < 5)", 61, "never `> 5.0` and `< 5.0`"),
        ("request.amount == 5 and request.amount >= 6", 43, "never `>= 6.0` and `== 5.0`"),
        ("request.amount > 5 or true", 23, "the same for everybody; expected a name in it"),
        ("request.amount > 5 and 1 < 2", 26, "the same for everybody"),
        ("not (1 in [1, 2]) or context.paused", 1, "the same for everybody"),
    ],
)
def test_what_can_never_hold_is_told_with_what_was_expected(when: str, column: int, problem: str) -> None:
    assert fault_in(when, "boolean", FIXED_NAMES) is None
    found = nonsense_in(when)
    assert found is not None
    assert found.startswith(f"column {column}: ")
    assert problem in found


@pytest.mark.parametrize(
    "when",
    [
        "context.liveness != 'passed' or context.device in ['failed', 'unanswered']",
        "grade in ['D', 'E'] and request.purpose == 'car_2'",
        "score between 0 and 40 or score <= 100",
        "probability >= 1 or probability > 0.3 or probability == 0",
        "score between 90 and 1000",
        "score between -10 and 25",
        "probability between 0.5 and 1.5",
        "request.amount between 5 and 5",
        "request.amount > 5 and request.exposure < 5",
        "request.amount > 5 or request.amount < 3",
        "not (request.amount > 5) and request.amount < 3",
        "context.paused == true and context.listed",
        "score / 100 > 0.5 and 2 * score > 150",
        "context.business_date >= 2026-01-01 and context.business_date < 2027-01-01",
        "request.amount is missing",
    ],
)
def test_what_holds_for_some_is_taken(when: str) -> None:
    assert fault_in(when, "boolean", FIXED_NAMES) is None
    assert nonsense_in(when) is None


def test_what_is_known_of_names_is_of_names_that_there_are() -> None:
    assert {name for name, kind in FIXED_NAMES.items() if kind == "text"} == {*WORDS, "request.purpose"}
    assert all(FIXED_NAMES[name] == "number" for name in RANGES)


def test_a_file_is_refused_with_its_line_and_a_release_that_has_such_a_rule_still_answers(tmp_path: Path) -> None:
    context = Known(
        parse_document(FEATURES, FeatureSpec, "features.yaml"), parse_document(MODELS, ModelsSpec, "models.yaml")
    )
    text = POLICY.replace("request.amount > 3_500", "context.liveness == 'pass'")
    with pytest.raises(DocumentError, match=r"policy\.yaml:\d+: risk\.rules\.1\.when: rule LARGE_AMOUNT: column 21"):
        parse_document(text, Policy, "policy.yaml", context=context)
    rule = {"id": "NEVER", "when": "grade == 'F'", "outcome": "review", "en": "a", "zh": "b"}
    sha = build_small(tmp_path, risk={"rules": [Rule.model_validate(rule)]})
    assert "grade == 'F'" in json.dumps(json.loads((tmp_path / sha / "policy.json").read_text()))
    assert load_release(tmp_path / sha).policy.risk is not None
