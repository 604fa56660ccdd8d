"""What a person is warned of when a portfolio is made from their file."""

from pathlib import Path

import pytest

from flows.onboarding.plan import make_plan
from flows.onboarding.tell import warnings
from tests.flows.flat_files import asked, plain, write

ROWS = 600


@pytest.mark.parametrize(("last_day", "warned"), [(12, True), (28, False)])
def test_dates_that_fit_two_orders_of_day_and_month_are_warned_of(tmp_path: Path, last_day: int, warned: bool) -> None:
    days = [f"{1 + row % last_day:02d}/{1 + row // 50:02d}/2023" for row in range(ROWS)]
    told = warnings(make_plan(asked(write(plain(ROWS, day=days), tmp_path / "f.csv"))))
    assert any("times fit %d/%m/%Y and %m/%d/%Y alike" in one for one in told) == warned
