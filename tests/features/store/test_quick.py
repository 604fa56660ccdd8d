from datetime import UTC, datetime

import pytest
from feast.protos.feast.types.Value_pb2 import Value
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from google.protobuf.timestamp_pb2 import Timestamp  # type: ignore[import-untyped]

from features.store.quick import UNKNOWN, _row, decoded


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Value(double_val=0.1), 0.1),
        (Value(double_val=0.0), 0.0),
        (Value(double_val=-1e300), -1e300),
        (Value(string_val="baker"), "baker"),
        (Value(string_val=""), ""),
        (Value(string_val="zwölf €"), "zwölf €"),
        *((Value(string_val="x" * length), "x" * length) for length in (1, 126, 127, 128, 129, 130, 255, 300)),
        (Value(int32_val=-7), -7),
        (Value(unix_timestamp_val=1_700_000_000), 1_700_000_000),
        (Value(int64_val=7), 7),
        (Value(float_val=0.5), 0.5),
        (Value(bool_val=True), True),
        (Value(), None),
    ],
    ids=str,
)
def test_a_value_is_decoded_as_protobuf_does(value: Value, expected: object) -> None:
    assert decoded(value.SerializeToString()) == expected
    assert decoded(None) is None


@pytest.mark.parametrize("value", [b"\x12\x03\xff\xfe\xfd", b"\x12", b"\x12\x05abc", b")\x00"])
def test_bytes_that_are_no_value_are_refused_as_protobuf_does(value: bytes) -> None:
    with pytest.raises(DecodeError):
        Value().ParseFromString(value)
    with pytest.raises(DecodeError):
        decoded(value)


def test_an_event_at_the_first_moment_of_1970_is_known() -> None:
    at_once, later = Timestamp().SerializeToString(), Timestamp(seconds=1).SerializeToString()
    value = Value(double_val=0.5).SerializeToString()
    assert at_once == b""
    assert _row(at_once, ["rate"], [value]) == (datetime(1970, 1, 1, tzinfo=UTC), {"rate": 0.5})
    assert _row(later, ["rate"], [value]) == (datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), {"rate": 0.5})
    assert _row(None, ["rate"], [None]) == UNKNOWN
