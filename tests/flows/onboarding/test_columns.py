"""What a header and a column of a flat file are taken for."""

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.permitted import select
from features.portfolio import open_portfolio
from flows.onboarding.folder import new_portfolio
from flows.onboarding.leakage import separation
from flows.onboarding.names import normalised
from flows.onboarding.plan import Plan, make_plan
from flows.onboarding.vocabulary import is_personal, is_protected
from tests.flows.flat_files import asked, nasty, plain, write

NASTY = {"name": "nasty", "id": "Customer ID", "time": "app.date", "label": "default"}


def roles(plan: Plan) -> dict[str, str]:
    return {column.header: column.role for column in plan.columns}


@given(st.lists(st.text(max_size=80), max_size=30))
def test_names_are_accepted_everywhere_and_distinct(headers: list[str]) -> None:
    names = normalised(headers)
    assert len(set(names)) == len(headers)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) and len(name) <= 55 for name in names)
    assert normalised(headers) == names


def test_names_stay_readable() -> None:
    headers = [
        "Annual Income ($)",
        "annual.income",
        "select",
        "2nd",
        "",
        "年龄",
        "收货人",
        "émail",
        "maritalStatus",
        "event_timestamp",
    ]
    assert normalised(headers) == [
        "annual_income", "annual_income_2", "select_field", "n_2nd", "column_5", "age", "column_7", "email",
        "marital_status", "event_timestamp_field",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "header", ["sex", "Gender", "AGE", "customer_age", "maritalStatus", "education", "race", "民族", "婚姻状况"]
)
def test_protected_names_are_recognised(header: str) -> None:
    assert is_protected(header)


@pytest.mark.parametrize(
    "header", ["usage", "account_age", "mortgage", "average", "loan_purpose_education", "账户年龄", "sextant"]
)
def test_other_names_are_not_protected(header: str) -> None:
    assert not is_protected(header)


def test_personal_names_are_recognised() -> None:
    assert [is_personal(name) for name in ("first name", "手机号", "email", "product name")] == [
        True,
        True,
        True,
        False,
    ]


def test_every_column_of_a_nasty_file_is_treated_rightly(tmp_path: Path) -> None:
    plan = make_plan(asked(write(nasty(), tmp_path / "n.csv"), **NASTY))
    found = roles(plan)
    features = [
        "Annual Income ($)",
        "",
        "select",
        "2nd income",
        "贷款用途",
        "employer",
        "opened",
        "has card",
        "Select",
        "zip",
        "SELECT",
    ]
    assert [header for header, role in found.items() if role == "feature"] == features
    assert [header for header, role in found.items() if role == "protected"] == ["性别", "Age (years)"]
    assert [header for header, role in found.items() if role == "leak"] == ["closed date", "recovered"]
    assert [header for header, role in found.items() if role == "personal"] == ["email"]
    assert [header for header, role in found.items() if role == "dropped"] == ["notes", "const", "empty"]
    why = {column.header: column.why for column in plan.columns}
    assert why["recovered"] == "alone tells the outcome (AUC 1.000): surely written after it"
    assert "later than the row's own time" in why["closed date"]
    assert why["notes"].startswith("id or free text: 3,000 different values")
    assert [column.name for column in plan.columns if column.header in ("select", "Select", "SELECT")] == [
        "select_field", "select_field_2", "select_field_3",
    ]  # fmt: skip


def test_a_leak_may_be_not_monotone_or_hide_in_what_is_missing() -> None:
    draw = np.random.default_rng(0)
    outcome = (draw.random(4000) < 0.2).astype(np.int8)
    middle = pl.Series(np.where(outcome == 1, 0.0, draw.choice([-1, 1], 4000) * draw.uniform(1, 2, 4000)))
    assert separation(middle, outcome) > 0.98
    assert separation(pl.Series([None if event else 1.0 for event in outcome]), outcome) > 0.98
    assert separation(pl.Series(draw.normal(size=4000) + outcome), outcome) == pytest.approx(0.76, abs=0.03)
    assert separation(pl.Series([f"text {place}" for place in range(4000)]), outcome) < 0.55


def test_protected_columns_may_be_named_and_reach_no_model(tmp_path: Path) -> None:
    file = write(plain(club=["a", "b", "c"] * 1000), tmp_path / "p.csv")
    new_portfolio(asked(file, protected=("club",)), tmp_path / "all")
    spec = open_portfolio(tmp_path / "all", "made_up").features
    assert spec.tables["records"].columns["club"].uses == ("fairness",)
    assert [column.name for column in select(spec, "risk")] == ["x"]
    assert [column.name for column in select(spec, "groups")] == ["club"]
