"""Entity keys as Feast serializes them (version 3), a column at once."""

import struct
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from feast.infra.key_encoding_utils import serialize_entity_key_prefix
from feast.value_type import ValueType

from features.store.columnar.wire import fixed, joined, lengths

VERSION = 3
_INTEGERS = {ValueType.INT32: "<i4", ValueType.INT64: "<i8", ValueType.UNIX_TIMESTAMP: "<i8"}


class UnkeyedType(TypeError):
    """A key of a type that Feast cannot serialize; the message names it and what it can be."""


def serialized_keys(batch: pa.RecordBatch, kinds: Mapping[str, ValueType]) -> pa.BinaryArray:
    """The bytes of each row's entity key; `kinds` are the join keys and their types."""
    names = sorted(kinds)
    prefix = serialize_entity_key_prefix(names, VERSION)
    parts = [part for name in names for part in _value(batch.column(name), kinds[name])]
    return joined(prefix, *parts)


def _value(column: pa.Array, kind: ValueType) -> list[pa.Array | bytes]:
    """Type, length and content."""
    number = struct.pack("<I", kind.value)
    if dtype := _INTEGERS.get(kind):
        numbers = pc.cast(column, pa.from_numpy_dtype(np.dtype(dtype))).to_numpy(zero_copy_only=False)
        return [fixed(number + struct.pack("<I", numbers.dtype.itemsize), numbers)]
    if kind in (ValueType.STRING, ValueType.BYTES):
        content = pc.cast(column, pa.binary())
        return [number, fixed(b"", lengths(content).astype("<u4")), content]
    able = [*(one.name for one in _INTEGERS), "STRING", "BYTES"]
    raise UnkeyedType(f"found a join key of type {kind.name}; Feast can serialize {able}")
