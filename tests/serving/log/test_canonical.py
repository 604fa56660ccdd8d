"""Canonical JSON is that of the reference implementation, for whatever value."""

import math
from enum import StrEnum

import numpy as np
import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from serving.log.canonical import CanonicalError, canonical, parse

SAFE = 2**53 - 1
numbers = st.integers(-SAFE, SAFE) | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | numbers | st.text()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=5) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=30,
)


@given(values)
@example({"\U0001f600": 1, "￿": 2, "é": 3, "a": 4})  # UTF-16 order is not UTF-8 order
@example([1.0, -0.0, 1e16, 1e21, 1e-5, 1e-7, 123456789012345680.0, 5e-324, 0.0001, 2.0**53])
@example({"": {'\x00\x1f\x7f"\\/': "\u2028"}})
def test_it_is_what_the_reference_writes(value):
    assert canonical(value) == rfc8785.dumps(value)


@given(values)
def test_it_is_the_same_after_reading_it_back(value):
    assert canonical(parse(canonical(value).decode())) == canonical(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_comes_back_as_itself(value):
    assert parse(canonical(value).decode()) == value


@given(st.dictionaries(st.text(), st.integers(0, 9), min_size=2))
def test_the_order_of_keys_does_not_matter(value):
    assert canonical(value) == canonical(dict(reversed(value.items())))


class Colour(StrEnum):
    RED = "red"


def test_subclasses_of_plain_types_are_written_as_the_plain_type():
    assert canonical({"a": np.float64(1.5), "b": Colour.RED}) == b'{"a":1.5,"b":"red"}'


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, 2**53, -(2**53), 10**30, "\ud800", {1: 2}, b"x", {1, 2}, np.int64(3)]
)
def test_what_json_cannot_hold_is_refused(value):
    for nested in (value, [value], {"key": value}):
        with pytest.raises(CanonicalError, match="expected JSON values"):
            canonical(nested)


def test_endless_nesting_is_refused():
    value: list[object] = []
    for _ in range(5000):
        value = [value]
    with pytest.raises(CanonicalError):
        canonical(value)  # type: ignore[arg-type]
