"""What reaches training: no month that nothing can use, none missing that something can."""

from datetime import UTC, datetime

import polars as pl
import pytest

from flows.retrain import months_learned, within_reach
from tests.training.made_up import spec
from training.spec import Validation


def known(whole: int, partial: int) -> pl.DataFrame:
    """A labelled row in each month from January on, the last `partial` of them still waiting for labels."""
    months = range(1, whole + partial + 1)
    rows = [(month, datetime(2024, month, 9, tzinfo=UTC), month <= whole) for month in months]
    return pl.DataFrame(rows, schema=["loan_id", "event_timestamp", "whole_month"], orient="row")


@pytest.mark.parametrize(("whole", "partial", "first"), [(12, 0, 7), (10, 2, 5), (11, 1, 6), (3, 0, 1), (0, 2, 1)])
def test_the_longest_window_before_each_judged_whole_month_is_kept(whole: int, partial: int, first: int) -> None:
    asked = spec(windows=(1, 4), validation=Validation(months=2))
    kept = within_reach(known(whole, partial), asked)["loan_id"].to_list()
    assert kept == list(range(first, whole + partial + 1))


@pytest.mark.parametrize(
    ("window", "first", "last", "told"),
    [
        (11, "2024-01", "2024-03", "3 months (2024-01 to 2024-03) of a window of 11"),
        (24, "2023-12", "2024-01", "2 months (2023-12 to 2024-01) of a window of 24"),
        (3, "2024-02", "2024-02", "1 month (2024-02 to 2024-02) of a window of 3"),
        (3, "2023-12", "2024-02", "window 3 months"),
    ],
)
def test_the_months_that_were_there_are_told(window: int, first: str, last: str, told: str) -> None:
    assert months_learned(window, first, last) == told
