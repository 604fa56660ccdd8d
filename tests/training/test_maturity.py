"""Which months wait for labels, and what training makes of one that does."""

from datetime import UTC, date, datetime, timedelta

import polars as pl

from tests.training.made_up import AS_OF, COLUMNS, frame, spec
from training.labels import labels
from training.spec import Recorded
from training.train import train

CALLS = spec(observations="calls", label=Recorded(kind="recorded", table="results", column="late"))
DELAY = timedelta(days=20)
"""From an observation to its outcome, as a rule."""


def months_known(as_of: date, never: frozenset[int] = frozenset()) -> dict[str, bool]:
    """Whether each month with a label known at `as_of` is whole; an observation every other day from March on.

    The outcomes of the observations `never` never come.
    """
    days = [datetime(2024, 3, 1, tzinfo=UTC) + timedelta(days=2 * number) for number in range(45)]
    calls = pl.DataFrame({"id": range(45), "event_timestamp": days, "created_timestamp": days})
    known = [day + DELAY for day in days]
    results = pl.DataFrame(
        {"id": range(45), "event_timestamp": known, "created_timestamp": known, "late": [n % 3 == 0 for n in range(45)]}
    )
    tables = {
        name: table.with_columns(pl.col("event_timestamp", "created_timestamp").dt.cast_time_unit("us"))
        for name, table in {"calls": calls, "results": results.filter(~pl.col("id").is_in(list(never)))}.items()
    }
    found = labels(CALLS, tables, "id", as_of)
    return dict(found.select(pl.col("event_timestamp").dt.strftime("%m"), "whole_month").unique().sort(pl.all()).rows())


def test_a_month_is_whole_when_its_last_label_has_come() -> None:
    assert months_known(date(2024, 3, 31)) == {"03": False}
    assert months_known(date(2024, 4, 19)) == {"03": False}
    assert months_known(date(2024, 4, 20)) == {"03": True}
    assert months_known(date(2024, 4, 30)) == {"03": True, "04": False}
    assert months_known(date(2024, 5, 31)) == {"03": True, "04": True, "05": False}


def test_a_label_that_never_comes_holds_its_month_open_only_as_long_as_labels_usually_take() -> None:
    missing = frozenset({15})  # observed on 31 March
    assert months_known(date(2024, 4, 19), missing) == {"03": False}
    assert months_known(date(2024, 4, 20), missing) == {"03": True}


def test_a_partly_labelled_month_is_learned_from_but_not_tested_on() -> None:
    june = pl.col("event_timestamp").dt.month() == 6
    partly = frame().with_columns(whole_month=~june).filter(~june | (pl.col("loan_id") % 2 == 0))
    trained = train("risk", spec(), partly, COLUMNS, [], AS_OF)
    assert trained.report.held_out_months == ("2024-04", "2024-05")
    assert trained.report.held_out_why.startswith("whole months")
    assert (trained.report.last_month, trained.report.validated.last_month) == ("2024-06", "2024-04")
    assert trained.held_out["event_timestamp"].dt.month().unique().to_list() == [5]


def test_without_a_whole_month_the_report_says_that_the_test_was_on_a_part() -> None:
    partly = frame().with_columns(whole_month=pl.lit(False))
    report = train("risk", spec(), partly, COLUMNS, [], AS_OF).report
    assert report.held_out_months == ("2024-05", "2024-06")
    assert report.held_out_why.startswith("months some of whose labels are still to come")
