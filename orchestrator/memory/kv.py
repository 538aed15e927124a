"""KV cache and recurrent state: exact to the byte (`llama_kv_cache`, `llama_memory_recurrent`)."""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache

from orchestrator.memory.placing import LayerDevices, layer_devices
from orchestrator.memory.server import HOST, ServerShape, padded
from warehouse.errors import ConfigError
from workers.models.layers import Layer, LayerKind
from workers.models.shape import ModelShape

BLOCK = 32
"""Elements of a block of every cache type."""
BYTES_PER_BLOCK = {
    "f32": 128,
    "f16": 64,
    "bf16": 64,
    "q8_0": 34,
    "q5_1": 24,
    "q5_0": 22,
    "q4_1": 20,
    "q4_0": 18,
    "iq4_nl": 18,
}
"""Bytes of `BLOCK` elements by cache type: every type that llama-server takes."""


def row_bytes(cache_type: str, elements: int) -> int:
    """Bytes of one token's K or V.

    Raises:
        ConfigError: llama-server has no such cache type.
    """
    if cache_type not in BYTES_PER_BLOCK:
        known = ", ".join(BYTES_PER_BLOCK)
        raise ConfigError(f"unknown KV cache type '{cache_type}', there are: {known}")
    return -(-elements * BYTES_PER_BLOCK[cache_type] // BLOCK)


def cells(layer: Layer, server: ServerShape) -> int:
    """Tokens that a layer's cache has room for, over all its streams."""
    return cells_per_stream(layer, server) * server.streams


def cells_per_stream(layer: Layer, server: ServerShape) -> int:
    """Tokens that one stream of a layer's cache has room for.

    A sliding window keeps the window of each sequence in it and what one ubatch adds.
    """
    whole = server.context_per_sequence
    if layer.kind is not LayerKind.SLIDING or server.swa_full:
        return whole
    sequences = server.parallel if server.kv_unified else 1
    return padded(min(whole, layer.window * sequences + server.ubatch_size))


def kv_bytes(shape: ModelShape, server: ServerShape) -> Mapping[str, int]:
    """Bytes of the KV cache by device."""
    # without flash attention V lies transposed, all layers as wide as the widest
    widest = max(layer.value_width for layer in shape.layers)
    found: Counter[str] = Counter()
    for (layer, device), number in _layers_on(shape, server):
        if layer.key_width:
            narrow = server.flash_attn or not layer.value_width
            value = layer.value_width if narrow else widest
            row = row_bytes(server.cache_k, layer.key_width) + row_bytes(server.cache_v, value)
            found[_cache_device(device, server)] += number * cells(layer, server) * row
    return found


def recurrent_bytes(shape: ModelShape, server: ServerShape) -> Mapping[str, int]:
    """Bytes of recurrent state by device; one state for each slot, whatever the context."""
    found: Counter[str] = Counter()
    for (layer, device), number in _layers_on(shape, server):
        if layer.recurrent_bytes:
            state = number * server.parallel * layer.recurrent_bytes
            found[_cache_device(device, server)] += state
    return found


def _layers_on(shape: ModelShape, server: ServerShape) -> Iterable[tuple[tuple[Layer, str], int]]:
    """Equal layers on one device, and their number."""
    return _grouped(shape, layer_devices(len(shape.layers), server)).items()


@lru_cache(maxsize=4096)
def _grouped(shape: ModelShape, place: LayerDevices) -> Mapping[tuple[Layer, str], int]:
    return Counter(zip(shape.layers, place.layers, strict=True))


def bytes_per_token(shape: ModelShape, cache_k: str, cache_v: str) -> int:
    """Bytes that one more token of context takes; a sliding window takes none."""
    growing = (layer for layer in shape.layers if layer.kind is not LayerKind.SLIDING)
    return sum(
        row_bytes(cache_k, layer.key_width) + row_bytes(cache_v, layer.value_width)
        for layer in growing
    )


def _cache_device(device: str, server: ServerShape) -> str:
    return device if server.kv_offload else HOST
