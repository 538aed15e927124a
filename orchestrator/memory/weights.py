"""Weights by device: llama.cpp's choice of a buffer for each tensor (`create_tensor`)."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from orchestrator.memory.placing import LayerDevices, layer_devices
from orchestrator.memory.server import HOST, ServerShape
from workers.models.shape import ModelShape, Place, WeightTensor

_EXPERTS = re.compile(r"blk\.(\d+)\.ffn_(?:up|down|gate|gate_up)_(?:ch|)exps")
"""llama.cpp's own expression for what `--n-cpu-moe` moves."""
_REPACKED = frozenset({"Q4_0", "Q4_K", "Q2_K", "IQ4_NL", "MXFP4"})
"""Types that the CPU back end may keep in another order, on x86; as ggml's repack.cpp."""
_REPACKED_ROWS = 8
_TOKEN_TABLE = "token_embd.weight"  # noqa: S105 - a tensor's name


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights by device."""

    by_device: Mapping[str, int]
    """Bytes."""
    moved: int
    """Bytes of the largest tensor of an offloaded layer that lies on the host all the same: it
    is copied to the device for large batches."""
    repacked: int
    """Bytes of the host's that may be kept twice: which types are depends on the CPU."""
    mapped: int
    """Bytes of the host's that are pages of the model file."""


def weights(shape: ModelShape, server: ServerShape) -> Weights:
    """Bytes of weights by device.

    With mmap the host's buffer is the stretch of the file from its first to its last tensor
    there, the gaps included: so llama.cpp reports it.
    """
    # a plan asks for the same model at many contexts and cache types: they move no tensor
    return _weights(shape, replace(server, context=0, cache_k="", cache_v="", ubatch=0))


@lru_cache(maxsize=1024)
def _weights(shape: ModelShape, server: ServerShape) -> Weights:
    place = layer_devices(len(shape.layers), server)
    asked = [(re.compile(pattern), buffer) for pattern, buffer in server.overrides]
    on_device: Counter[str] = Counter()
    on_host: list[WeightTensor] = []
    moved = 0
    for tensor in shape.tensors:
        own = _device(tensor, place)
        for device in _overridden(tensor, own, asked, server):
            if device == HOST:
                on_host.append(tensor)
                moved = max(moved, tensor.size_bytes if own != (HOST,) else 0)
            else:
                on_device[device] += tensor.size_bytes
    for tensor in _tied_output(shape):
        if place.output != HOST:
            on_device[place.output] += tensor.size_bytes
    repacked = _repacked(shape, on_host, server)
    on_device[HOST] = file_bytes = _host_bytes(on_host, server)
    on_device[HOST] += repacked
    mapped = file_bytes if server.mmap else 0
    return Weights(on_device, moved if server.op_offload else 0, repacked, mapped)


def _device(tensor: WeightTensor, place: LayerDevices) -> tuple[str, ...]:
    if tensor.layer is not None:
        return (place.layers[tensor.layer],)
    if tensor.place is Place.EVERY_DEVICE:
        return tuple(dict.fromkeys(place.layers))
    return (place.output if tensor.place is Place.OUTPUT else HOST,)


def _overridden(
    tensor: WeightTensor,
    own: tuple[str, ...],
    asked: list[tuple[re.Pattern[str], str]],
    server: ServerShape,
) -> tuple[str, ...]:
    """The first rule that matches holds; `--n-cpu-moe` stands first on the command line."""
    if server.n_cpu_moe and _is_expert_below(server.n_cpu_moe, tensor.name):
        return (HOST,)
    for pattern, buffer in asked:
        if pattern.search(tensor.name):
            # CPU and the pinned CUDA_Host are both the host's memory
            return (buffer if buffer in server.devices else HOST,)
    return own


def _is_expert_below(layer: int, name: str) -> bool:
    found = _EXPERTS.search(name)
    return found is not None and int(found[1]) < layer


def _tied_output(shape: ModelShape) -> list[WeightTensor]:
    """The table of input embeddings, where it is the output layer's weight too."""
    if not shape.is_tied:
        return []
    return [tensor for tensor in shape.tensors if tensor.name == _TOKEN_TABLE]


def _host_bytes(tensors: list[WeightTensor], server: ServerShape) -> int:
    if not server.mmap:
        return sum(tensor.size_bytes for tensor in tensors)
    stretches: dict[int, tuple[int, int]] = {}
    for tensor in tensors:
        end = tensor.start + tensor.size_bytes
        first, last = stretches.get(tensor.file, (tensor.start, end))
        stretches[tensor.file] = min(first, tensor.start), max(last, end)
    return sum(last - first for first, last in stretches.values())


def _repacked(shape: ModelShape, on_host: list[WeightTensor], server: ServerShape) -> int:
    """With a device the host's tensors keep the order of the file."""
    if not server.repack or server.devices:
        return 0
    multiplied = [t for t in on_host if t.place is not Place.INPUT] + _tied_output(shape)
    return sum(
        tensor.size_bytes
        for tensor in multiplied
        if tensor.type_name in _REPACKED and tensor.rows % _REPACKED_ROWS == 0
    )
