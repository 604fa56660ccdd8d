import pytest
from feast.protos.feast.types.Value_pb2 import Value

from features.store.quick import decoded


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
