from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from monitoring.silence import to_usual

MONDAY = date(2010, 3, 1)


def decisions(*days: date) -> pl.DataFrame:
    times = [datetime(day.year, day.month, day.day, 12, tzinfo=UTC) for day in days]
    return pl.DataFrame({"decided_at": pl.Series(times, dtype=pl.Datetime("us", "UTC"))})


def weekdays(weeks: int, each: int) -> list[date]:
    """So many decisions on every working day of the weeks before MONDAY."""
    days = [MONDAY - timedelta(days=back) for back in range(1, 7 * weeks + 1)]
    return [day for day in days if day.weekday() < 5 for _ in range(each)]


def test_a_silent_working_day_is_surely_below_the_usual() -> None:
    (found,) = to_usual(decisions(*weekdays(8, 20)), MONDAY)
    assert (found.value, found.n) == (0.0, 20)
    assert found.high == pytest.approx(3.689 / 20, abs=1e-4)


def test_a_usual_day_is_1() -> None:
    (found,) = to_usual(decisions(*weekdays(8, 20), *[MONDAY] * 20), MONDAY)
    assert found.value == 1
    assert found.low < 1 < found.high


def test_a_day_off_is_not_silent() -> None:
    assert to_usual(decisions(*weekdays(8, 20)), MONDAY + timedelta(days=6)) == []


def test_a_lasting_silence_does_not_become_usual() -> None:
    (found,) = to_usual(decisions(*weekdays(8, 20)), MONDAY + timedelta(weeks=10))
    assert found.n == 20


def test_without_traffic_nothing_is_usual() -> None:
    assert to_usual(decisions(), MONDAY) == []
    assert to_usual(decisions(MONDAY, MONDAY), MONDAY) == []
