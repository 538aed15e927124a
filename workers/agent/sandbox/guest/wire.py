"""Frames between herd and the sandbox: a JSON header, then blobs whose sizes it names."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from typing import Any

_SIZE = struct.Struct("!Q")
HEADER_BYTES_MAX = 4 * 2**20

Read = Callable[[int], bytes]
"""Exactly that many bytes, or an EOFError."""


def frame(header: dict[str, Any], blobs: Sequence[bytes]) -> bytes:
    """A header with its blobs."""
    head = json.dumps({**header, "blobs": [len(blob) for blob in blobs]}).encode()
    return b"".join((_SIZE.pack(len(head)), head, *blobs))


def read_frame(read: Read, bytes_max: int) -> tuple[dict[str, Any], list[bytes]]:
    """A header with its blobs.

    Raises:
        ValueError: more than `bytes_max`, or not a frame.
        EOFError: from `read`.
    """
    (size,) = _SIZE.unpack(read(_SIZE.size))
    if size > HEADER_BYTES_MAX:
        raise ValueError("the header is too large")
    header = json.loads(read(size))
    if not isinstance(header, dict):
        raise ValueError("the header is no object")
    sizes = header.pop("blobs")
    if any(type(blob) is not int or blob < 0 for blob in sizes) or sum(sizes) > bytes_max:
        raise ValueError("the blobs are too large")
    return header, [read(blob) for blob in sizes]
