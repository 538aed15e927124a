"""What each layer of a model keeps for each token and each sequence: pure, from its header."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from warehouse.errors import ModelError
from workers.models.header import GgufHeader
from workers.models.metadata import MOST_LAYERS, Metadata

_F32_BYTES = 4
"""Recurrent state is kept in f32, whatever the cache types."""


class LayerKind(StrEnum):
    """What a layer remembers."""

    FULL = "full attention"
    SLIDING = "sliding window"
    RECURRENT = "recurrent"
    MLA = "MLA"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Layer:
    """What a layer remembers: of each token (K and V), and of each sequence (recurrent state)."""

    kind: LayerKind
    kv_heads: int = 0
    key_length: int = 0
    """Width of a head of K, elements."""
    value_length: int = 0
    """Width of a head of V, elements; 0 where V is a part of K (MLA)."""
    window: int = 0
    """Tokens that a sliding window sees; 0 is all."""
    conv_state: int = 0
    """Recurrent state of the convolution (llama.cpp's n_embd_r), elements a sequence."""
    ssm_state: int = 0
    """Recurrent state beyond it (llama.cpp's n_embd_s), elements a sequence."""

    @property
    def key_width(self) -> int:
        """Elements of K a token."""
        return self.kv_heads * self.key_length

    @property
    def value_width(self) -> int:
        """Elements of V a token."""
        return self.kv_heads * self.value_length

    @property
    def recurrent_bytes(self) -> int:
        """Bytes of recurrent state a sequence."""
        return _F32_BYTES * (self.conv_state + self.ssm_state)


@dataclass(frozen=True, slots=True)
class _Source:
    """The header, read for layers."""

    facts: Metadata
    prefix: str
    count: int
    trunk: int
    """Layers before those of multi-token prediction, which are not loaded."""
    attention: tuple[Layer, ...]
    """Each layer as if it were full attention."""
    conv_state: int
    ssm_state: int

    def key(self, name: str) -> str:
        return f"{self.prefix}.{name}"

    def recurrent(self) -> Layer:
        if not self.conv_state + self.ssm_state:
            raise ModelError("has recurrent layers but not the size of their state in its header")
        return Layer(LayerKind.RECURRENT, conv_state=self.conv_state, ssm_state=self.ssm_state)


def layers_of(header: GgufHeader) -> tuple[tuple[Layer, ...], int]:
    """The layers of a model, and how many of them are loaded.

    Raises:
        ModelError: The header lacks what they need, or its values cannot be.
    """
    source = _source(header)
    build = _ARCHITECTURES.get(header.architecture, _estimated)
    loaded = build(source)[: source.trunk]
    if not any(_remembers(layer) for layer in loaded):
        raise ModelError("has no layer with KV heads or a recurrent state in its header")
    draft = (Layer(LayerKind.NONE),) * (source.count - source.trunk)
    return (*loaded, *draft), source.trunk


def _remembers(layer: Layer) -> bool:
    return bool(layer.key_width or layer.recurrent_bytes)


def _source(header: GgufHeader) -> _Source:
    count = header.layers or 0
    facts, prefix = header.metadata, header.architecture
    if not 0 < count <= MOST_LAYERS:
        raise ModelError(f"has {count} layers in its header; llama.cpp takes 1 to {MOST_LAYERS}")
    draft = facts.count(f"{prefix}.nextn_predict_layers")
    if draft >= count:
        raise ModelError(f"has {draft} draft layers of {count} in its header")
    conv, ssm = _recurrent_state(facts, prefix, header.embedding_length or 0)
    attention = _attention(header, facts, prefix, count)
    return _Source(facts, prefix, count, count - draft, attention, conv, ssm)


def _attention(header: GgufHeader, facts: Metadata, prefix: str, count: int) -> tuple[Layer, ...]:
    heads = facts.by_layer(f"{prefix}.attention.head_count", count, (0,) * count)
    kv_heads = facts.by_layer(f"{prefix}.attention.head_count_kv", count, heads)
    # llama.cpp takes the default from the first layer, and 0 where that has no heads
    width = (header.embedding_length or 0) // heads[0] if heads[0] else 0
    key = facts.number(f"{prefix}.attention.key_length", width) or 0
    value = facts.number(f"{prefix}.attention.value_length", width) or 0
    return tuple(Layer(LayerKind.FULL, number, key, value) for number in kv_heads)


def _recurrent_state(facts: Metadata, prefix: str, embedding: int) -> tuple[int, int]:
    """Elements of a recurrent layer's state: llama.cpp's n_embd_r and n_embd_s."""
    if head := facts.count(f"{prefix}.wkv.head_size"):
        shifts = facts.number(f"{prefix}.token_shift_count", 2) or 0
        return shifts * embedding, embedding * head
    if cache := facts.count(f"{prefix}.shortconv.l_cache"):
        return embedding * (cache - 1), 0
    inner = facts.count(f"{prefix}.ssm.inner_size")
    state = facts.count(f"{prefix}.ssm.state_size")
    groups = facts.count(f"{prefix}.ssm.group_count")
    kernel = max(facts.count(f"{prefix}.ssm.conv_kernel"), 1)
    return (kernel - 1) * (inner + 2 * groups * state), state * inner


def _full(source: _Source) -> tuple[Layer, ...]:
    """llama, qwen2, qwen3 and their mixtures: every layer attends to the whole context."""
    for number, layer in enumerate(source.attention):
        if not layer.key_width:
            raise ModelError(f"has no KV heads in layer {number} in its header")
    return source.attention


def _gemma3(source: _Source) -> tuple[Layer, ...]:
    layers = _full(source)
    window = source.facts.count(source.key("attention.sliding_window"))
    if not window:
        return layers
    key = source.key("attention.sliding_window_pattern")
    pattern = source.facts.flags(key)
    if pattern is None:
        period = source.facts.number(key, 6) or 0
        pattern = tuple(not period or i % period < period - 1 for i in range(source.count))
    slides = (*pattern, *(False,) * source.count)
    return tuple(
        _sliding(source, layer, window) if slides[i] else layer for i, layer in enumerate(layers)
    )


def _sliding(source: _Source, layer: Layer, window: int) -> Layer:
    facts = source.facts
    key = facts.number(source.key("attention.key_length_swa"), layer.key_length) or 0
    value = facts.number(source.key("attention.value_length_swa"), layer.value_length) or 0
    return replace(layer, kind=LayerKind.SLIDING, window=window, key_length=key, value_length=value)


def _qwen3next(source: _Source) -> tuple[Layer, ...]:
    """Gated DeltaNet, with full attention in every fourth layer."""
    named = source.facts.flags(source.key("attention.recurrent_layers"))
    interval = source.facts.number(source.key("full_attention_interval"), 4)
    if named is None and not interval:
        raise ModelError("has a full_attention_interval of 0 in its header")
    recurrent = named or tuple((i + 1) % (interval or 1) != 0 for i in range(source.count))
    if len(recurrent) != source.count:
        raise ModelError(f"has {len(recurrent)} recurrent_layers for {source.count} layers")
    return _hybrid(source, recurrent)


def _lfm2(source: _Source) -> tuple[Layer, ...]:
    """Short convolutions in the layers without KV heads."""
    layers = _hybrid(source, tuple(not layer.kv_heads for layer in source.attention))
    window = source.facts.count(source.key("attention.sliding_window"))
    return tuple(
        _sliding(source, layer, window) if window and layer.kv_heads else layer for layer in layers
    )


def _hybrid(source: _Source, recurrent: tuple[bool, ...]) -> tuple[Layer, ...]:
    return tuple(
        source.recurrent() if keeps_state else layer
        for layer, keeps_state in zip(source.attention, recurrent, strict=True)
    )


def _mamba2(source: _Source) -> tuple[Layer, ...]:
    return (source.recurrent(),) * source.count


def _deepseek2(source: _Source) -> tuple[Layer, ...]:
    """Multi-head latent attention: K holds V too. Old files keep K and V of every head."""
    layers = _full(source)
    if not source.facts.count(source.key("attention.key_length_mla")):
        return layers
    return tuple(replace(layer, kind=LayerKind.MLA, value_length=0) for layer in layers)


def _estimated(source: _Source) -> tuple[Layer, ...]:
    """An architecture not known here: the most that its header allows."""
    return tuple(
        replace(
            layer,
            kind=LayerKind.FULL if layer.key_width else LayerKind.RECURRENT,
            conv_state=source.conv_state,
            ssm_state=source.ssm_state,
        )
        for layer in source.attention
    )


_ARCHITECTURES: dict[str, Callable[[_Source], tuple[Layer, ...]]] = {
    **dict.fromkeys(("llama", "qwen2", "qwen2moe", "qwen3", "qwen3moe"), _full),
    "gemma3": _gemma3,
    "qwen3next": _qwen3next,
    "lfm2": _lfm2,
    "mamba2": _mamba2,
    "deepseek2": _deepseek2,
}

EXACT_ARCHITECTURES = frozenset(_ARCHITECTURES)
"""Architectures whose layers are llama.cpp's own arithmetic; others are estimated upwards."""
