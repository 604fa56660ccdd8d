"""Every type that Feast has, as Feast itself writes it: the bytes are compared with its own conversion."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from feast.infra.key_encoding_utils import serialize_entity_key
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.type_map import python_values_to_proto_values
from feast.value_type import ValueType
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st

from features.store.columnar.keys import MissingKey, UnkeyedType, serialized_keys
from features.store.columnar.texts import texts
from features.store.columnar.types import UnfitValue
from features.store.columnar.wire import encoded, timestamps

INT64 = st.integers(-(2**63), 2**63 - 1)
MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1))
NUMBERS: dict[ValueType, tuple[st.SearchStrategy[Any], pa.DataType]] = {
    ValueType.DOUBLE: (st.floats(), pa.float64()),
    ValueType.FLOAT: (st.floats(width=32), pa.float32()),
    ValueType.INT32: (st.integers(-(2**31), 2**31 - 1), pa.int32()),
    ValueType.INT64: (st.integers(-(2**53), 2**53), pa.int64()),
    ValueType.BOOL: (st.booleans(), pa.bool_()),
    ValueType.STRING: (st.text(max_size=200), pa.string()),
    ValueType.BYTES: (st.binary(max_size=200), pa.binary()),
    ValueType.UNIX_TIMESTAMP: (MOMENTS, pa.timestamp("us")),
    ValueType.FLOAT_LIST: (st.lists(st.floats(width=32, allow_nan=False), max_size=40), pa.list_(pa.float32())),
    ValueType.DOUBLE_LIST: (st.lists(st.floats(allow_nan=False), max_size=40), pa.list_(pa.float64())),
}
OTHERS: dict[ValueType, tuple[list[Any], pa.DataType]] = {
    ValueType.INT32_LIST: ([[1, -2], [], None], pa.list_(pa.int32())),
    ValueType.INT64_LIST: ([[1, -(2**40)], [], None], pa.list_(pa.int64())),
    ValueType.BOOL_LIST: ([[True, False], None], pa.list_(pa.bool_())),
    ValueType.STRING_LIST: ([["a", "é"], [], None], pa.list_(pa.string())),
    ValueType.BYTES_LIST: ([[b"a", b"\xff"], None], pa.list_(pa.binary())),
    ValueType.UNIX_TIMESTAMP_LIST: ([[datetime(2024, 1, 1, tzinfo=UTC)], None], pa.list_(pa.timestamp("us", "UTC"))),
    ValueType.UUID: (["0193f5a1-7c1e-7b02-9d55-2f6b1f0e6a10", None], pa.string()),
    ValueType.DECIMAL: ([Decimal("1.50"), None], pa.decimal128(8, 2)),
    ValueType.MAP: (['{"a": 1}', None], pa.string()),
    ValueType.JSON: (['{"a": 1}', None], pa.string()),
}


def as_feast(column: pa.Array, kind: ValueType) -> list[bytes]:
    return [
        one.SerializeToString() for one in python_values_to_proto_values(column.to_numpy(zero_copy_only=False), kind)
    ]


@pytest.mark.parametrize("kind", NUMBERS, ids=lambda kind: kind.name)
@given(data=st.data())
@settings(deadline=None)
def test_a_column_has_the_bytes_of_feast(kind: ValueType, data: st.DataObject) -> None:
    values, type_ = NUMBERS[kind]
    # To Feast a column of nothing but gaps (or of empty bytes) has no type; ours is tested below.
    rows = [data.draw(values.filter(lambda one: one != b"")), *data.draw(st.lists(st.none() | values, max_size=12))]
    column = pa.array(rows, type_)
    assert encoded(column, kind).to_pylist() == as_feast(column, kind)
    assert encoded(pa.concat_arrays([column, column]).slice(1, len(rows)), kind).to_pylist() == [
        *as_feast(column, kind)[1:],
        as_feast(column, kind)[0],
    ]


@pytest.mark.parametrize("kind", OTHERS, ids=lambda kind: kind.name)
def test_what_is_not_encoded_in_bulk_is_feasts_own(kind: ValueType) -> None:
    column = pa.array(*OTHERS[kind])
    assert encoded(column, kind).to_pylist() == as_feast(column, kind)


@pytest.mark.parametrize("kind", NUMBERS, ids=lambda kind: kind.name)
def test_a_column_of_gaps_is_empty(kind: ValueType) -> None:
    type_ = NUMBERS[kind][1]
    if kind != ValueType.UNIX_TIMESTAMP:
        assert encoded(pa.nulls(3, type_), kind).to_pylist() == [b""] * 3
    assert encoded(pa.nulls(0, type_), kind).to_pylist() == []


def test_a_large_integer_beside_a_gap_is_exact() -> None:
    # Feast reads such a column as floating-point numbers, and writes 2⁵³ for 2⁵³ + 1.
    (found, _) = encoded(pa.array([2**53 + 1, None]), ValueType.INT64).to_pylist()
    assert Value.FromString(found).int64_val == 2**53 + 1


@given(st.lists(MOMENTS, min_size=1, max_size=20))
def test_times_are_protobufs(moments: list[datetime]) -> None:
    wanted = []
    for moment in moments:
        time = Timestamp()
        time.FromDatetime(moment)
        wanted.append(time.SerializeToString())
    assert timestamps(pa.array(moments, pa.timestamp("us"))).to_pylist() == wanted


@given(st.lists(st.tuples(INT64, st.text(max_size=20)), min_size=1, max_size=20))
def test_keys_of_two_columns_are_feasts(rows: list[tuple[int, str]]) -> None:
    batch = pa.record_batch({"shop": [shop for _, shop in rows], "customer": [customer for customer, _ in rows]})
    wanted = [
        serialize_entity_key(
            EntityKey(
                join_keys=["shop", "customer"], entity_values=[Value(string_val=shop), Value(int64_val=customer)]
            ),
            3,
        )
        for customer, shop in rows
    ]
    kinds = {"shop": ValueType.STRING, "customer": ValueType.INT64}
    assert serialized_keys(batch, kinds).to_pylist() == wanted


def test_a_key_that_feast_cannot_serialize_is_named() -> None:
    batch = pa.record_batch({"rate": np.array([0.5])})
    with pytest.raises(UnkeyedType, match="found a join key of type DOUBLE"):
        serialized_keys(batch, {"rate": ValueType.DOUBLE})


def test_days_before_1970_are_seconds_before_it() -> None:
    column = pa.array([datetime(1969, 12, 31, tzinfo=UTC) + timedelta(microseconds=5)], pa.timestamp("us", "UTC"))
    assert encoded(column, ValueType.UNIX_TIMESTAMP).to_pylist() == as_feast(column, ValueType.UNIX_TIMESTAMP)


NS = pa.timestamp("ns")
UNLIKE: dict[str, tuple[ValueType, list[Any], pa.DataType]] = {
    "times before 1970 in nanoseconds": (ValueType.UNIX_TIMESTAMP, [-1, -1_500_000_000, 1, None], NS),
    "dates": (ValueType.UNIX_TIMESTAMP, [1, 20_000], pa.date32()),
    "numbers as text": (ValueType.STRING, [1.0, 0.1, None], pa.float64()),
    "booleans as text": (ValueType.STRING, [True, False], pa.bool_()),
    "text as numbers": (ValueType.INT64, ["7"], pa.string()),
    "whole numbers as single ones": (ValueType.FLOAT, [2**60 + 2**36 + 1, 16_777_217], pa.int64()),
    "numbers with fractions": (ValueType.INT32, [1.5, -1.5, None], pa.float64()),
    "numbers too large for a single one": (ValueType.FLOAT, [1e300], pa.float64()),
    "a dictionary of text": (ValueType.STRING, ["a", None, "b"], pa.dictionary(pa.int32(), pa.string())),
    "decimals": (ValueType.DOUBLE, [Decimal("1.50"), None], pa.decimal128(8, 2)),
    "a list of another width": (ValueType.FLOAT_LIST, [[0.1, 1e300], None], pa.large_list(pa.float64())),
}


@pytest.mark.parametrize("case", UNLIKE)
def test_a_column_of_another_type_has_the_bytes_of_feast(case: str) -> None:
    kind, values, type_ = UNLIKE[case]
    column = pa.array(values, type_)
    assert encoded(column, kind).to_pylist() == as_feast(column, kind)


@pytest.mark.parametrize(
    ("kind", "value", "type_"),
    [
        (ValueType.INT32, 2**40 + 7, pa.int64()),
        (ValueType.INT64, 2**63 + 5, pa.uint64()),
        (ValueType.INT64, float("inf"), pa.float64()),
        (ValueType.INT32, 2.0**31, pa.float64()),
        (ValueType.BOOL, 0.5, pa.float64()),
    ],
)
def test_what_does_not_fit_is_refused_as_by_feast(kind: ValueType, value: Any, type_: pa.DataType) -> None:
    column = pa.array([value], type_)
    with pytest.raises((ValueError, OverflowError, AssertionError)):
        as_feast(column, kind)
    with pytest.raises(UnfitValue, match=rf"column 'rate': found .*; expected {kind.name}"):
        encoded(column, kind, "rate")


@pytest.mark.parametrize(
    ("kind", "values", "type_"),
    [
        (ValueType.INT64, [1, None], pa.int64()),
        (ValueType.INT64, [1.0, float("nan")], pa.float64()),
        (ValueType.STRING, ["a", None], pa.string()),
        (ValueType.STRING, [None], pa.null()),
    ],
)
def test_a_missing_key_is_refused(kind: ValueType, values: list[Any], type_: pa.DataType) -> None:
    with pytest.raises(MissingKey, match="column 'id': found 1 of"):
        serialized_keys(pa.record_batch({"id": pa.array(values, type_)}), {"id": kind})


def test_a_key_that_does_not_fit_is_refused() -> None:
    with pytest.raises(UnfitValue, match=r"column 'id': found .*; expected INT32"):
        serialized_keys(pa.record_batch({"id": pa.array([2**40])}), {"id": ValueType.INT32})
    with pytest.raises(UnkeyedType, match="join key 'id': found a column of double, expected STRING"):
        serialized_keys(pa.record_batch({"id": pa.array([0.5])}), {"id": ValueType.STRING})


def test_texts_are_those_of_the_values() -> None:
    for kind, wanted in [(ValueType.INT64, "1"), (ValueType.STRING, "1.0"), (ValueType.DOUBLE, "1.0")]:
        column = pa.array([1.0, None])
        assert texts(column, kind, encoded(column, kind), "x") == [wanted, None]
