"""Columns in the Arrow type that a type of Feast is encoded from, cast with checks: no value turns into another."""

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc
from feast.value_type import ValueType

from features.store.failures import StoreError

Taken = Callable[[pa.DataType], bool]


class UnfitValue(StoreError):
    """A value that the type of its feature or key cannot hold; the message names both."""


def fitted(column: pa.Array, kind: ValueType, name: str) -> pa.Array | None:
    """The column of `name` as `kind` is encoded; None: another type of Arrow, which is Feast's to convert.

    As in Feast, NaN is missing where whole numbers are expected, and fractions are cut off.
    """
    wanted, taken = _TYPES.get(kind, (None, None))
    if taken is None or not taken(column.type):
        return None
    if wanted is None or column.type == wanted:
        return column
    if pa.types.is_floating(wanted):
        # By way of 64 bits, as Python has it: straight to 32 some whole numbers are rounded otherwise.
        return pc.cast(pc.cast(column, pa.float64(), safe=False), wanted, safe=False)
    if pa.types.is_floating(column.type):
        if pa.types.is_float16(column.type):
            column = pc.cast(column, pa.float32())  # Arrow cuts no fractions of 16 bits
        column = pc.trunc(pc.if_else(pc.is_nan(column), None, column))
    try:
        return pc.cast(column, wanted)
    except pa.ArrowInvalid as error:
        raise unfit(name, kind, error) from error


def unfit(name: str, kind: ValueType, error: Exception) -> UnfitValue:
    """What could not be converted, as an error for a user."""
    text = " ".join(str(error).split())
    return UnfitValue(f"column {name!r}: found {text}; expected {kind.name}: correct the rows, or the type in the view")


def _is_number(found: pa.DataType) -> bool:
    return bool(pa.types.is_integer(found) or pa.types.is_floating(found))


def is_text(found: pa.DataType) -> bool:
    """Whether values are text in one of Arrow's layouts."""
    found = found.value_type if pa.types.is_dictionary(found) else found
    return bool(pa.types.is_string(found) or pa.types.is_large_string(found) or pa.types.is_string_view(found))


def _is_text_or_whole(found: pa.DataType) -> bool:
    return is_text(found) or bool(pa.types.is_integer(found))


def _is_binary(found: pa.DataType) -> bool:
    return bool(pa.types.is_binary(found) or pa.types.is_large_binary(found))


def _is_floats(found: pa.DataType) -> bool:
    listed = pa.types.is_list(found) or pa.types.is_large_list(found) or pa.types.is_fixed_size_list(found)
    return bool(listed and pa.types.is_floating(found.value_type))


_TYPES: dict[ValueType, tuple[pa.DataType | None, Taken]] = {
    ValueType.DOUBLE: (pa.float64(), _is_number),
    ValueType.FLOAT: (pa.float32(), _is_number),
    ValueType.INT32: (pa.int32(), _is_number),
    ValueType.INT64: (pa.int64(), _is_number),
    ValueType.BOOL: (pa.bool_(), pa.types.is_boolean),
    ValueType.STRING: (pa.string(), _is_text_or_whole),
    ValueType.BYTES: (pa.binary(), _is_binary),
    ValueType.UNIX_TIMESTAMP: (None, pa.types.is_timestamp),
    ValueType.DOUBLE_LIST: (None, _is_floats),
    ValueType.FLOAT_LIST: (None, _is_floats),
}
"""The type that is encoded (None: as it is), and which types are cast to it."""
