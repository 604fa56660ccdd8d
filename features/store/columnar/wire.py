"""Arrow columns as Feast's wire format: the bytes of a protobuf `Value` for each row, a whole column at once.

Bytes equal those of Feast's own `python_values_to_proto_values(…)` and `SerializeToString()`, which tests compare for
every type; but whole numbers beside a gap stay whole and exact, where Feast reads the column as floating-point numbers.
The keys of a map are in order, where Feast has them in one that changes from process to process. A missing value is no
bytes at all, as Feast writes it. Numbers, text, bytes, booleans, timestamps and lists of
floating-point numbers are encoded in bulk; what is left, also such a feature in a column of some other type, goes
through Feast's own conversion, value by value. What does not fit its type is refused, as Feast refuses it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from feast.protos.feast.types.Value_pb2 import Value
from feast.type_map import python_values_to_proto_values
from feast.value_type import ValueType
from numpy.typing import NDArray

from features.store.columnar.types import fitted, unfit

Bytes = NDArray[np.uint8]
Encoder = Callable[[pa.Array, int], pa.BinaryArray]
VARINT, EIGHT, DELIMITED, FOUR = 0, 1, 2, 5
"""Protobuf's wire types."""
_SEVEN_BITS = np.uint64(7)


def encoded(column: pa.Array, kind: ValueType, name: str = "value") -> pa.BinaryArray:
    """The bytes of a `Value` of type `kind` for each row of `column`; empty where the value is missing.

    Raises `UnfitValue`, with the `name` of the column, where one is no value of that type.
    """
    fit = fitted(column, kind, name)
    if fit is None:
        return _by_feast(column, kind, name)
    field, bulk = _ENCODERS[kind]
    return bulk(fit, Value.DESCRIPTOR.fields_by_name[field].number)


def timestamps(column: pa.Array) -> pa.BinaryArray:
    """The bytes of a protobuf `Timestamp` for each row, to the microsecond."""
    seconds, rest = np.divmod(micros(column), 1_000_000)
    parts = [(seconds, 1), (rest * 1_000, 2)]
    # Fields of zero are left out: so protobuf writes a number that has no presence.
    return joined(*(_tagged_varints(part, number, part != 0) for part, number in parts))


def micros(column: pa.Array) -> NDArray[np.int64]:
    """Microseconds since 1970 of a column of timestamps, the last that had begun; 0 where there is none."""
    in_ns = column.type.unit == "ns"
    cast = column.cast(pa.int64()) if in_ns else pc.cast(column, pa.timestamp("us", column.type.tz)).cast(pa.int64())
    found: NDArray[np.int64] = pc.fill_null(cast, 0).to_numpy(zero_copy_only=False)
    return found // 1_000 if in_ns else found  # Arrow's own cast goes up before 1970


def joined(*pieces: pa.BinaryArray | bytes) -> pa.BinaryArray:
    """Row by row, the pieces one after the other; one that is given once is the same in every row.

    Neighbours that are equally wide in all rows become one block of bytes first, which is several times as fast.
    """
    rows = next(len(piece) for piece in pieces if not isinstance(piece, bytes))
    blocks: list[list[Bytes]] = [[]]
    parts: list[pa.BinaryArray | list[Bytes]] = [blocks[-1]]
    for piece in pieces:
        block = _block(piece, rows)
        if block is not None:
            blocks[-1].append(block)
        else:
            blocks.append([])
            parts += [piece, blocks[-1]]
    arrays = [_side_by_side(part, rows) if isinstance(part, list) else part for part in parts if len(part)]
    return arrays[0] if len(arrays) == 1 else pc.binary_join_element_wise(*arrays, b"")


def _block(piece: pa.BinaryArray | bytes, rows: int) -> Bytes | None:
    """A piece as a matrix, a row for each row; None when its rows differ in width."""
    if isinstance(piece, bytes):
        return np.broadcast_to(np.frombuffer(piece, dtype=np.uint8), (rows, len(piece)))
    ends = _offsets(piece)
    width = int(ends[1] - ends[0]) if rows else 0
    if not np.array_equal(np.diff(ends), np.full(rows, width)) or piece.null_count:
        return None
    content = np.frombuffer(piece.buffers()[2] or b"", dtype=np.uint8)
    block: Bytes = content[ends[0] : ends[-1]].reshape(rows, width)
    return block


def _side_by_side(blocks: list[Bytes], rows: int) -> pa.BinaryArray:
    width = sum(block.shape[1] for block in blocks)
    whole, first = np.empty((rows, width), dtype=np.uint8), 0
    for block in blocks:
        whole[:, first : first + block.shape[1]] = block
        first += block.shape[1]
    return binary(whole.ravel(), np.arange(1, rows + 1) * width)


def varints(numbers: NDArray[np.int64]) -> pa.BinaryArray:
    """Each number in protobuf's base 128; a negative one takes ten bytes."""
    return _kept(*_varint_matrix(numbers))


def lengths(column: pa.BinaryArray) -> NDArray[np.int64]:
    """How many bytes each row has."""
    found: NDArray[np.int64] = np.diff(_offsets(column)).astype(np.int64)
    return found


def content(rows: pa.BinaryArray) -> memoryview:
    """All rows' bytes, one after the other, as they lie in memory; of an array that is no slice."""
    return memoryview(rows.buffers()[2])[: int(lengths(rows).sum())]


def binary(data: Bytes, ends: NDArray[np.integer[Any]]) -> pa.BinaryArray:
    """Rows of bytes from all of them in one array and where each ends."""
    offsets = np.zeros(len(ends) + 1, dtype=np.int32)
    offsets[1:] = ends
    return pa.BinaryArray.from_buffers(pa.binary(), len(ends), [None, pa.py_buffer(offsets), pa.py_buffer(data)])


def fixed(head: bytes, numbers: NDArray[Any], kept: NDArray[np.bool_] | None = None) -> pa.BinaryArray:
    """`head` and the number's little-endian bytes for each row; no bytes where it is not `kept`."""
    width = len(head) + numbers.dtype.itemsize
    matrix = np.empty((len(numbers), width), dtype=np.uint8)
    matrix[:, : len(head)] = np.frombuffer(head, dtype=np.uint8)
    matrix[:, len(head) :] = np.ascontiguousarray(numbers)[:, None].view(np.uint8)
    if kept is None or kept.all():
        return binary(matrix.ravel(), np.arange(1, len(numbers) + 1) * width)
    return binary(matrix[kept].ravel(), np.cumsum(kept) * width)


def _fixed_as(wire_type: int) -> Encoder:
    def encode(column: pa.Array, number: int) -> pa.BinaryArray:
        plain = pc.fill_null(column, 0).to_numpy(zero_copy_only=False)
        kept = _is_valid(column) & ~np.isnan(plain)  # to Feast, NaN is missing
        return fixed(_tag(number, wire_type), plain, kept)

    return encode


def _integers(column: pa.Array, number: int) -> pa.BinaryArray:
    plain = pc.fill_null(pc.cast(column, pa.int64()), 0).to_numpy(zero_copy_only=False)
    return _tagged_varints(plain, number, _is_valid(column))


def _unix_seconds(column: pa.Array, number: int) -> pa.BinaryArray:
    missing = np.iinfo(np.int64).min  # what Feast makes of NaT
    seconds = np.where(_is_valid(column), micros(column) // 1_000_000, missing)
    return _tagged_varints(seconds, number, np.ones(len(column), dtype=bool))


def _delimited(column: pa.Array, number: int) -> pa.BinaryArray:
    """Text or bytes: tag, length, content."""
    found = pc.fill_null(pc.cast(column, pa.binary()), b"")
    head = joined(_tag(number, DELIMITED), varints(lengths(found)))
    return pc.if_else(column.is_valid(), joined(head, found), b"")


def _list_of(dtype: str) -> Encoder:
    def encode(column: pa.Array, number: int) -> pa.BinaryArray:
        width = np.dtype(dtype).itemsize
        flat = pc.cast(column.flatten(), pa.from_numpy_dtype(np.dtype(dtype)), safe=False)
        sizes = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False).astype(np.int64)
        content = binary(flat.to_numpy(zero_copy_only=False).view(np.uint8), np.cumsum(sizes) * width)
        # The list's one field is packed: nothing at all when it is empty.
        inner = pc.if_else(pa.array(sizes > 0), joined(_tag(1, DELIMITED), varints(sizes * width), content), b"")
        whole = joined(_tag(number, DELIMITED), varints(lengths(inner)), inner)
        return pc.if_else(column.is_valid(), whole, b"")

    return encode


def _by_feast(column: pa.Array, kind: ValueType, name: str) -> pa.BinaryArray:
    try:
        values = python_values_to_proto_values(column.to_numpy(zero_copy_only=False), kind)
    except (ValueError, TypeError, ArithmeticError, AssertionError) as error:
        raise unfit(name, kind, error) from error
    # The keys of a map in order: left to itself, protobuf has them in another order in each process.
    return pa.array([value.SerializeToString(deterministic=True) for value in values], pa.binary())


def _tagged_varints(numbers: NDArray[np.int64], number: int, kept: NDArray[np.bool_]) -> pa.BinaryArray:
    matrix, sizes = _varint_matrix(numbers)
    tag = np.frombuffer(_tag(number, VARINT), dtype=np.uint8)
    whole = np.hstack([np.broadcast_to(tag, (len(numbers), len(tag))), matrix])
    return _kept(whole, np.where(kept, sizes + len(tag), 0))


def _varint_matrix(numbers: NDArray[np.int64]) -> tuple[Bytes, NDArray[np.int64]]:
    """The bytes of each number, padded to those of the longest; and how many of them count."""
    rest = numbers.astype(np.int64).view(np.uint64)
    columns, sizes = [], np.ones(len(rest), dtype=np.int64)
    while True:
        low, rest = (rest & np.uint64(0x7F)).astype(np.uint8), rest >> _SEVEN_BITS
        more = rest > 0
        columns.append(low | (more.astype(np.uint8) << 7))
        if not more.any():
            return np.stack(columns, axis=1), sizes
        sizes += more


def _kept(matrix: Bytes, sizes: NDArray[np.int64]) -> pa.BinaryArray:
    """The first `sizes` bytes of each row."""
    return binary(matrix[np.arange(matrix.shape[1]) < sizes[:, None]], np.cumsum(sizes))


def _tag(number: int, wire_type: int) -> bytes:
    tag, text = number << 3 | wire_type, bytearray()
    while tag > 0x7F:
        text.append(tag & 0x7F | 0x80)
        tag >>= 7
    return bytes([*text, tag])


def _offsets(column: pa.BinaryArray) -> NDArray[np.int32]:
    first: NDArray[np.int32] = np.frombuffer(column.buffers()[1], dtype=np.int32)
    return first[column.offset : column.offset + len(column) + 1]


def _is_valid(column: pa.Array) -> NDArray[np.bool_]:
    valid: NDArray[np.bool_] = column.is_valid().to_numpy(zero_copy_only=False)
    return valid


_ENCODERS: dict[ValueType, tuple[str, Encoder]] = {
    ValueType.DOUBLE: ("double_val", _fixed_as(EIGHT)),
    ValueType.FLOAT: ("float_val", _fixed_as(FOUR)),
    ValueType.INT32: ("int32_val", _integers),
    ValueType.INT64: ("int64_val", _integers),
    ValueType.BOOL: ("bool_val", _integers),
    ValueType.UNIX_TIMESTAMP: ("unix_timestamp_val", _unix_seconds),
    ValueType.STRING: ("string_val", _delimited),
    ValueType.BYTES: ("bytes_val", _delimited),
    ValueType.DOUBLE_LIST: ("double_list_val", _list_of("<f8")),
    ValueType.FLOAT_LIST: ("float_list_val", _list_of("<f4")),
}
