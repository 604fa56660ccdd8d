"""Which rows are to be written: what became known, the newest of each entity, and nothing stale."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from features.calendar import cutoff
from features.lake import Lake
from features.store.slices import slices, window
from tests.features.store.made_up import KEY, NAME, VIEW, Row, at, put, rows

FRESH = timedelta(days=400)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def amounts(lake: Lake, as_of: str, since: str | None = None, freshness: timedelta = FRESH) -> dict[str, list[object]]:
    day = date.fromisoformat(as_of)
    wanted = window(day, at(since) if since else None, cutoff(day), freshness)
    parts = list(slices(lake, NAME, VIEW, KEY, wanted))
    return {str(part.done.date()): sorted(part.rows.select(KEY, "amount").rows()) for part in parts}


def fill(lake: Lake, *given: Row) -> None:
    put(lake, rows(*given))


def test_slices_end_with_their_month_and_the_last_with_the_window(lake: Lake) -> None:
    fill(lake, (1, "2024-01-05", "2024-01-05", 1.0, None), (1, "2024-02-05", "2024-02-05", 2.0, None))
    assert amounts(lake, "2024-02-10") == {"2024-02-01": [(1, 1.0)], "2024-02-11": [(1, 2.0)]}


def test_rows_not_known_yet_are_left_out(lake: Lake) -> None:
    fill(lake, (1, "2024-01-05", "2024-01-20", 1.0, None), (1, "2024-01-06", "2024-02-20", 2.0, None))
    assert amounts(lake, "2024-01-19") == {"2024-01-20": []}
    assert amounts(lake, "2024-01-20") == {"2024-01-21": [(1, 1.0)]}


def test_only_what_became_known_since(lake: Lake) -> None:
    fill(lake, (1, "2024-01-05", "2024-01-05", 1.0, None), (2, "2024-01-06", "2024-01-20", 2.0, None))
    assert amounts(lake, "2024-01-31", since="2024-01-10") == {"2024-02-01": [(2, 2.0)]}


def test_the_newest_event_of_an_entity_and_its_last_correction(lake: Lake) -> None:
    fill(
        lake,
        (1, "2024-01-05", "2024-01-09", 1.5, None),
        (1, "2024-01-05", "2024-01-06", 1.0, None),
        (1, "2024-01-02", "2024-01-10", 0.5, None),
    )
    assert amounts(lake, "2024-01-31") == {"2024-02-01": [(1, 1.5)]}


def test_a_late_row_is_written_only_if_it_is_the_newest(lake: Lake) -> None:
    fill(
        lake,
        (1, "2024-01-20", "2024-01-20", 1.0, None),
        (1, "2024-01-10", "2024-02-03", 0.5, None),
        (2, "2024-01-10", "2024-02-03", 2.0, None),
        (2, "2024-01-05", "2024-01-05", 1.0, None),
    )
    assert amounts(lake, "2024-02-29", since="2024-02-01")["2024-03-01"] == [(2, 2.0)]


def test_an_event_known_ahead_is_written_once_it_happens(lake: Lake) -> None:
    fill(lake, (1, "2024-03-15", "2024-01-20", 9.0, None), (2, "2024-03-01", "2024-03-02", 1.0, None))
    assert amounts(lake, "2024-02-28") == {"2024-02-01": []}
    assert amounts(lake, "2024-03-31", since="2024-02-29")["2024-02-01"] == [(1, 9.0)]


def test_what_is_stale_on_the_day_is_not_worth_writing(lake: Lake) -> None:
    fill(lake, (1, "2024-01-01", "2024-01-01", 1.0, None), (2, "2024-01-02", "2024-01-02", 2.0, None))
    assert amounts(lake, "2024-01-11", freshness=timedelta(days=9)) == {"2024-01-12": [(2, 2.0)]}
