"""What the header of a model file says of the model: its shape, its tensors, its quant."""

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

from gguf.constants import LlamaFileType

from warehouse.errors import ModelError
from workers.models.container import Container, Tensor, parse_container
from workers.models.metadata import Metadata

UNKNOWN_QUANT = "unknown"

_T = TypeVar("_T")

_SPLIT_NAME = re.compile(r"(.*)-(\d{5})-of-(\d{5})\.gguf")
_MOST_PARTS = 1000


@dataclass(frozen=True, slots=True)
class FilePart:
    """One file of a model; most models are one."""

    container: Container
    size_bytes: int

    @property
    def missing_bytes(self) -> int:
        """Bytes that a truncated file lacks; 0 when it is complete."""
        ends = [tensor.offset + tensor.size_bytes for tensor in self.container.tensors]
        return max(0, self.container.data_offset + max(ends, default=0) - self.size_bytes)


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """Facts of a model, from the headers of all its files; `None` where they are silent."""

    parts: tuple[FilePart, ...]
    """The files in order; the metadata lies in the first."""
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
    def container(self) -> Container:
        """The container of the first file, or the only one."""
        return self.parts[0].container

    @property
    def metadata(self) -> Metadata:
        """All metadata."""
        return Metadata(self.container.values)

    @property
    def file_size_bytes(self) -> int:
        """Size of all files."""
        return sum(part.size_bytes for part in self.parts)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """The tables of tensors, in the files' order."""
        return tuple(tensor for part in self.parts for tensor in part.container.tensors)

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
        """Bytes that truncated files lack; 0 when all are complete."""
        return sum(part.missing_bytes for part in self.parts)

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
    """Read the header of a model, whatever its size.

    Of a split model (`NAME-00001-of-00003.gguf`) name the first file; the others lie beside it.

    Raises:
        ModelError: missing, no regular file, not readable, not GGUF, truncated or damaged there.
    """
    first = _read_part(path)
    return _of_file(path, lambda: _header((first, *_further_parts(path, first))))


def parse_header(stream: BinaryIO, size: int) -> GgufHeader:
    """Read the header of a model of one file from a buffered, seekable stream of `size` bytes.

    Raises:
        ModelError: not GGUF, truncated in the header, or values that cannot be.
    """
    return _header((FilePart(parse_container(stream, size), size),))


def _header(parts: tuple[FilePart, ...]) -> GgufHeader:
    container = parts[0].container
    facts = Metadata(container.values)
    architecture = facts.text("general.architecture")
    if not architecture:
        raise ModelError("does not name its architecture")
    heads = facts.numbers(f"{architecture}.attention.head_count")
    embedding = facts.number(f"{architecture}.embedding_length")
    default_width = _head_width(embedding, heads)
    return GgufHeader(
        parts=parts,
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
        experts_active=_most(facts.numbers(f"{architecture}.expert_used_count")),
        vocab_size=facts.number(
            f"{architecture}.vocab_size", container.array_lengths.get("tokenizer.ggml.tokens")
        ),
    )


def _read_part(path: Path) -> FilePart:
    def read() -> FilePart:
        # asked before it is opened: opening a pipe waits for its writer
        if not path.is_file() and path.exists():
            raise ModelError("is not a regular file")
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            return FilePart(parse_container(stream, size), size)

    return _of_file(path, read)


def _further_parts(path: Path, first: FilePart) -> list[FilePart]:
    """The other files of a split model; its first says how many there are."""
    facts = Metadata(first.container.values)
    count = facts.count("split.count")
    if count <= 1:
        return []
    found = _SPLIT_NAME.fullmatch(path.name)
    if facts.count("split.no") or not found or count > _MOST_PARTS:
        raise ModelError(f"is a part of {count}: name its first, NAME-00001-of-{count:05}.gguf")
    names = (f"{found[1]}-{number:05}-of-{count:05}.gguf" for number in range(2, count + 1))
    return [_read_part(path.with_name(name)) for name in names]


def _of_file(path: Path, read: Callable[[], _T]) -> _T:
    """Name the file in an error, unless that was done."""
    try:
        return read()
    except OSError as error:
        raise ModelError(f"model file {path}: {(error.strerror or str(error)).lower()}") from error
    except ModelError as error:
        if str(error).startswith("model file "):
            raise
        raise ModelError(f"model file {path} {error}") from error


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
    most = _most(heads)
    return embedding // most if embedding and most else None


def _most(numbers: int | tuple[int, ...] | None) -> int | None:
    return max(numbers, default=0) if isinstance(numbers, tuple) else numbers
