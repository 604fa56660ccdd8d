import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from monitoring.facts import MissingFact, MonthFacts
from monitoring.metric import to_frame
from monitoring.month import monthly
from monitoring.reports import render, write_report
from monitoring.reports.wording import title
from tests.monitoring.months import AS_OF, OBSERVED, SPEC, month_inputs


@pytest.fixture(scope="module")
def facts() -> MonthFacts:
    earlier = monthly(month_inputs(as_of=OBSERVED.date()))
    return monthly(month_inputs(shift=1.0, history=to_frame(earlier.rows))).facts


@pytest.fixture(scope="module")
def page(facts: MonthFacts) -> str:
    return render(facts)


def data(page: str) -> str:
    """The part of the page that is ours: everything before Evidently's own script."""
    return page.partition("</head>")[0]


def test_every_watched_item_and_every_alert_is_in_it(page: str, facts: MonthFacts) -> None:
    for watch in SPEC.watch:
        assert title(watch.metric, "risk") in data(page)
    for feature in facts.features:
        assert feature in data(page)
    assert "sex" in data(page)
    assert "Level: RED" in data(page)
    assert "risk-officer" in data(page)
    assert facts.run in data(page)
    assert facts.release in data(page)


def test_it_needs_no_network(page: str) -> None:
    assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=", page)
    assert "http" not in data(page).replace("http-equiv", "")


def test_the_same_facts_give_the_same_bytes(facts: MonthFacts, page: str) -> None:
    assert render(facts) == page


def test_a_page_that_stands_is_drawn_again_when_a_fact_or_a_byte_of_it_is_another(
    facts: MonthFacts, page: str, tmp_path: Path
) -> None:
    file = tmp_path / "reports" / "page.html"
    assert write_report(facts, file)
    assert file.read_text(encoding="utf-8") == page
    written = file.stat().st_mtime_ns
    assert not write_report(facts, file)
    assert file.stat().st_mtime_ns == written
    file.write_text(page.replace("Level: RED", "Level: OK!"), encoding="utf-8")
    assert write_report(facts, file)
    assert write_report(facts.model_copy(update={"told": ["nobody"]}), file)
    assert write_report(facts, file)
    assert file.read_text(encoding="utf-8") == page


def test_it_is_evidently_s_page_and_little_more(page: str) -> None:
    assert len(data(page)) < 250_000
    assert len(page) < 4_000_000


def test_a_month_without_labels_says_so() -> None:
    shown = data(render(monthly(month_inputs(as_of=AS_OF - timedelta(days=1))).facts))
    assert "no label of a decision became known this month" in shown
    assert "not measured" in shown


def test_an_empty_month_and_columns_and_classes_of_nothing_are_rendered() -> None:
    inputs = month_inputs()
    nothing = inputs.population.with_columns(utilisation=pl.lit(None, pl.Float64))
    single = inputs.labels.with_columns(label=pl.lit(0, pl.Int8))
    empty = inputs.decisions.clear()
    for changed in ({"population": nothing}, {"labels": single}, {"decisions": empty}, {"population": nothing.clear()}):
        assert "Alerts" in data(render(monthly(replace(inputs, **changed)).facts))


def test_a_missing_fact_fails_the_document(facts: MonthFacts) -> None:
    with pytest.raises(MissingFact, match="run is empty"):
        render(facts.model_copy(update={"run": ""}))
    without = tuple(row for row in facts.metrics if row.name != "feature_psi_raw")
    with pytest.raises(MissingFact, match="feature_psi_raw"):
        render(facts.model_copy(update={"metrics": without}))
