"""Entity keys as Feast serializes them (version 3), a column at once."""

import struct
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from feast.infra.key_encoding_utils import serialize_entity_key_prefix
from feast.value_type import ValueType
from numpy.typing import NDArray

from features.store.columnar.types import fitted
from features.store.columnar.wire import fixed, joined, lengths, micros
from features.store.failures import StoreError

VERSION = 3
_INTEGERS = {ValueType.INT32: "<i4", ValueType.INT64: "<i8", ValueType.UNIX_TIMESTAMP: "<i8"}


class UnkeyedType(TypeError):
    """A key of a type that Feast cannot serialize; the message names it and what it can be."""


class MissingKey(StoreError):
    """Rows without a key; the message counts them and says what to do."""


def serialized_keys(batch: pa.RecordBatch, kinds: Mapping[str, ValueType]) -> pa.BinaryArray:
    """The bytes of each row's entity key; `kinds` are the join keys and their types."""
    names = sorted(kinds)
    prefix = serialize_entity_key_prefix(names, VERSION)
    check_keys(batch, kinds)
    parts = [part for name in names for part in _value(batch.column(name), kinds[name], name)]
    return joined(prefix, *parts)


def last_of_each(
    batch: pa.RecordBatch, keys: pa.BinaryArray, times: Sequence[str]
) -> tuple[pa.RecordBatch, pa.BinaryArray]:
    """Of rows with the same `keys` the last by `times`, and in the batch where these are equal; most have no others.

    Different values can have one key: of timestamps Feast keeps whole seconds, and cuts the fractions of numbers.
    """
    if pc.count_distinct(keys).as_py() == len(keys):
        return batch, keys
    of_key = keys.dictionary_encode().indices.to_numpy(zero_copy_only=False)
    order = np.lexsort([*(micros(batch.column(name)) for name in reversed(times)), of_key])
    is_last = np.append(np.diff(of_key[order]) != 0, True)
    kept = pa.array(np.sort(order[is_last]))
    return batch.take(kept), keys.take(kept)


def check_keys(rows: pa.RecordBatch | pa.Table, kinds: Mapping[str, ValueType]) -> None:
    """Refuse rows without a key, as Feast's own engine does: one would change the bytes of all others."""
    for name in kinds:
        column = rows.column(name)
        if missing := pc.sum(pc.is_null(column, nan_is_null=True)).as_py():
            raise MissingKey(
                f"column {name!r}: found {missing} of {len(column)} rows without a key, expected one in every row;"
                " leave those rows out of the source"
            )


def _value(column: pa.Array, kind: ValueType, name: str) -> list[pa.Array | bytes]:
    """Type, length and content."""
    number = struct.pack("<I", kind.value)
    if dtype := _INTEGERS.get(kind):
        numbers = _numbers(column, kind, name).astype(dtype)
        return [fixed(number + struct.pack("<I", numbers.dtype.itemsize), numbers)]
    if kind in (ValueType.STRING, ValueType.BYTES):
        content = pc.cast(_fit(column, kind, name), pa.binary())
        return [number, fixed(b"", lengths(content).astype("<u4")), content]
    able = [*(one.name for one in _INTEGERS), "STRING", "BYTES"]
    raise UnkeyedType(f"found a join key of type {kind.name}; Feast can serialize {able}")


def _numbers(column: pa.Array, kind: ValueType, name: str) -> NDArray[np.int64]:
    if kind == ValueType.UNIX_TIMESTAMP:
        if pa.types.is_timestamp(column.type):
            return micros(column) // 1_000_000  # Feast keeps whole seconds
        kind = ValueType.INT64
    found: NDArray[np.int64] = _fit(column, kind, name).to_numpy(zero_copy_only=False)
    return found


def _fit(column: pa.Array, kind: ValueType, name: str) -> pa.Array:
    if (fit := fitted(column, kind, name)) is None:
        raise UnkeyedType(
            f"join key {name!r}: found a column of {column.type}, expected {kind.name}; cast it in the source"
        )
    return fit
