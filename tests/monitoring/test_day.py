from datetime import date

import polars as pl

from monitoring.day import Day, daily
from monitoring.metric import SCHEMA
from tests.monitoring.months import RELEASE, SPEC, month_inputs


def day(as_of: date, decisions: pl.DataFrame) -> Day:
    return daily(
        portfolio="cards",
        model="risk",
        kind="risk",
        as_of=as_of,
        release=RELEASE,
        decisions=decisions,
        spec=SPEC,
        history=pl.DataFrame(schema=SCHEMA),
    )


def test_a_day_counts_its_own_decisions_only() -> None:
    decisions = month_inputs().decisions
    rows = {row.label: row for row in day(date(2005, 7, 5), decisions).rows}
    assert rows["decisions"].value == 2000
    assert sum(row.value for row in rows.values() if row.name == "outcome_share") == 1
    assert rows["stale_share"].level == "ok"
    assert {row.period for row in rows.values()} == {"day"}
    assert [(row.name, row.value) for row in day(date(2005, 7, 6), decisions).rows] == [("decisions", 0)]


def test_stale_decisions_are_raised_the_same_day() -> None:
    decisions = month_inputs().decisions.with_columns(stale=pl.int_range(pl.len()) < 200)
    assert day(date(2005, 7, 5), decisions).verdict.level == "yellow"
