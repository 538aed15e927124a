"""The GGUF container: metadata and the table of tensors, read without the tensors' data.

Not through `gguf.GGUFReader`: it makes an object of every token (2 s for 49,000 tokens) and
believes every length that the file claims. Format: ggml's docs/gguf.md, versions 2 and 3.
"""

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFValueType

from warehouse.errors import ModelError

Scalar = str | int | float | bool
Value = Scalar | tuple[Scalar, ...]

LONGEST_KEPT_ARRAY = 4096
"""Longer arrays (tokens, merges) are skipped, only their length is kept; layers are fewer."""

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_MAX_DIMS = 4
_MIN_ENTRY_BYTES = 12
_LONGEST_TEXT = 2**26
"""Bytes; chat templates are some 10 KB. A damaged length must not read the file into memory."""
_SCALARS = {
    GGUFValueType.UINT8: struct.Struct("<B"),
    GGUFValueType.INT8: struct.Struct("<b"),
    GGUFValueType.UINT16: struct.Struct("<H"),
    GGUFValueType.INT16: struct.Struct("<h"),
    GGUFValueType.UINT32: struct.Struct("<I"),
    GGUFValueType.INT32: struct.Struct("<i"),
    GGUFValueType.UINT64: struct.Struct("<Q"),
    GGUFValueType.INT64: struct.Struct("<q"),
    GGUFValueType.FLOAT32: struct.Struct("<f"),
    GGUFValueType.FLOAT64: struct.Struct("<d"),
    GGUFValueType.BOOL: struct.Struct("<?"),
}
_U32 = _SCALARS[GGUFValueType.UINT32]
_U64 = _SCALARS[GGUFValueType.UINT64]


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor's entry in the table."""

    name: str
    type_name: str
    """ggml's name of the type: F32, Q4_K, IQ3_S, ..."""
    shape: tuple[int, ...]
    """Elements by dimension in ggml's order: the row first."""
    offset: int
    """From the start of the data, bytes."""
    size_bytes: int

    @property
    def elements(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class Container:
    """What lies before the tensors' data."""

    version: int
    values: Mapping[str, Value]
    """Metadata, without arrays longer than `LONGEST_KEPT_ARRAY`."""
    array_lengths: Mapping[str, int]
    """Length of every array in the metadata."""
    tensors: tuple[Tensor, ...]
    data_offset: int
    """Where the tensors' data begins, bytes."""


def parse_container(stream: BinaryIO, size: int) -> Container:
    """Read a container from its beginning.

    Args:
        stream: binary stream at its start, buffered and seekable.
        size: length of the stream, bytes.

    Raises:
        ModelError: not GGUF, truncated before the data, or values that cannot be.
    """
    cursor = _Cursor(stream, size)
    version = _read_version(cursor)
    tensor_count = cursor.count("tensors", _MIN_ENTRY_BYTES)
    value_count = cursor.count("metadata entries", _MIN_ENTRY_BYTES)
    values: dict[str, Value] = {}
    lengths: dict[str, int] = {}
    seen: set[str] = set()
    for _ in range(value_count):
        key = cursor.text()
        if key in seen:
            raise ModelError(f"has the metadata key {key[:80]!r} twice")
        seen.add(key)
        _read_value(cursor, key, values, lengths)
    alignment = _alignment(values)
    tensors = tuple(_read_tensor(cursor, alignment) for _ in range(tensor_count))
    if len({tensor.name for tensor in tensors}) != len(tensors):
        raise ModelError("has two tensors of one name")
    data_offset = -(-cursor.position // alignment) * alignment
    return Container(version, values, lengths, tensors, data_offset)


class _Cursor:
    """Reads forward, and never past the end or what a length may claim."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream = stream
        self._size = size
        self.position = 0

    def take(self, count: int) -> bytes:
        self._claim(count)
        data = self._stream.read(count)
        if len(data) < count:
            raise ModelError("is truncated in its header")
        return data

    def skip(self, count: int) -> None:
        self._claim(count)
        self._stream.seek(count, 1)

    def _claim(self, count: int) -> None:
        self.position += count
        if self.position > self._size:
            raise ModelError("is truncated in its header, or damaged")

    def u32(self) -> int:
        return int(_U32.unpack(self.take(4))[0])

    def u64(self) -> int:
        return int(_U64.unpack(self.take(8))[0])

    def count(self, what: str, least_bytes: int) -> int:
        """A number of things that still have to fit into the rest of the file."""
        count = self.u64()
        if count * least_bytes > self._size - self.position:
            raise ModelError(f"claims {count} {what}, more than it has room for")
        return count

    def text_bytes(self) -> bytes:
        length = self.count("bytes of text", 1)
        if length > _LONGEST_TEXT:
            raise ModelError(f"claims a text of {length} bytes in its header")
        return self.take(length)

    def text(self) -> str:
        try:
            return self.text_bytes().decode()
        except UnicodeDecodeError as error:
            raise ModelError("has a text in its header that is not UTF-8") from error


def _read_version(cursor: _Cursor) -> int:
    if cursor.take(4) != _MAGIC:
        raise ModelError("is not a GGUF file")
    version = cursor.u32()
    if version in _VERSIONS:
        return version
    if version & 0xFFFF == 0:
        raise ModelError("is a big-endian GGUF file, which is not supported")
    raise ModelError(f"is GGUF version {version}; supported are 2 and 3")


def _read_value(
    cursor: _Cursor, key: str, values: dict[str, Value], lengths: dict[str, int]
) -> None:
    kind = _value_type(cursor, key)
    if kind is not GGUFValueType.ARRAY:
        values[key] = _scalar(cursor, kind)
        return
    element = _value_type(cursor, key)
    if element is GGUFValueType.ARRAY:
        raise ModelError(f"has an array of arrays in {key[:80]!r}")
    packing = _SCALARS.get(element)
    length = cursor.count("array elements", packing.size if packing else 8)
    lengths[key] = length
    if length <= LONGEST_KEPT_ARRAY:
        values[key] = tuple(_scalar(cursor, element) for _ in range(length))
    elif packing:
        cursor.skip(length * packing.size)
    else:
        for _ in range(length):
            cursor.skip(cursor.u64())


def _value_type(cursor: _Cursor, key: str) -> GGUFValueType:
    number = cursor.u32()
    try:
        return GGUFValueType(number)
    except ValueError as error:
        raise ModelError(f"has a value of unknown type {number} in {key[:80]!r}") from error


def _scalar(cursor: _Cursor, kind: GGUFValueType) -> Scalar:
    if kind is GGUFValueType.STRING:
        # a model's texts (a chat template, names) need not be clean, keys must
        return cursor.text_bytes().decode(errors="replace")
    packing = _SCALARS[kind]
    value: Scalar = packing.unpack(cursor.take(packing.size))[0]
    return value


def _alignment(values: Mapping[str, Value]) -> int:
    alignment = values.get("general.alignment", 32)
    if not isinstance(alignment, int) or alignment <= 0 or alignment & (alignment - 1):
        raise ModelError(f"has an alignment of {alignment!r}, which is no power of two")
    return alignment


def _read_tensor(cursor: _Cursor, alignment: int) -> Tensor:
    name = cursor.text()
    dims = cursor.u32()
    if not 0 < dims <= _MAX_DIMS:
        raise ModelError(f"has a tensor {name[:80]!r} with {dims} dimensions")
    shape = tuple(cursor.u64() for _ in range(dims))
    number = cursor.u32()
    offset = cursor.u64()
    try:
        kind = GGMLQuantizationType(number)
    except ValueError as error:
        raise ModelError(f"has a tensor {name[:80]!r} of unknown type {number}") from error
    block, block_bytes = GGML_QUANT_SIZES[kind]
    elements = math.prod(shape)
    if not 0 < elements < 2**63 or shape[0] % block:
        raise ModelError(f"has a tensor {name[:80]!r} of impossible shape {shape}")
    if offset % alignment:
        raise ModelError(f"has a tensor {name[:80]!r} at an offset that is not aligned")
    return Tensor(name, kind.name, shape, offset, elements // block * block_bytes)
