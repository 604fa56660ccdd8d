"""Transforms that divide one stretch of an entity's history by another, beside plain loops."""

import statistics
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.spec import EVENT
from features.transforms.registry import BUILT_IN, Rows
from tests.features.small import KEY, history

# Amounts in cents, zero or far from it: dividing by what a sum's rounding leaves of zero would prove nothing.
amounts = st.lists(
    st.one_of(st.none(), st.just(0.0), st.integers(100, 10**6).map(lambda cents: cents / 100)), max_size=9
)
entities = st.lists(amounts.filter(bool), min_size=1, max_size=3)


def mean(values: list[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return sum(there) / len(there) if there else None


def over(above: float | None, below: float | None) -> float | None:
    return None if above is None or below is None or below <= 0 else above / below


def variation(past: list[float | None]) -> float | None:
    there = [value for value in past[-3:] if value is not None]
    return over(statistics.stdev(there), mean(past[-3:])) if len(there) > 1 else None


LOOPS: dict[str, tuple[dict[str, Any], Any]] = {
    "momentum_ratio": ({"window": 2}, lambda past: over(mean(past[-2:]), mean(past[-4:-2]))),
    "to_usual": ({"window": 3}, lambda past: over(past[-1], mean(past[-4:-1]))),
    "variation": ({"window": 3}, variation),
}


@pytest.mark.parametrize("name", LOOPS)
@settings(max_examples=60, deadline=None)
@given(values=entities)
def test_a_movement_is_the_loop_over_the_entitys_rows(name: str, values: list[list[float | None]]) -> None:
    arguments, loop = LOOPS[name]
    transform = BUILT_IN[name]
    checked = transform.checked({"column": "amount"} | arguments, {"amount": "float"})
    frame = pl.concat([history(one, client=client) for client, one in enumerate(values)])
    found = frame.with_columns(feature=transform.expression(Rows(KEY, EVENT), checked))["feature"].to_list()
    expected = [loop(one[: place + 1]) for one in values for place in range(len(one))]
    assert found == [None if value is None else pytest.approx(value, rel=1e-9, abs=1e-9) for value in expected]


def test_limits_cut_a_ratio() -> None:
    frame = history([10.0, 1000.0])
    checked = BUILT_IN["to_usual"].checked({"column": "amount", "window": 1, "most": 5}, {"amount": "float"})
    assert frame.select(BUILT_IN["to_usual"].expression(Rows(KEY, EVENT), checked)).to_series().to_list() == [None, 5]
