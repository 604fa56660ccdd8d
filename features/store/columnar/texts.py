"""Values as text, which Feast's SQL stores keep beside the bytes."""

import pyarrow as pa
from feast.protos.feast.types.Value_pb2 import Value
from feast.value_type import ValueType

from features.store.columnar.types import fitted

_TEXTUAL = {ValueType.STRING, ValueType.INT32, ValueType.INT64, ValueType.DOUBLE, ValueType.FLOAT, ValueType.BOOL}


def texts(column: pa.Array, kind: ValueType, encoded: pa.BinaryArray, name: str) -> list[str | None]:
    """Each value as Python writes it; None where there is none, or its type is not kept as text.

    `encoded` are its bytes.
    """
    if kind not in _TEXTUAL:
        return [None] * len(column)
    values = encoded.to_pylist()
    if (fit := fitted(column, kind, name)) is None:
        return [
            str(getattr(Value.FromString(value), f"{kind.name.lower()}_val")) if value else None for value in values
        ]
    return [str(plain) if value else None for plain, value in zip(fit.to_pylist(), values, strict=True)]
