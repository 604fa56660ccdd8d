"""The newest rows of a day: of everyone, however old, and the same ones when later months are there."""

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from features.customers import EVERYONE
from features.lake import Lake, NoData
from features.newest import Newest
from features.permitted import FeatureColumn
from features.spec import CREATED, EVENT

COLUMNS = (FeatureColumn("fa", "a", "float", 40), FeatureColumn("fb", "b", "float", 40))
MARCH = date(2024, 3, 31)


def keep(lake: Lake, view: str, covers: date, *rows: tuple[int, int, float]) -> None:
    """Rows of customer, day and value, known on that day."""
    days = [datetime(covers.year, covers.month, day, tzinfo=UTC) for _, day, _ in rows]
    ids, values = [one for one, _, _ in rows], [value for _, _, value in rows]
    frame = pl.DataFrame({"id": ids, EVENT: days, CREATED: days, f"f{view}": values})
    digest = f"{view} {covers} {len(rows)}"
    lake.write("p", "features", view, f"{covers:%Y-%m}", frame.sort("id", EVENT), covers=covers, inputs=digest)


def newest(lake: Lake, as_of: date = MARCH) -> Newest:
    return Newest(lake, "p", "id", COLUMNS, as_of)


@pytest.fixture(name="lake")
def quarter(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path)
    for view, march in {"a": [1, 2], "b": [1]}.items():
        keep(lake, view, date(2024, 1, 31), *[(one, 31, 1.0) for one in (1, 2, 3)])
        keep(lake, view, MARCH, *[(one, 15, 2.0) for one in march])
    return lake


def test_a_row_is_read_however_old_it_is(lake: Lake) -> None:
    found = newest(lake).read(EVERYONE)
    assert found.select("id", "fa", "fb").rows() == [(1, 2.0, 2.0), (2, 2.0, 1.0), (3, 1.0, 1.0)]
    assert [(a.month, b.month) for a, b in found.select("event of a", "event of b").iter_rows()] == [
        (3, 3),
        (3, 1),
        (1, 1),
    ]


def test_ranges_are_of_customers_and_not_of_rows(lake: Lake) -> None:
    ranges = newest(lake).ranges(1)
    assert [newest(lake).read(one)["id"].to_list() for one in ranges] == [[1], [2], [3]]
    assert newest(lake).ranges(100) == [EVERYONE]


def test_what_becomes_known_later_is_of_another_book(lake: Lake) -> None:
    middle = date(2024, 3, 20)
    days = {day: (newest(lake, day).made_from(), newest(lake, day).read(EVERYONE)) for day in (middle, MARCH)}
    for view in "ab":
        keep(lake, view, date(2024, 4, 30), (1, 2, 4.0), (9, 2, 4.0))
    assert newest(lake).made_from() == days[MARCH][0]
    assert newest(lake).read(EVERYONE).equals(days[MARCH][1])
    # A month that has filled up since: the rows known by then are the same.
    for view, march in {"a": [1, 2], "b": [1]}.items():
        lake.file("p", "features", view, "2024-03").unlink()
        keep(lake, view, MARCH, *[(one, 15, 2.0) for one in march], (1, 28, 3.0), (5, 30, 3.0))
    assert newest(lake, middle).made_from() == days[middle][0]
    assert newest(lake, middle).read(EVERYONE).equals(days[middle][1])
    assert newest(lake).made_from() != days[MARCH][0]


def test_what_happened_before_and_was_known_later_is_not_the_newest(lake: Lake) -> None:
    late = {1: datetime(2024, 2, 10, tzinfo=UTC), 3: datetime(2024, 2, 10, tzinfo=UTC)}
    for view in "ab":
        frame = pl.DataFrame({"id": list(late), EVENT: list(late.values()), f"f{view}": [7.0, 7.0]})
        frame = frame.select("id", EVENT, pl.lit(datetime(2024, 4, 5, tzinfo=UTC)).alias(CREATED), f"f{view}")
        lake.write("p", "features", view, "2024-04", frame, covers=date(2024, 4, 30), inputs="late")
    found = newest(lake, date(2024, 4, 30)).read(EVERYONE)
    assert found.select("id", "fa", "fb").rows() == [(1, 2.0, 2.0), (2, 2.0, 1.0), (3, 7.0, 7.0)]


def test_a_day_before_or_after_all_features_has_no_book(lake: Lake) -> None:
    for day in (date(2023, 12, 31), date(2024, 4, 1)):
        with pytest.raises(NoData, match="up to 2024-03-31"):
            newest(lake, day).ranges(10)
