"""The shape of a model as its cache sees it, from the header: pure.

Which layers keep K and V for every token, which for a window, which a state of fixed size. Rules
of llama.cpp's loaders as `shared/reference/llama-server.md` section 6 records them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from warehouse.errors import ModelError
from workers.models.header import GgufHeader

MOST_LAYERS = 4096

FULL = "full attention"
WINDOW = "sliding window"
LATENT = "latent attention (MLA)"
RECURRENT = "recurrent"

_DENSE = frozenset({"llama", "qwen2"})
"""Every layer is full attention with the header's heads; `gemma3`, `qwen3next`, `lfm2`, `mamba2`
and `deepseek2` have rules of their own below. Any other architecture is taken for dense."""


@dataclass(frozen=True, slots=True)
class Layer:
    """What a layer keeps of the past."""

    kind: str
    k_elements: int = 0
    """Elements of K a token."""
    v_elements: int = 0
    """Elements of V a token."""
    state_elements: int = 0
    """Elements of the recurrent state of a sequence, 32-bit floats."""


@dataclass(frozen=True, slots=True)
class ModelShape:
    """The layers of a model."""

    architecture: str
    layers: tuple[Layer, ...]
    window: int | None
    """Tokens of a sliding window."""
    exact: bool
    """False: an architecture without rules here, taken for full attention in every layer, which
    never keeps less than the model does."""

    def count(self, kind: str) -> int:
        """Number of layers of a kind."""
        return sum(layer.kind == kind for layer in self.layers)


def shape_of(header: GgufHeader) -> ModelShape:
    """The shape that a header describes.

    Raises:
        ModelError: the header lacks what its architecture needs.
    """
    architecture = header.architecture
    count = _needed(header, "block_count")
    if not 0 < count <= MOST_LAYERS:
        raise ModelError(f"has {count} layers")
    rule = _RULES.get(architecture)
    layers = rule(header, count) if rule else _dense(header, count)
    exact = rule is not None or architecture in _DENSE
    return ModelShape(
        architecture, tuple(layers), _number(header, "attention.sliding_window"), exact
    )


def _dense(header: GgufHeader, count: int) -> list[Layer]:
    return [_attention(header, i, FULL) for i in range(count)]


def _gemma3(header: GgufHeader, count: int) -> list[Layer]:
    """Every `sliding_window_pattern`-th layer sees everything, the others a window."""
    if not _number(header, "attention.sliding_window"):
        return _dense(header, count)
    pattern = _number(header, "attention.sliding_window_pattern") or 6
    return [_attention(header, i, WINDOW if (i + 1) % pattern else FULL) for i in range(count)]


def _qwen3next(header: GgufHeader, count: int) -> list[Layer]:
    """Gated DeltaNet, but for every `full_attention_interval`-th layer."""
    interval = _number(header, "full_attention_interval") or 4
    state = _ssm_state(header)
    return [
        _attention(header, i, FULL)
        if (i + 1) % interval == 0
        else Layer(RECURRENT, state_elements=state)
        for i in range(count)
    ]


def _mamba2(header: GgufHeader, count: int) -> list[Layer]:
    return [Layer(RECURRENT, state_elements=_ssm_state(header))] * count


def _lfm2(header: GgufHeader, count: int) -> list[Layer]:
    """A layer without KV heads is a short convolution."""
    width, cache = _needed(header, "embedding_length"), _needed(header, "shortconv.l_cache")
    convolution = Layer(RECURRENT, state_elements=width * (cache - 1))
    return [
        _attention(header, i, FULL) if _heads_at(header, i) else convolution for i in range(count)
    ]


def _deepseek2(header: GgufHeader, count: int) -> list[Layer]:
    """With MLA only a latent K is kept; files from before it keep plain K and V."""
    if _number(header, "attention.key_length_mla") is None:
        return _dense(header, count)
    latent = _needed(header, "attention.kv_lora_rank") + _needed(header, "rope.dimension_count")
    return [Layer(LATENT, k_elements=latent)] * count


_RULES = {
    "gemma3": _gemma3,
    "qwen3next": _qwen3next,
    "mamba2": _mamba2,
    "lfm2": _lfm2,
    "deepseek2": _deepseek2,
}


def _attention(header: GgufHeader, index: int, kind: str) -> Layer:
    heads = _heads_at(header, index)
    if header.key_length is None or header.value_length is None:
        raise ModelError("names no length of keys and values")
    return Layer(kind, heads * header.key_length, heads * header.value_length)


def _heads_at(header: GgufHeader, index: int) -> int:
    heads = header.kv_heads
    if heads is None:
        raise ModelError("names no KV heads")
    if isinstance(heads, int):
        return heads
    if index >= len(heads):
        raise ModelError(f"names KV heads of {len(heads)} layers, layer {index} has none")
    return heads[index]


def _ssm_state(header: GgufHeader) -> int:
    """Elements of the convolution, `(conv - 1) * (inner + 2 * groups * state)`, and the state."""
    conv, inner = _needed(header, "ssm.conv_kernel"), _needed(header, "ssm.inner_size")
    state, groups = _needed(header, "ssm.state_size"), _needed(header, "ssm.group_count")
    return (conv - 1) * (inner + 2 * groups * state) + state * inner


def _number(header: GgufHeader, key: str) -> int | None:
    value = header.container.values.get(f"{header.architecture}.{key}")
    if value is None or isinstance(value, bool) or not isinstance(value, int):
        return None
    return value


def _needed(header: GgufHeader, key: str) -> int:
    value = _number(header, key)
    if value is None:
        raise ModelError(f"lacks {header.architecture}.{key}")
    return value


def kinds(shape: ModelShape) -> Sequence[tuple[str, int]]:
    """Number of layers by kind, those that there are."""
    counted = [(kind, shape.count(kind)) for kind in (FULL, WINDOW, LATENT, RECURRENT)]
    return [(kind, number) for kind, number in counted if number]
