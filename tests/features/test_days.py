"""Transforms of an entity's last days, beside plain loops."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.spec import EVENT
from features.transforms.registry import BUILT_IN, Rows
from tests.features.small import KEY, TIME

START = datetime(2024, 3, 1, tzinfo=UTC)
TYPES = {"a": "float", "c": "category"}
rows = st.lists(
    st.tuples(st.integers(1, 3), st.integers(0, 60), st.one_of(st.none(), st.floats(-9, 9)), st.sampled_from("xy")),
    min_size=1,
    max_size=25,
    unique_by=lambda row: row[:2],
)


def run(name: str, frame: pl.DataFrame, **written: Any) -> list[Any]:
    transform = BUILT_IN[name]
    expression = transform.expression(Rows(KEY, EVENT), transform.checked(written, TYPES))
    return frame.with_columns(feature=expression)["feature"].to_list()


@settings(max_examples=80, deadline=None)
@given(rows, st.integers(1, 40))
def test_the_last_days_are_those_of_the_entity_up_to_the_row(found: list[tuple[Any, ...]], days: int) -> None:
    found = sorted(found, key=lambda row: row[:2])
    frame = pl.DataFrame(
        {
            KEY: [key for key, *_ in found],
            EVENT: [START + timedelta(days=day) for _, day, *_ in found],
            "a": [a for *_, a, _ in found],
            "c": [c for *_, c in found],
        },
        schema={KEY: pl.Int64, EVENT: TIME, "a": pl.Float64, "c": pl.String},
    )
    count, where = run("days_count", frame, days=days), run("days_count_where", frame, column="c", value="x", days=days)
    share = run("days_share_where", frame, column="c", value="x", days=days)
    largest, least = run("days_max", frame, column="a", days=days), run("days_min", frame, column="a", days=days)
    for place, (key, day, *_) in enumerate(found):
        inside = [row for row in found if row[0] == key and day - days < row[1] <= day]
        known = [a for *_, a, _ in inside if a is not None]
        hits = sum(c == "x" for *_, c in inside)
        assert count[place] == len(inside)
        assert where[place] == hits
        assert share[place] == pytest.approx(hits / len(inside))
        assert largest[place] == max(known, default=None)
        assert least[place] == min(known, default=None)
