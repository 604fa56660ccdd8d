"""A month in which the table of observations was not delivered is told; one that is rightly empty is not."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from features.documents import parse_document
from monitoring.month import Month, monthly
from monitoring.silence import rows_to_usual
from monitoring.spec import MonitoringSpec
from tests.monitoring.months import SPEC, arrived, month_inputs

YEAR, SEPTEMBER = 2024, date(2024, 9, 30)


def table(*rows: int, lag: int = 0) -> pl.DataFrame:
    """So many rows in each month from January 2024 on, each known `lag` days after its own."""
    days = [datetime(YEAR, month, 10, tzinfo=UTC) for month, n in enumerate(rows, start=1) for _ in range(n)]
    times = pl.Series(days, dtype=pl.Datetime("us", "UTC"))
    return pl.DataFrame({"event_timestamp": times, "created_timestamp": times + timedelta(days=lag)})


def test_rows_are_held_against_the_median_of_the_months_before() -> None:
    (found,) = rows_to_usual(table(*[900] * 2, *[100] * 3, 300, 100, 120, 55), SEPTEMBER)
    assert (found.name, found.n) == ("rows_to_usual", 100)
    assert found.low < found.value == 0.55 < found.high


def test_a_month_without_rows_is_0() -> None:
    (found,) = rows_to_usual(table(*[200] * 8), SEPTEMBER)
    assert (found.value, found.n) == (0, 200)


def test_a_silence_that_lasts_does_not_become_usual() -> None:
    (found,) = rows_to_usual(table(*[200] * 3), SEPTEMBER)
    assert (found.value, found.n) == (0, 200)


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param((50, 50, 50, 50, 0, 50, 50, 50), id="the second in half a year"),
        pytest.param((50, 50, 50, 0, 50, 50, 0, 50), id="the third"),
        pytest.param((50, 50, 50, 50, 50, 0, 70), id="one that lasts, after another"),
        pytest.param((50, 50, 0, 50), id="of a feed that is new"),
    ],
)
def test_an_earlier_silent_month_hides_no_later_one(rows: tuple[int, ...]) -> None:
    (found,) = rows_to_usual(table(*rows), SEPTEMBER)
    assert (found.value, found.n) == (0, 50)


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param((0, 0, 0, 0, 0, 0, 0, 0, 50), id="nothing before"),
        pytest.param((0, 0, 0, 0, 0, 0, 50, 50), id="two months before tell nothing yet"),
        pytest.param((50, 0, 50, 0, 50, 0, 50), id="every second month has none"),
        pytest.param((50, 0, 0, 50, 0, 0, 50), id="a campaign each quarter"),
    ],
)
def test_where_nothing_is_usual_nothing_is_measured(rows: tuple[int, ...]) -> None:
    assert rows_to_usual(table(*rows), SEPTEMBER) == []


def test_rows_that_always_come_later_than_their_month_count_when_they_come() -> None:
    (found,) = rows_to_usual(table(*[200] * 8, lag=35), SEPTEMBER)
    assert found.value == 1
    (found,) = rows_to_usual(table(*[200] * 7, lag=35), SEPTEMBER)
    assert found.value == 0


def test_a_history_that_was_loaded_at_once_is_no_usual_month() -> None:
    loaded = table(*[1000] * 4).with_columns(created_timestamp=pl.lit(datetime(YEAR, 4, 30, tzinfo=UTC)))
    after = table(0, 0, 0, 0, 100, 100, 100, 100, 90)
    (found,) = rows_to_usual(pl.concat([loaded, after], how="vertical_relaxed"), SEPTEMBER)
    assert found.value == pytest.approx(0.9)


def month(rows: int, watched: str = "", **changed: Any) -> Month:
    inputs = month_inputs(arrived=arrived(2000, rows), **changed)
    if rows == 0:
        inputs = replace(inputs, population=inputs.population.clear())
    spec = parse_document(watched, MonitoringSpec, "m.yaml") if watched else SPEC
    return monthly(replace(inputs, spec=spec))


@pytest.mark.parametrize(
    "watched",
    ["", "watch:\n  - {metric: auc, side: below, yellow: 0.1}\n"],
    ids=["with feature_psi watched", "in a file of another metric"],
)
def test_a_month_without_rows_is_orange_whatever_is_watched(watched: str) -> None:
    found = month(0, watched)
    assert [(row.name, row.level) for row in found.verdict.raised] == [("rows_to_usual", "orange")]
    assert found.facts.level == "orange"
    assert "rows_to_usual" in {watch.metric for watch in found.facts.watch}


@pytest.mark.parametrize("rows", [2000, 1])
def test_a_month_with_few_rows_is_no_alert_by_itself(rows: int) -> None:
    assert month(rows).verdict.raised == ()


def test_a_threshold_of_ones_own_counts_in_place_of_it() -> None:
    own = "watch:\n  - {metric: rows_to_usual, side: below, yellow: 0.5, red: 0}\n"
    assert [month(rows, own).verdict.level for rows in (2000, 800, 0)] == ["ok", "yellow", "red"]
    few = "watch:\n  - {metric: rows_to_usual, side: below, yellow: 0.5, orange: 0, minimum: 5000}\n"
    assert month(0, few).verdict.level == "ok"


def test_why_nothing_is_measured_is_told() -> None:
    found = monthly(replace(month_inputs(), arrived=arrived(0, 10)))
    assert found.facts.absent["rows_to_usual"] == "the months before do not tell how many rows are usual"
