"""Every type that Feast has, as Feast itself writes it: the bytes are compared with its own conversion."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib.metadata import version
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
TIMES, TEXT, RAW = pa.timestamp("us", "UTC"), pa.string(), pa.binary()
DECIMALS, PAIR = pa.decimal128(8, 2), pa.struct({"a": pa.int64(), "b": pa.string()})
MOMENT = datetime(2024, 1, 1, tzinfo=UTC)
UUID7, UUID1 = "0193f5a1-7c1e-7b02-9d55-2f6b1f0e6a10", "c232ab00-9414-11ec-b3c8-9f68deced846"
LISTED: dict[str, tuple[list[Any], pa.DataType]] = {
    "INT32": ([1, -2], pa.int32()),
    "INT64": ([1, -(2**40)], pa.int64()),
    "BOOL": ([True, False], pa.bool_()),
    "STRING": (["a", "", "é"], TEXT),
    "BYTES": ([b"a", b"\xff"], RAW),
    "UNIX_TIMESTAMP": ([MOMENT, MOMENT - timedelta(days=40_000)], TIMES),
    "UUID": ([UUID7], TEXT),
    "TIME_UUID": ([UUID1], TEXT),
    "DECIMAL": ([Decimal("1.50"), Decimal("-2.00")], DECIMALS),
    "VALUE": ([[1, 2], [], [3]], pa.list_(pa.int64())),
    "JSON": (['{"a": 1}', "[]"], TEXT),
    "STRUCT": ([{"a": 1, "b": "x"}], PAIR),
    "FLOAT": ([0.1, -2.0], pa.float32()),
    "DOUBLE": ([0.1, -2.0], pa.float64()),
}
"""Members of lists and of sets; those that have only one of them, or are encoded in bulk, fall out below."""
OTHERS: dict[ValueType, tuple[list[Any], pa.DataType]] = {
    **{
        kind: ([members, [], None], pa.list_(type_))
        for name, (members, type_) in LISTED.items()
        for kind in ValueType
        if kind.name in (f"{name}_LIST", f"{name}_SET") and kind not in NUMBERS
    },
    ValueType.UUID: ([UUID7, None], TEXT),
    ValueType.TIME_UUID: ([UUID1, None], TEXT),
    ValueType.DECIMAL: ([Decimal("1.50"), None], DECIMALS),
    ValueType.MAP: (['{"a": 1}', None], TEXT),
    ValueType.MAP_LIST: (['[{"a": 1}]', "[]", None], TEXT),
    ValueType.JSON: (['{"a": 1}', None], TEXT),
    ValueType.STRUCT: ([{"a": 1, "b": "x"}, None], PAIR),
    ValueType.PDF_BYTES: ([b"%PDF", b"", None], RAW),
    ValueType.IMAGE_BYTES: ([b"\x89PNG", None], RAW),
    ValueType.UNKNOWN: ([1.5, None], pa.float64()),
}
REFUSED: dict[ValueType, tuple[list[Any], pa.DataType]] = {
    ValueType.NULL: ([None], pa.null()),
    ValueType.SCALAR_MAP: ([[(1, "x")]], pa.map_(pa.int64(), TEXT)),
    ValueType.ZONED_TIMESTAMP: ([MOMENT], TIMES),
}
"""What Feast's engine cannot write from any Arrow column."""


def as_feast(column: pa.Array, kind: ValueType) -> list[bytes]:
    values = python_values_to_proto_values(column.to_numpy(zero_copy_only=False), kind)
    return [one.SerializeToString(deterministic=True) for one in values]


@pytest.mark.parametrize("kind", NUMBERS, ids=lambda kind: kind.name)
@given(data=st.data())
@settings(max_examples=40, deadline=None)  # of as many values as a hundred shorter columns: a column costs as much
def test_a_column_has_the_bytes_of_feast(kind: ValueType, data: st.DataObject) -> None:
    values, type_ = NUMBERS[kind]
    # To Feast a column of nothing but gaps (or of empty bytes) has no type; ours is tested below.
    rows = [data.draw(values.filter(lambda one: one != b"")), *data.draw(st.lists(st.none() | values, max_size=30))]
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


@pytest.mark.parametrize("kind", REFUSED, ids=lambda kind: kind.name)
def test_what_feast_refuses_is_refused(kind: ValueType) -> None:
    column = pa.array(*REFUSED[kind])
    with pytest.raises(Exception, match=r"type|expects datetime|list") as theirs:
        as_feast(column, kind)
    with pytest.raises(Exception, match=re.escape(str(theirs.value))):
        encoded(column, kind)


def test_every_type_of_the_pinned_feast_is_compared() -> None:
    """With another Feast look at the bytes again: they are tied to this one."""
    assert version("feast") == "0.67.0"
    assert {*NUMBERS, *OTHERS, *REFUSED} == set(ValueType)


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
    "numbers of 16 bits": (ValueType.INT64, [np.float16(1.5), np.float16(-1.5), None], pa.float16()),
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
    for value, kind, found in [(0.5, ValueType.STRING, "double"), ("7", ValueType.INT64, "string")]:
        with pytest.raises(UnkeyedType, match=f"join key 'id': found a column of {found}, expected {kind.name}; cast"):
            serialized_keys(pa.record_batch({"id": pa.array([value])}), {"id": kind})


def test_texts_are_those_of_the_values() -> None:
    for kind, wanted in [(ValueType.INT64, "1"), (ValueType.STRING, "1.0"), (ValueType.DOUBLE, "1.0")]:
        column = pa.array([1.0, None])
        assert texts(column, kind, encoded(column, kind), "x") == [wanted, None]
