"""What the terminal says of a month in which a table was not delivered."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from flows.ingest import ingest
from flows.monitor import carry_out
from tests.features.small import months, portfolio
from tests.flows.test_monitor import verdict, workspace

APRIL = date(2024, 4, 30)


def test_ingest_tells_each_tables_rows_of_the_month(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LENDLOOP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LENDLOOP_PORTFOLIOS", str(tmp_path))
    portfolio(tmp_path, months(10, 3))
    assert ingest("loans", date(2024, 3, 31))["summary"].endswith("0 quarantined; of 2024-03: payments 10")
    assert ingest("loans", date(2024, 4, 15))["summary"].endswith("; of 2024-04: payments 0")


def test_monitor_names_the_model_without_rows(tmp_path: Path) -> None:
    found = verdict("orange")
    (row,) = found.raised
    silent = replace(found, raised=(replace(row, name="rows_to_usual", value=0.0),))
    summary = carry_out(workspace(tmp_path), APRIL, [silent])
    assert summary["summary"] == "orange, 1 alerts; no rows for risk this month"
    assert summary["alerts"] == ["orange: rows_to_usual"]
