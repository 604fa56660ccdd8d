"""Transforms of how a row's total is made up, beside plain loops."""

import math
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.spec import EVENT
from features.transforms.registry import BUILT_IN, Rows, TransformError
from tests.features.small import KEY

COLUMNS = ["a", "b", "c"]
TYPES = dict.fromkeys([*COLUMNS, "t"], "float")
numbers = st.one_of(st.none(), st.just(0.0), st.floats(-1e6, 1e6).map(lambda value: round(value, 2)))
rows = st.lists(st.tuples(numbers, numbers, numbers, numbers), min_size=1, max_size=12)


def run(name: str, frame: pl.DataFrame, **written: Any) -> list[Any]:
    transform = BUILT_IN[name]
    given = transform.checked({"columns": COLUMNS} | written, TYPES)
    return frame.with_columns(feature=transform.expression(Rows(KEY, EVENT), given))["feature"].to_list()


def near(value: float | None) -> Any:
    return None if value is None else pytest.approx(value, rel=1e-9, abs=1e-9)


@settings(max_examples=80, deadline=None)
@given(rows)
def test_a_mixture_is_the_loop_over_the_rows_columns(found: list[tuple[float | None, ...]]) -> None:
    frame = pl.DataFrame(found, schema=dict.fromkeys([*COLUMNS, "t"], pl.Float64), orient="row")
    computed = {name: run(name, frame) for name in ("sum_of", "entropy", "concentration", "columns_used")}
    share = run("share_of_columns", frame, total="t")
    for place, (*parts, total) in enumerate(found):
        known = [value for value in parts if value is not None]
        shares = [value / sum(v for v in known if v > 0) for value in known if value > 0]
        assert computed["sum_of"][place] == near(sum(known) if known else None)
        assert computed["columns_used"][place] == len(shares)
        assert computed["concentration"][place] == near(sum(one**2 for one in shares) if shares else None)
        assert computed["entropy"][place] == near(
            -sum(one * math.log(one) for one in shares if one) / math.log(3) if shares else None
        )
        of_total = sum(known) / total if known and total is not None and total > 0 else None
        assert share[place] == near(of_total)


def test_a_mixture_is_between_all_in_one_and_all_alike() -> None:
    frame = pl.DataFrame({"a": [5.0, 1.0], "b": [0.0, 1.0], "c": [None, 1.0]})
    assert run("entropy", frame) == [0, pytest.approx(1)]
    assert run("concentration", frame) == [1, pytest.approx(1 / 3)]


def test_a_mixture_needs_two_columns_that_there_are() -> None:
    with pytest.raises(TransformError, match="columns"):
        BUILT_IN["entropy"].checked({"columns": ["a"]}, TYPES)
    with pytest.raises(TransformError, match="no column 'z'"):
        BUILT_IN["entropy"].checked({"columns": ["a", "z"]}, TYPES)
