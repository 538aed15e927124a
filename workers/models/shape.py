"""The shape of a model, from its header: what decides the memory that a server takes.

Follows llama.cpp build 11434 (`llama_model_base::load_hparams`, `load_arch_hparams` of each
architecture, `llama-hparams.cpp`, `create_memory`). Other architectures are estimated upwards.
"""

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from enum import StrEnum

from warehouse.errors import ModelError
from workers.models.header import GgufHeader
from workers.models.layers import EXACT_ARCHITECTURES, Layer, layers_of

_OF_LAYER = re.compile(r"blk\.(\d+)\.")


class Place(StrEnum):
    """Where llama.cpp puts a tensor, before any override."""

    INPUT = "input"
    """The host."""
    LAYER = "layer"
    """The device of its layer."""
    OUTPUT = "output"
    """The device of the output layer."""
    EVERY_DEVICE = "every device"
    """A copy on each device that has layers (frequencies of the rotary embedding)."""


@dataclass(frozen=True, slots=True)
class WeightTensor:
    """A tensor that is loaded."""

    name: str
    type_name: str
    rows: int
    size_bytes: int
    place: Place
    layer: int | None
    file: int
    """Number of the file that holds it, from 0."""
    start: int
    """Where its data begins in that file, bytes."""


@dataclass(frozen=True, slots=True, eq=False)
class ModelShape:
    """What of a model decides memory; one object a file, so compared by identity."""

    architecture: str
    quant: str
    layers: tuple[Layer, ...]
    """All that llama.cpp counts, in order; one that holds no memory has the kind `none`."""
    context_length: int
    """Context that the model was trained for, tokens; 0 where the header is silent."""
    embedding_length: int
    heads: int
    """Query heads of the layer that has most."""
    vocab_size: int
    feed_forward: int
    """Widest feed-forward that one token goes through, elements over its experts."""
    experts: int
    experts_active: int
    tensors: tuple[WeightTensor, ...]
    exact: bool
    """Whether KV, recurrent state and placing of the weights are llama.cpp's own arithmetic."""
    note: str | None
    """When not exact: what is assumed, one sentence."""
    digest: str
    """Of all above but quant and tensors: equal for the quants of a model, whose compute
    buffers are alike."""

    @property
    def weights_bytes(self) -> int:
        """Bytes of all loaded tensors, each once."""
        return sum(tensor.size_bytes for tensor in self.tensors)

    @property
    def is_tied(self) -> bool:
        """Whether the output layer uses the table of input embeddings."""
        return all(tensor.name != "output.weight" for tensor in self.tensors)


def model_shape(header: GgufHeader) -> ModelShape:
    """The shape of a model.

    Raises:
        ModelError: The header lacks what a shape needs, its values cannot be, or a tensor lies
            outside its file. The text does not name the file.
    """
    if header.missing_bytes:
        raise ModelError(
            f"has tensors outside the file: it is truncated by {header.missing_bytes} bytes"
        )
    layers, trunk = layers_of(header)
    exact = header.architecture in EXACT_ARCHITECTURES
    note = None if exact else _assumption(header.architecture, layers)
    sizes = _sizes(header)
    facts = [header.architecture, [asdict(layer) for layer in layers], sizes]
    digest = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
    return ModelShape(
        architecture=header.architecture,
        quant=header.quant,
        layers=layers,
        tensors=_tensors(header, trunk, len(layers)),
        exact=exact,
        note=note,
        digest=digest,
        **sizes,
    )


def _sizes(header: GgufHeader) -> dict[str, int]:
    prefix, facts = header.architecture, header.metadata
    heads = header.heads
    experts_active = header.experts_active or 0
    expert_width = _most(facts.numbers(f"{prefix}.expert_feed_forward_length"))
    shared = _most(facts.numbers(f"{prefix}.expert_shared_feed_forward_length"))
    dense = _most(facts.numbers(f"{prefix}.feed_forward_length"))
    # the older mixtures (mixtral) call the width of an expert that of the feed-forward
    routed = experts_active * (expert_width or dense) + shared
    return {
        "context_length": header.context_length or 0,
        "embedding_length": header.embedding_length or 0,
        "heads": _most(heads),
        "vocab_size": header.vocab_size or 0,
        "feed_forward": max(dense, routed),
        "experts": header.experts or 0,
        "experts_active": experts_active,
    }


def _most(numbers: int | tuple[int, ...] | None) -> int:
    if isinstance(numbers, tuple):
        return max(numbers, default=0)
    return numbers or 0


def _assumption(architecture: str, layers: tuple[Layer, ...]) -> str:
    recurrent = any(layer.recurrent_bytes for layer in layers)
    state = " and a recurrent state" if recurrent else ""
    return (
        f"herd does not know the architecture {architecture}: as an upper estimate every layer "
        f"is taken to keep K and V of the whole context{state}"
    )


def _tensors(header: GgufHeader, trunk: int, layers: int) -> tuple[WeightTensor, ...]:
    """The tensors that are loaded; those of draft layers (multi-token prediction) are not."""
    found = []
    for number, part in enumerate(header.parts):
        for tensor in part.container.tensors:
            layer = _layer(tensor.name, layers)
            if layer is None or layer < trunk:
                start = part.container.data_offset + tensor.offset
                rows = tensor.shape[1] if len(tensor.shape) > 1 else 1
                place = _place(tensor.name, layer)
                size = tensor.size_bytes
                found.append(
                    WeightTensor(
                        tensor.name, tensor.type_name, rows, size, place, layer, number, start
                    )
                )
    return tuple(found)


def _layer(name: str, layers: int) -> int | None:
    found = _OF_LAYER.match(name)
    if found is None:
        return None
    # more digits than a layer count has are an attempt at something else
    layer = int(found[1][:9])
    if layer >= layers:
        raise ModelError(f"has a tensor {name[:80]!r} of a layer that it does not have")
    return layer


def _place(name: str, layer: int | None) -> Place:
    if layer is not None:
        return Place.LAYER
    if name.startswith("rope_"):
        return Place.EVERY_DEVICE
    return Place.OUTPUT if name.startswith(("output", "cls")) else Place.INPUT
