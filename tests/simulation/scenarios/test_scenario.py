"""Scenarios parse, and say what is wrong with one."""

from pathlib import Path

import pytest

from simulation.scenarios.scenario import ScenarioError, load, names, parsed

GOOD = {"name": "mine", "about": "A test."}


def test_a_dozen_ship_and_parse() -> None:
    assert len(names()) >= 12
    assert {load(name).name for name in names()} == set(names())
    assert all(load(name).about for name in names())


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        ({"economi": {}}, "economi"),
        ({"economy": {"recession": {"month": 3, "dept": 0.1}}}, "economy.recession.dept"),
        ({"population": {"minority": 1.5}}, "population.minority"),
        ({"name": "../mine"}, "name"),
        ({"start": "2024-01-15"}, "first of a month"),
        ({"records": {"outages": [{"month": 1, "days": 2, "table": "transaction"}]}}, "no raw table 'transaction'"),
        ({"records": {"outages": [{"month": 1, "days": 2, "table": "true_people"}]}}, "no raw table 'true_people'"),
        ({"records": {"drifts": [{"month": 1, "table": "bureau", "column": "score", "factor": 2}]}}, "bureau_score"),
        ({"records": {"outages": [{"month": 1, "days": 2, "table": "economy"}]}}, "economy is a reference table"),
        ({"records": {"outages": [{"month": 1, "days": 10**9, "table": "logins"}]}}, "records.outages.0.days"),
        ({"records": {"late_days": 10**9}}, "records.late_days"),
        ({"economy": {"base_rate": float("nan")}}, "economy.base_rate"),
        ({"economy": {"base_rate": 50}}, "economy.base_rate"),
        ({"economy": {"rate_shock": {"month": 1, "points": float("inf")}}}, "economy.rate_shock.points"),
        ({"marketing": {"effect": float("inf")}}, "marketing.effect"),
        ({"rules": [{"rule": "contact_cap_month", "value": float("nan")}]}, "rules.0.value"),
        ({"rules": [{"rule": "rate_cap", "value": -0.1}]}, "rules.0.value"),
        ({"start": "1965-01-01"}, "give a year from 1970 to 2199"),
        ({"start": "9999-11-01"}, "give a year from 1970 to 2199"),
    ],
)
def test_a_wrong_scenario_is_told_by_its_key(extra: dict[str, object], told: str) -> None:
    with pytest.raises(ScenarioError, match=told):
        parsed({**GOOD, **extra}, "mine.yaml")


@pytest.mark.parametrize(
    "content",
    [
        b"name: [",
        b"- a list",
        b"\xff\xfe\x00",
        b"start: 2024-13-01",
        b"a: " + b"[" * 5_000,
        b"name: a\nabout: b\nrecords: {late: 0.1}\nrecords: {corrected: 0.1}",
    ],
)
def test_a_file_that_is_no_scenario(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "mine.yaml"
    file.write_bytes(content)
    with pytest.raises(ScenarioError, match=r"mine\.yaml"):
        load(str(file))


def test_one_of_your_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("name: mine\nabout: A test.\neconomy: {base_rate: 0.05}\n", encoding="utf-8")
    assert load(str(file)).economy.base_rate == 0.05


def test_an_unknown_name_names_the_others() -> None:
    with pytest.raises(ScenarioError, match="quiet"):
        load("calm")
