"""Transforms of one row's own values, of times, and of the crowd."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.spec import EVENT
from features.transforms.registry import BUILT_IN, Rows, TransformError
from tests.features.small import KEY, TIME

TYPES = {"a": "float", "b": "float", "c": "category", "t": "timestamp", EVENT: "timestamp"}
START = datetime(2024, 3, 1, tzinfo=UTC)


def run(name: str, frame: pl.DataFrame, **written: Any) -> list[Any]:
    transform = BUILT_IN[name]
    expression = transform.expression(Rows(KEY, EVENT), transform.checked(written, TYPES))
    return frame.with_columns(feature=expression)["feature"].to_list()


def numbers(a: list[float | None], b: list[float | None] | None = None) -> pl.DataFrame:
    return pl.DataFrame({"a": a, "b": b or a}, schema={"a": pl.Float64, "b": pl.Float64})


def test_a_ratio_is_missing_where_the_denominator_is_not_positive() -> None:
    frame = numbers([1.0, 1.0, 1.0, None, 9.0], [4.0, 0.0, -2.0, 1.0, 1.0])
    assert run("ratio", frame, numerator="a", denominator="b", most=3) == [0.25, None, None, None, 3.0]


def test_a_ratio_that_overflows_is_missing() -> None:
    assert run("ratio", numbers([1e300], [1e-300]), numerator="a", denominator="b") == [None]


def test_the_logarithm_keeps_the_sign() -> None:
    assert run("log", numbers([0.0, math.e - 1, 1 - math.e, None]), column="a") == pytest.approx([0, 1, -1, None])


def test_limits_and_differences() -> None:
    frame = numbers([1.0, 5.0, None], [2.0, 2.0, 2.0])
    assert run("within", frame, column="a", at_least=2) == [0, 1, None]
    assert run("within", frame, column="a", at_most=1) == [1, 0, None]
    assert run("clip", frame, column="a", least=2, most=4) == [2, 4, None]
    assert run("difference", frame, column="a", minus="b") == [-1, 3, None]
    assert run("share_of_sum", frame, column="a", others=["b"]) == [1 / 3, 5 / 7, None]
    assert run("is_missing", frame, column="a") == [0, 0, 1]


def test_categories() -> None:
    frame = pl.DataFrame({"c": ["x", "y", None, "z"]})
    assert run("category", frame, column="c") == ["x", "y", None, "z"]
    assert run("equals", frame, column="c", value="x") == [1, 0, None, 0]
    assert run("category_number", frame, column="c", order=["y", "x"]) == [1, 0, None, None]
    assert run("frequent_category", frame, column="c", keep=["x"]) == ["x", "other", None, "other"]
    assert run("text_length", frame, column="c") == [1, 1, None, 1]


def test_a_band_has_its_lower_edge() -> None:
    bands = run("band", numbers([24.9, 25.0, 64.0, 65.0, None]), column="a", edges=[25, 65])
    assert bands == ["under 25", "25 to 65", "25 to 65", "65 and over", None]


def test_the_calendar() -> None:
    frame = pl.DataFrame({EVENT: [START], "t": [START - timedelta(days=10)]}, schema={EVENT: TIME, "t": TIME})
    assert run("month", frame) == ["03"]
    assert run("month_number", frame) == [3]
    assert run("day_of_month", frame) == [1]
    assert run("weekday", frame) == [5]
    assert run("days_between", frame, start="t") == [10]
    (sine,), (cosine,) = run("season_sine", frame), run("season_cosine", frame)
    assert sine**2 + cosine**2 == pytest.approx(1)


rows = st.lists(
    st.tuples(st.integers(0, 20), st.floats(-100, 100), st.sampled_from(["x", "y"])), min_size=1, max_size=30
)


@settings(max_examples=60, deadline=None)
@given(rows, st.integers(1, 10))
def test_the_crowd_is_the_rows_of_the_days_before(found: list[tuple[int, float, str]], days: int) -> None:
    found = sorted(found)
    frame = pl.DataFrame(
        {
            EVENT: [START + timedelta(days=day) for day, _, _ in found],
            "a": [a for _, a, _ in found],
            "c": [c for *_, c in found],
        },
        schema={EVENT: TIME, "a": pl.Float64, "c": pl.String},
    )
    count, mean = run("crowd_count", frame, days=days), run("crowd_mean", frame, column="a", days=days)
    share, since = (
        run("crowd_share", frame, column="c", value="x", days=days),
        run("days_since_crowd", frame, days=days),
    )
    over = run("crowd_difference", frame, column="a", days=days)
    for place, (day, a, _) in enumerate(found):
        before = [row for row in found if day - days <= row[0] < day]
        assert count[place] == len(before)
        if not before:
            assert mean[place] is share[place] is since[place] is over[place] is None
            continue
        expected = sum(one for _, one, _ in before) / len(before)
        assert mean[place] == pytest.approx(expected, abs=1e-9)
        assert over[place] == pytest.approx(a - expected, abs=1e-9)
        assert share[place] == pytest.approx(sum(one == "x" for *_, one in before) / len(before))
        assert since[place] == day - max(one for one, *_ in before)


def test_edges_must_rise() -> None:
    with pytest.raises(TransformError, match=r"edges: found .*each above the one before"):
        BUILT_IN["band"].checked({"column": "a", "edges": [5, 5]}, TYPES)
