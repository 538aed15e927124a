import io
import struct

import pytest

from warehouse.errors import ModelError
from workers.models.container import LONGEST_KEPT_ARRAY, Container, parse_container

U32, BOOL, STRING, ARRAY, U64 = 4, 7, 8, 9, 10
F32, Q8_0 = 0, 8


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def entry(key: str, kind: int, data: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + data


def array(key: str, kind: int, length: int, data: bytes) -> bytes:
    return entry(key, ARRAY, struct.pack("<IQ", kind, length) + data)


def tensor(name: str, shape: tuple[int, ...], kind: int = F32, offset: int = 0) -> bytes:
    dims = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
    return text(name) + dims + struct.pack("<IQ", kind, offset)


def gguf(entries: list[bytes], tensors: list[bytes], version: int = 3) -> bytes:
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(entries))
    return head + b"".join(entries) + b"".join(tensors)


def parse(data: bytes) -> Container:
    return parse_container(io.BytesIO(data), len(data))


def test_values_of_every_shape_are_read() -> None:
    long = LONGEST_KEPT_ARRAY + 1
    container = parse(
        gguf(
            [
                entry("number", U32, struct.pack("<I", 7)),
                entry("flag", BOOL, b"\x01"),
                entry("text", STRING, text("grüße")),
                array("few", U32, 3, struct.pack("<3I", 1, 2, 3)),
                array("many", U32, long, bytes(4 * long)),
                array("tokens", STRING, long, text("tok") * long),
                entry("last", U64, struct.pack("<Q", 2**40)),
            ],
            [],
        )
    )
    assert container.values == {
        "number": 7,
        "flag": True,
        "text": "grüße",
        "few": (1, 2, 3),
        "last": 2**40,
    }
    assert container.array_lengths == {"few": 3, "many": long, "tokens": long}


def test_tensors_have_their_bytes_by_block() -> None:
    container = parse(gguf([], [tensor("a", (64, 3), Q8_0), tensor("b", (5,), F32, 224)]))
    quantised, plain = container.tensors
    assert (quantised.type_name, quantised.elements, quantised.size_bytes) == ("Q8_0", 192, 204)
    assert (plain.shape, plain.offset, plain.size_bytes) == ((5,), 224, 20)


@pytest.mark.parametrize(("alignment", "expected"), [(None, 32), (128, 128)])
def test_data_begins_at_the_next_aligned_byte(alignment: int | None, expected: int) -> None:
    chosen = struct.pack("<I", alignment or 0)
    entries = [entry("general.alignment", U32, chosen)] if alignment else []
    data = gguf(entries, [tensor("a", (1,))])
    container = parse(data)
    assert container.data_offset % expected == 0
    assert 0 <= container.data_offset - len(data) < expected


DAMAGED = {
    "not a GGUF": (b"GGML" + bytes(40), "is not a GGUF file"),
    "empty": (b"", "truncated"),
    "version 1": (gguf([], [], version=1), "GGUF version 1"),
    "big-endian": (gguf([], [], version=3 << 24), "big-endian"),
    "too many tensors": (b"GGUF" + struct.pack("<IQQ", 3, 2**60, 0), "claims"),
    "too many entries": (b"GGUF" + struct.pack("<IQQ", 3, 0, 2**60), "claims"),
    "text without end": (gguf([struct.pack("<Q", 2**62)], []) + bytes(64), "claims"),
    "key that is no text": (gguf([struct.pack("<Q", 2) + b"\xff\xff"], []) + bytes(9), "UTF-8"),
    "unknown value type": (gguf([entry("k", 99, bytes(8))], []), "unknown type 99"),
    "array of arrays": (gguf([array("k", ARRAY, 1, bytes(12))], []), "array of arrays"),
    "array without end": (gguf([array("k", U32, 2**61, b"")], []), "claims"),
    "key twice": (gguf([entry("k", BOOL, b"\1")] * 2, []), "'k' twice"),
    "alignment 3": (
        gguf([entry("general.alignment", U32, struct.pack("<I", 3))], []),
        "no power of two",
    ),
    "alignment 0": (
        gguf([entry("general.alignment", U32, struct.pack("<I", 0))], []),
        "no power of two",
    ),
    "tensor twice": (gguf([], [tensor("a", (1,))] * 2), "two tensors of one name"),
    "tensor without dimensions": (gguf([], [tensor("a", ())]), "0 dimensions"),
    "tensor with 5 dimensions": (gguf([], [tensor("a", (1,) * 5)]), "5 dimensions"),
    "tensor of unknown type": (gguf([], [tensor("a", (1,), kind=77)]), "unknown type 77"),
    "tensor with a part of a block": (gguf([], [tensor("a", (33,), Q8_0)]), "impossible shape"),
    "tensor without elements": (gguf([], [tensor("a", (32, 0))]), "impossible shape"),
    "tensor beyond any memory": (gguf([], [tensor("a", (2**62, 2**62))]), "impossible shape"),
    "tensor not aligned": (gguf([], [tensor("a", (1,), offset=7)]), "not aligned"),
}


@pytest.mark.parametrize(("data", "complaint"), DAMAGED.values(), ids=list(DAMAGED))
def test_damage_is_an_error_of_one_line(data: bytes, complaint: str) -> None:
    with pytest.raises(ModelError, match=complaint) as caught:
        parse(data)
    assert "\n" not in str(caught.value)


def test_a_header_cut_anywhere_is_an_error() -> None:
    whole = gguf(
        [entry("k", STRING, text("value")), array("a", U32, 3, bytes(12))],
        [tensor("t", (32, 2), Q8_0)],
    )
    assert parse(whole).tensors
    for length in range(len(whole)):
        with pytest.raises(ModelError):
            parse(whole[:length])


def test_a_length_that_eats_the_file_is_not_read_into_memory() -> None:
    class Huge(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            assert size is not None
            assert size < 2**27
            return super().read(size)

    data = gguf([struct.pack("<Q", 2**33)], [])
    with pytest.raises(ModelError, match="claims a text of 8589934592 bytes"):
        parse_container(Huge(data), 2**34)
