"""First limits come from amounts of money only, and the source is told in the file and in the terminal."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.onboarding.first_limits import FirstLimits, first_limits
from flows.onboarding.plan import Plan, make_plan
from flows.onboarding.policy_file import policy_text
from flows.onboarding.tell import tell_plan
from tests.flows.flat_files import asked, plain, write

ROWS = 600
DRAW = np.random.default_rng(4)
MONEY = DRAW.integers(500, 20_000, ROWS)
TO_BEGIN_WITH = {"A": 9000.0, "B": 7500.0, "C": 5000.0, "D": 2500.0, "E": 0.0}


def plan(folder: Path, **columns: Any) -> Plan:
    return make_plan(asked(write(plain(ROWS, **columns), folder / "f.csv")))


def made(folder: Path, **columns: Any) -> FirstLimits:
    return first_limits(plan(folder, **columns))


def test_limits_are_quantiles_of_the_column_of_amounts(tmp_path: Path) -> None:
    found = made(tmp_path, loan_amount=MONEY)
    assert found.source == "the 90, 75, 50 and 25 % quantiles of column 'loan_amount'"
    assert found.by_grade["C"] == pytest.approx(np.median(MONEY), abs=100)
    assert list(found.by_grade) == ["A", "B", "C", "D", "E"]


@pytest.mark.parametrize(
    ("name", "values", "why"),
    [
        ("amount", DRAW.normal(size=ROWS).round(4), "values below 0"),
        ("amount", DRAW.random(ROWS).round(4), "half of its values are below 100"),
        ("loans_limit", DRAW.integers(0, 30, ROWS), "half of its values are below 100"),
        ("loan count", DRAW.integers(0, 3000, ROWS), "its name says 'count'"),
        ("loan rate", DRAW.integers(200, 900, ROWS), "its name says 'rate'"),
        ("amount", DRAW.choice([100, 200, 300], ROWS), "3 different values"),
    ],
)
def test_what_is_no_amount_of_money_is_passed_over(tmp_path: Path, name: str, values: Any, why: str) -> None:
    found = made(tmp_path, **{name: values})
    assert found.by_grade == TO_BEGIN_WITH
    assert found.source.endswith(f"no column holds amounts of money; passed over: {name!r} ({why})")


def test_a_later_column_is_taken_when_the_first_is_none(tmp_path: Path) -> None:
    found = made(tmp_path, amount=DRAW.normal(size=ROWS).round(4), principal=MONEY)
    assert found.source.endswith("of column 'principal'")


def test_a_file_without_any_begins_with_a_number_of_our_own(tmp_path: Path) -> None:
    found = made(tmp_path)
    assert (found.by_grade, found.source) == (
        TO_BEGIN_WITH,
        "shares of 10,000, a number to begin with: no column holds amounts of money",
    )


def test_the_source_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = plan(tmp_path, loan_amount=MONEY)
    assert "# Limits: the 90, 75, 50 and 25 % quantiles of column 'loan_amount'." in policy_text(given)
    tell_plan(given, tmp_path, tmp_path)
    assert "quantiles of column 'loan_amount'" in " ".join(capsys.readouterr().out.split())
