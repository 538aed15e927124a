"""llama-perplexity's file of logits: how large it is, and whether one is whole.

Layout (little-endian): `_logits_`, uint32 tokens of a chunk, int32 vocabulary, int32 chunks, the
tokens, then for each scored token a row of uint16. The tool does not see a full disk.
"""

import struct
from pathlib import Path

_MAGIC = b"_logits_"
_SIZES = struct.Struct("<Iii")
_BYTES_A_TOKEN = 3
"""Of text, at the least: so a text has not more tokens. English has some four and a half."""


def logits_bytes(chunk_context: int, vocabulary: int, chunks: int) -> int:
    """Size of such a file.

    Args:
        chunk_context: tokens of a chunk.
        vocabulary: tokens that there are.
        chunks: number of chunks.
    """
    scored = chunk_context - 1 - chunk_context // 2
    row = 2 * ((vocabulary + 1) // 2) + 4
    head = len(_MAGIC) + _SIZES.size
    return head + chunks * (4 * chunk_context + scored * row * 2)


def most_chunks(text_bytes: int, chunk_context: int, limit: int | None) -> int:
    """Chunks that a text has at the most."""
    most = text_bytes // _BYTES_A_TOKEN // chunk_context + 1
    return most if limit is None else min(most, limit)


def is_whole(path: Path) -> bool:
    """Whether a file has all that its head promises."""
    try:
        with path.open("rb") as file:
            head = file.read(len(_MAGIC) + _SIZES.size)
        size = path.stat().st_size
    except OSError:
        return False
    if len(head) < len(_MAGIC) + _SIZES.size or not head.startswith(_MAGIC):
        return False
    return size == logits_bytes(*_SIZES.unpack(head[len(_MAGIC) :]))
