"""Transforms of an entity's history, beside plain loops over the same rows."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.spec import EVENT
from features.transforms.registry import BUILT_IN, Rows
from tests.features.small import KEY, history

Number = float | None
Past = Sequence[Number]  # the entity's values up to this row, oldest first
ROWS = Rows(KEY, EVENT)


def known(values: Past) -> list[float]:
    return [value for value in values if value is not None]


def back(past: Past, periods: int) -> Number:
    return past[-1 - periods] if len(past) > periods else None


def mean(past: Past) -> Number:
    there = known(past[-3:])
    return sum(there) / len(there) if there else None


def std(past: Past) -> Number:
    there = known(past[-3:])
    if len(there) < 2:
        return None
    middle = sum(there) / len(there)
    return math.sqrt(sum((value - middle) ** 2 for value in there) / (len(there) - 1))


def slope(past: Past) -> Number:
    points = [(place, value) for place, value in enumerate(past[-4:]) if value is not None]
    if len(points) < 2:
        return None
    x, y = (sum(point[axis] for point in points) / len(points) for axis in (0, 1))
    return sum((a - x) * (b - y) for a, b in points) / sum((a - x) ** 2 for a, _ in points)


def streak(past: Past) -> Number:
    length = 0
    for value in reversed(past):
        if value is None or value < 2:
            break
        length += 1
    return length


def since(past: Past) -> Number:
    return next((step for step, value in enumerate(reversed(past)) if value is not None and value >= 2), None)


def days_since(past: Past) -> Number:
    return next((31 * step for step, value in enumerate(reversed(past)) if step and value is not None), None)


def part_mean(values: Past) -> Number:
    there = known(values)
    return sum(there) / len(there) if there else None


def momentum(past: Past) -> Number:
    recent, earlier = part_mean(past[-2:]), part_mean(past[-4:-2])
    return None if recent is None or earlier is None else recent - earlier


def change(past: Past) -> Number:
    now, then = past[-1], back(past, 2)
    return None if now is None or then is None else now - then


LOOPS: list[tuple[str, dict[str, Any], Callable[[Past], Number]]] = [
    ("lag", {"periods": 2}, lambda past: back(past, 2)),
    ("change", {"periods": 2}, change),
    ("trailing_mean", {"window": 3}, mean),
    ("trailing_max", {"window": 3}, lambda past: max(known(past[-3:]), default=None)),
    ("trailing_min", {"window": 3}, lambda past: min(known(past[-3:]), default=None)),
    ("trailing_sum", {"window": 3}, lambda past: sum(known(past[-3:])) if known(past[-3:]) else None),
    ("trailing_std", {"window": 3}, std),
    ("trend", {"window": 4}, slope),
    ("streak", {"at_least": 2}, streak),
    ("count_within", {"window": 3, "at_least": 2}, lambda past: sum(value >= 2 for value in known(past[-3:]))),
    ("count_within", {"window": 2, "at_most": 0}, lambda past: sum(value <= 0 for value in known(past[-2:]))),
    ("rows_since", {"at_least": 2}, since),
    ("ever", {"at_least": 2}, lambda past: float(any(value >= 2 for value in known(past)))),
    ("days_since", {}, days_since),
    ("momentum", {"window": 2}, momentum),
]
numbers = st.one_of(st.none(), st.integers(-3, 3).map(float), st.floats(-1e6, 1e6).map(lambda value: round(value, 3)))
entities = st.lists(st.lists(numbers, min_size=1, max_size=9), min_size=1, max_size=4)


def computed(name: str, arguments: dict[str, Any], frame: pl.DataFrame) -> pl.Series:
    transform = BUILT_IN[name]
    given = transform.checked({"column": "amount"} | arguments, {"amount": "float"})
    ordered = frame.sort(KEY, EVENT)
    return ordered.with_columns(feature=transform.expression(ROWS, given))["feature"]


@pytest.mark.parametrize(("name", "arguments", "loop"), LOOPS, ids=[f"{name} {given}" for name, given, _ in LOOPS])
@settings(max_examples=60, deadline=None)
@given(values=entities)
def test_a_transform_is_the_loop_over_the_entitys_rows(
    name: str, arguments: dict[str, Any], loop: Callable[[Past], Number], values: list[list[Number]]
) -> None:
    frame = pl.concat([history(one, client=client) for client, one in enumerate(values)])
    expected = [loop(one[: place + 1]) for one in values for place in range(len(one))]
    scale = max((abs(value) for one in values for value in known(one)), default=1.0)
    for found, wanted in zip(computed(name, arguments, frame), expected, strict=True):
        assert (found is None) == (wanted is None)
        assert found is None or found == pytest.approx(wanted, rel=1e-9, abs=1e-9 * max(scale, 1.0))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=9), st.integers(0, 2))
def test_trailing_ratio_sums_the_rows_that_have_both(pairs: list[tuple[Number, Number]], lag: int) -> None:
    frame = history([above for above, _ in pairs]).with_columns(due=pl.Series([b for _, b in pairs], dtype=pl.Float64))
    transform = BUILT_IN["trailing_ratio"]
    written = {"numerator": "amount", "denominator": "due", "window": 3, "lag": lag}
    given = transform.checked(written, {"amount": "float", "due": "float"})
    found = frame.with_columns(feature=transform.expression(ROWS, given))["feature"]
    for place, value in enumerate(found):
        both = [
            (pairs[at][0], pairs[at - lag][1])
            for at in range(max(0, place - 2), place + 1)
            if at >= lag and pairs[at][0] is not None and pairs[at - lag][1] is not None
        ]
        total = sum(below for _, below in both)  # type: ignore[misc]
        if total > 1e-3:
            assert value == pytest.approx(sum(above for above, _ in both) / total, rel=1e-6, abs=1e-6)  # type: ignore[misc]
        elif total < -1e-3 or not both:
            assert value is None


def test_a_payment_is_divided_by_the_bill_before() -> None:
    frame = history([10.0, 20.0, 30.0]).with_columns(due=pl.Series([40.0, 0.0, 5.0]))
    transform = BUILT_IN["lagged_ratio"]
    written = {"numerator": "amount", "denominator": "due", "lag": 1}
    given = transform.checked(written, {"amount": "float", "due": "float"})
    assert frame.select(transform.expression(ROWS, given)).to_series().to_list() == [None, 0.5, None]


def test_the_shares_of_a_limit() -> None:
    frame = history([10.0, 30.0, 20.0]).with_columns(
        due=pl.Series([100.0, 100.0, 0.0]), minus=pl.Series([1.0, 2.0, 3.0])
    )
    types = {"amount": "float", "due": "float", "minus": "float"}

    def run(name: str, **written: Any) -> list[Number]:
        transform = BUILT_IN[name]
        return frame.select(transform.expression(ROWS, transform.checked(written, types))).to_series().to_list()

    assert run("change_ratio", column="amount", scale="due") == [None, 0.2, None]
    assert run("net_ratio", column="amount", minus="minus", scale="due", lag=1) == [None, 0.08, None]
    assert run("net_ratio", column="amount", minus="minus", scale="due", periods=1) == [None, 0.09, 0.28]
    assert run("trend", column="amount", window=2, scale="due") == [None, 0.2, None]
    assert run("rows_before") == [0.0, 1.0, 2.0]
