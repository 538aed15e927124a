"""What the header of a model file says of the model: its shape, its tensors, its quant."""

import json
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from gguf.constants import LlamaFileType

from warehouse.errors import ModelError
from workers.models.container import Container, Tensor, parse_container

UNKNOWN_QUANT = "unknown"
LARGEST_SHAPE_VALUE = 2**40
"""No layer count, width, context or vocabulary comes near it."""


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """Facts of a model file; `None` where the header is silent."""

    file_size_bytes: int
    container: Container
    architecture: str
    """llama.cpp's name: llama, qwen3next, gemma3, ..."""
    name: str | None
    size_label: str | None
    file_type: int | None
    """llama.cpp's number of the quant (`llama_ftype`)."""
    layers: int | None
    context_length: int | None
    """Context that the model was trained for, tokens."""
    embedding_length: int | None
    heads: int | tuple[int, ...] | None
    """Attention heads, of all layers or by layer."""
    kv_heads: int | tuple[int, ...] | None
    """KV heads, of all layers or by layer; 0 is a layer without a KV cache."""
    key_length: int | None
    """Width of a head of K, elements."""
    value_length: int | None
    """Width of a head of V, elements."""
    experts: int | None
    experts_active: int | None
    vocab_size: int | None

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """The table of tensors, in the file's order."""
        return self.container.tensors

    @property
    def quant(self) -> str:
        """Name of the quant: of the file type, else of the type with most bytes."""
        if self.file_type is not None:
            name = quant_name(self.file_type)
            if name is not None:
                return name
        by_type = self.bytes_by_type
        return max(by_type, key=lambda kind: by_type[kind]) if by_type else UNKNOWN_QUANT

    @property
    def parameters(self) -> int:
        """Elements of all tensors."""
        return sum(tensor.elements for tensor in self.tensors)

    @property
    def bytes_by_type(self) -> Mapping[str, int]:
        """Bytes of tensors by ggml type, largest first."""
        total: Counter[str] = Counter()
        for tensor in self.tensors:
            total[tensor.type_name] += tensor.size_bytes
        return dict(total.most_common())

    @property
    def missing_bytes(self) -> int:
        """Bytes that a truncated file lacks; 0 when it is complete."""
        ends = [tensor.offset + tensor.size_bytes for tensor in self.tensors]
        needed = self.container.data_offset + max(ends, default=0)
        return max(0, needed - self.file_size_bytes)

    def facts(self) -> dict[str, object]:
        """The facts by name, for a table or a row."""
        return {
            "architecture": self.architecture,
            "name": self.name,
            "size_label": self.size_label,
            "quant": self.quant,
            "layers": self.layers,
            "context_length": self.context_length,
            "embedding_length": self.embedding_length,
            "heads": self.heads,
            "kv_heads": self.kv_heads,
            "key_length": self.key_length,
            "value_length": self.value_length,
            "experts": self.experts,
            "experts_active": self.experts_active,
            "vocab_size": self.vocab_size,
            "parameters": self.parameters,
            "tensor_count": len(self.tensors),
            "bytes_by_type": self.bytes_by_type,
            "file_size_bytes": self.file_size_bytes,
            "missing_bytes": self.missing_bytes,
        }

    def facts_json(self) -> str:
        """The facts as JSON, for the column `facts` of the table `models`."""
        return json.dumps(self.facts())


def read_header(path: Path) -> GgufHeader:
    """Read the header of a model file, whatever the size of the file.

    Raises:
        ModelError: missing, no regular file, not readable, not GGUF, truncated or damaged there.
    """
    try:
        # asked before it is opened: opening a pipe waits for its writer
        if not path.is_file() and path.exists():
            raise ModelError("is not a regular file")
        with path.open("rb") as stream:
            return parse_header(stream, os.fstat(stream.fileno()).st_size)
    except OSError as error:
        raise ModelError(f"model file {path}: {(error.strerror or str(error)).lower()}") from error
    except ModelError as error:
        raise ModelError(f"model file {path} {error}") from error


def parse_header(stream: BinaryIO, size: int) -> GgufHeader:
    """Read a header from a buffered, seekable stream of `size` bytes.

    Raises:
        ModelError: not GGUF, truncated in the header, or values that cannot be.
    """
    container = parse_container(stream, size)
    facts = _Facts(container)
    architecture = facts.text("general.architecture")
    if not architecture:
        raise ModelError("does not name its architecture")
    heads = facts.numbers(f"{architecture}.attention.head_count")
    embedding = facts.number(f"{architecture}.embedding_length")
    default_width = _head_width(embedding, heads)
    return GgufHeader(
        file_size_bytes=size,
        container=container,
        architecture=architecture,
        name=facts.text("general.name"),
        size_label=facts.text("general.size_label"),
        file_type=facts.number("general.file_type"),
        layers=facts.number(f"{architecture}.block_count"),
        context_length=facts.number(f"{architecture}.context_length"),
        embedding_length=embedding,
        heads=heads,
        kv_heads=facts.numbers(f"{architecture}.attention.head_count_kv", heads),
        key_length=facts.number(f"{architecture}.attention.key_length", default_width),
        value_length=facts.number(f"{architecture}.attention.value_length", default_width),
        experts=facts.number(f"{architecture}.expert_count"),
        experts_active=facts.number(f"{architecture}.expert_used_count"),
        vocab_size=facts.number(
            f"{architecture}.vocab_size", container.array_lengths.get("tokenizer.ggml.tokens")
        ),
    )


def quant_name(file_type: int) -> str | None:
    """llama.cpp's name of a file type (`15` is `Q4_K_M`), or None for one not known."""
    try:
        name = LlamaFileType(file_type & ~LlamaFileType.GUESSED).name
    except ValueError:
        return None
    return name.removeprefix("MOSTLY_").removeprefix("ALL_")


def quant_of_file(path: Path) -> str:
    """Quant that a file's header names; `unknown` for a file that cannot be read.

    No error: a bad model file is a row of its own, not the end of a sweep.
    """
    try:
        return read_header(path).quant
    except ModelError:
        return UNKNOWN_QUANT


def _head_width(embedding: int | None, heads: int | tuple[int, ...] | None) -> int | None:
    """llama.cpp's default for key and value length: the embedding divided over the heads."""
    most = max(heads, default=0) if isinstance(heads, tuple) else heads
    return embedding // most if embedding and most else None


class _Facts:
    """Typed look-ups in the metadata."""

    def __init__(self, container: Container) -> None:
        self._values = container.values

    def text(self, key: str) -> str | None:
        value = self._values.get(key)
        if value is not None and not isinstance(value, str):
            raise ModelError(f"has no text in {key[:80]!r}")
        return value

    def number(self, key: str, default: int | None = None) -> int | None:
        value = self._values.get(key)
        return default if value is None else _whole(key, value)

    def numbers(
        self, key: str, default: int | tuple[int, ...] | None = None
    ) -> int | tuple[int, ...] | None:
        """One number for all layers, or one by layer."""
        value = self._values.get(key)
        if isinstance(value, tuple):
            return tuple(_whole(key, item) for item in value)
        return default if value is None else _whole(key, value)


def _whole(key: str, value: object) -> int:
    if (
        not isinstance(value, int)
        or isinstance(value, bool)
        or not 0 <= value <= LARGEST_SHAPE_VALUE
    ):
        raise ModelError(f"has an absurd value in {key[:80]!r}: {str(value)[:40]}")
    return value
