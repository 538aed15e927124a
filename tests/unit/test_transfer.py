import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from warehouse.errors import ModelError
from workers.models.store import silent
from workers.models.transfer import (
    CHUNK_BYTES,
    Chunks,
    WrongContentError,
    read_chunk,
    read_from,
    receive,
)

CONTENT = np.random.default_rng(5).bytes(3 * CHUNK_BYTES + 17)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class LostError(Exception):
    """What a source that dies raises."""


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / "part.gguf"


def sending(content: bytes = CONTENT, *, dies_after: int | None = None) -> tuple[Chunks, list[int]]:
    """A source, and the offsets that it was asked for."""
    offsets: list[int] = []

    def chunks(offset: int) -> Iterator[bytes]:
        offsets.append(offset)
        for number, start in enumerate(range(offset, len(content), CHUNK_BYTES)):
            if number == dies_after:
                raise LostError
            yield content[start : start + CHUNK_BYTES]

    return chunks, offsets


def take(chunks: Chunks, part: Path) -> None:
    receive(
        chunks, part, size_bytes=len(CONTENT), sha256=SHA256, progress=silent, stage="copying it"
    )


def test_a_transfer_that_breaks_off_goes_on_where_it_was(part: Path) -> None:
    with pytest.raises(LostError):
        take(sending(dies_after=2)[0], part)
    assert part.read_bytes() == CONTENT[: 2 * CHUNK_BYTES]
    chunks, offsets = sending()
    take(chunks, part)
    assert part.read_bytes() == CONTENT
    assert offsets == [2 * CHUNK_BYTES]


def test_what_is_complete_already_is_only_checked(part: Path) -> None:
    part.write_bytes(CONTENT)
    told: list[int] = []
    chunks, offsets = sending()
    receive(
        chunks,
        part,
        size_bytes=len(CONTENT),
        sha256=SHA256,
        progress=lambda stage, done, total: told.append(done),
        stage="copying it",
    )
    assert (offsets, told) == ([len(CONTENT)], [len(CONTENT)])


@pytest.mark.parametrize(
    "left", [b"another file" * 999, CONTENT + b"and more"], ids=["other", "longer"]
)
def test_what_was_left_of_another_file_is_dropped(part: Path, left: bytes) -> None:
    part.write_bytes(left)
    chunks, offsets = sending()
    take(chunks, part)
    assert part.read_bytes() == CONTENT
    assert offsets[-1] == 0


@pytest.mark.parametrize(
    "content",
    [CONTENT[:-1], CONTENT[:-1] + b"x", CONTENT + b"x", b""],
    ids=["short", "wrong", "long", "no"],
)
def test_a_wrong_file_is_removed_and_named(part: Path, content: bytes) -> None:
    with pytest.raises(WrongContentError, match=f"copying it: .* wanted was {SHA256}"):
        take(sending(content)[0], part)
    assert not part.exists()


def test_progress_tells_every_chunk(part: Path) -> None:
    told: list[tuple[str, int, int | None]] = []
    receive(
        sending()[0],
        part,
        size_bytes=len(CONTENT),
        sha256=SHA256,
        progress=lambda *each: told.append(each),
        stage="s",
    )
    done = [0, CHUNK_BYTES, 2 * CHUNK_BYTES, 3 * CHUNK_BYTES, len(CONTENT)]
    assert told == [("s", each, len(CONTENT)) for each in done]


def test_room_is_asked_for_before_anything_comes(part: Path) -> None:
    chunks, offsets = sending()
    with pytest.raises(ModelError, match=r"part\.gguf needs 931322574\.62 GiB more on the disk of"):
        receive(chunks, part, size_bytes=10**18, sha256=SHA256, progress=silent, stage="s")
    assert offsets == []


def test_chunks_are_bounded_and_end_with_the_file(part: Path) -> None:
    part.write_bytes(CONTENT)
    assert read_chunk(part, CHUNK_BYTES, 5) == CONTENT[CHUNK_BYTES : CHUNK_BYTES + 5]
    assert read_chunk(part, len(CONTENT) - 2, 5) == CONTENT[-2:]
    assert b"".join(read_from(part, 7)) == CONTENT[7:]
    for offset, size in ((0, CHUNK_BYTES + 1), (-1, 5), (0, -1)):
        with pytest.raises(ModelError, match="a chunk has at most"):
            read_chunk(part, offset, size)
    part.unlink()
    with pytest.raises(ModelError, match=r"part\.gguf: no such file"):
        read_chunk(part, 0, 5)
