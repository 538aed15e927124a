"""Memory of the KV cache and of recurrent states, exact to the byte: pure.

Cells as llama.cpp makes them: the context padded to 256, divided over the slots unless they
share it; a sliding window needs its own size and one micro-batch.
"""

from dataclasses import dataclass
from fractions import Fraction

from workers.models.shape import LATENT, WINDOW, Layer, ModelShape

BYTES_PER_ELEMENT = {
    "f32": Fraction(4),
    "f16": Fraction(2),
    "bf16": Fraction(2),
    "q8_0": Fraction(34, 32),
    "q5_1": Fraction(24, 32),
    "q5_0": Fraction(22, 32),
    "q4_1": Fraction(20, 32),
    "q4_0": Fraction(18, 32),
    "iq4_nl": Fraction(18, 32),
}
"""Blocks of 32 elements with their scales."""

_PADDING = 256
_STATE_BYTES = 4


@dataclass(frozen=True, slots=True)
class CacheConfig:
    """What of a server configuration decides its caches."""

    context: int
    """Tokens, over all slots."""
    cache_k: str
    cache_v: str
    parallel: int = 1
    """Slots."""
    unified: bool = False
    """Whether the slots share one cache."""
    ubatch_size: int = 512
    swa_full: bool = False


def kv_bytes(shape: ModelShape, config: CacheConfig) -> int:
    """The KV cache of all layers, bytes."""
    return sum(layer_kv_bytes(layer, shape.window, config) for layer in shape.layers)


def layer_kv_bytes(layer: Layer, window: int | None, config: CacheConfig) -> int:
    """The KV cache of one layer, bytes."""
    windowed = window if layer.kind == WINDOW and not config.swa_full else None
    cells = _cells(config, windowed)
    v_type = config.cache_k if layer.kind == LATENT else config.cache_v
    k = cells * layer.k_elements * BYTES_PER_ELEMENT[config.cache_k]
    v = cells * layer.v_elements * BYTES_PER_ELEMENT[v_type]
    return int(k + v)


def state_bytes(shape: ModelShape, parallel: int = 1) -> int:
    """Recurrent states of all layers, bytes: one for each slot, whatever the context."""
    return parallel * _STATE_BYTES * sum(layer.state_elements for layer in shape.layers)


def kib_per_token(shape: ModelShape, cache_k: str, cache_v: str) -> float:
    """KiB that a token adds in layers that keep every token."""
    k = sum(layer.k_elements for layer in shape.layers if layer.kind != WINDOW)
    v = sum(layer.v_elements for layer in shape.layers if layer.kind != WINDOW)
    return float((k * BYTES_PER_ELEMENT[cache_k] + v * BYTES_PER_ELEMENT[cache_v]) / 1024)


def _cells(config: CacheConfig, window: int | None) -> int:
    """Cells of a layer over all slots."""
    streams = 1 if config.unified else config.parallel
    per_stream = _padded(_padded(config.context) // streams)
    if window is not None:
        sequences = config.parallel if config.unified else 1
        per_stream = _padded(min(per_stream, window * sequences + config.ubatch_size))
    return streams * per_stream


def _padded(cells: int) -> int:
    return -(-cells // _PADDING) * _PADDING
