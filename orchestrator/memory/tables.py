"""A model's shape and memory as tables: what `herd models inspect` shows. Pure."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.memory.compute import MIB
from orchestrator.memory.kv import BYTES_PER_BLOCK, bytes_per_token, kv_bytes, row_bytes
from orchestrator.memory.outlook import Outlook
from orchestrator.memory.predict import BASES, PARTS
from orchestrator.memory.server import ServerShape
from workers.models.layers import LayerKind
from workers.models.shape import ModelShape

KIB = 1024
CACHES = (("f16", "f16"), ("q8_0", "q8_0"), ("q8_0", "q4_0"), ("q4_0", "q4_0"))
"""Types of K and V that people use, from the most memory to the least."""
CONTEXTS = (32 * KIB, 64 * KIB, 128 * KIB, 192 * KIB, 256 * KIB)
"""Tokens."""

LAUNCH_COLUMNS = ("device", *PARTS, "total", "needed", "free", "basis")
"""Of `launch_rows`."""


@dataclass(frozen=True, slots=True)
class Section:
    """A table with its heading."""

    name: str
    """Its key in JSON."""
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]


def memory_sections(
    shape: ModelShape, measured: Mapping[tuple[str, str, int], float]
) -> tuple[Section, ...]:
    """Layers by kind, tensors by type, KiB per token, and MiB by cache types and context.

    Args:
        shape: the model's.
        measured: KV cache of earlier launches of one slot, MiB by cache types and context.
    """
    return (_layers(shape), _quant_mix(shape), _per_token(shape), _by_context(shape, measured))


def launch_rows(outlook: Outlook) -> list[tuple[object, ...]]:
    """What is expected of a launch, a row a device, MiB.

    `needed` leaves out pages of the mapped file, which the host can drop; `basis` is the weakest
    of the device's parts.
    """
    prediction = outlook.prediction
    rows: list[tuple[object, ...]] = []
    for device, total in prediction.totals.items():
        parts = {p.part: p for p in prediction.parts if p.device == device}
        held = (round(parts[name].mib, 1) if name in parts else 0.0 for name in PARTS)
        basis = max((part.basis for part in parts.values()), key=BASES.index)
        needed = round(prediction.needed_mib(device), 1)
        rows.append((device, *held, round(total, 1), needed, outlook.free_mib.get(device), basis))
    return rows


def contexts(native: int) -> tuple[int, ...]:
    """The contexts of the table, up to the model's native one, tokens; 0 is not known."""
    if not native:
        return CONTEXTS
    return (*(context for context in CONTEXTS if context < native), native)


def _layers(shape: ModelShape) -> Section:
    columns = ("kind", "layers", "kv_heads", "key_length", "value_length", "window", "state_kib")
    rows = (
        (
            layer.kind.value,
            count,
            layer.kv_heads,
            layer.key_length,
            layer.value_length,
            layer.window,
            layer.recurrent_bytes / KIB,
        )
        for layer, count in Counter(shape.layers).items()
        if layer.kind is not LayerKind.NONE
    )
    title = "Layers by what they remember (recurrent state: KiB a slot)"
    return Section("layers", title, columns, tuple(rows))


def _quant_mix(shape: ModelShape) -> Section:
    sizes: Counter[str] = Counter()
    for tensor in shape.tensors:
        sizes[tensor.type_name] += tensor.size_bytes
    whole = max(shape.weights_bytes, 1)
    rows = ((kind, size / MIB, 100 * size / whole) for kind, size in sizes.most_common())
    title = "Weights by type of tensor"
    return Section("quant_mix", title, ("type", "mib", "percent"), tuple(rows))


def _per_token(shape: ModelShape) -> Section:
    growing = [layer for layer in shape.layers if layer.kind is not LayerKind.SLIDING]
    rows = []
    for cache in BYTES_PER_BLOCK:
        k = sum(row_bytes(cache, layer.key_width) for layer in growing) / KIB
        v = sum(row_bytes(cache, layer.value_width) for layer in growing) / KIB
        rows.append((cache, k, v, k + v))
    title = "KiB a token of context, by cache type (a sliding window takes none)"
    return Section("kib_per_token", title, ("cache", "k", "v", "both"), tuple(rows))


def _by_context(shape: ModelShape, measured: Mapping[tuple[str, str, int], float]) -> Section:
    asked = contexts(shape.context_length)
    seen = [context for context in asked if any((*kv, context) in measured for kv in CACHES)]
    rows = []
    for k, v in CACHES:
        row: list[object] = [f"{k}/{v}", bytes_per_token(shape, k, v) / KIB]
        for context in asked:
            row.append(_kv_mib(shape, ServerShape(context, k, v)))
            row += [measured.get((k, v, context))] if context in seen else []
        rows.append(tuple(row))
    columns = ["cache", "kib_per_token"]
    for context in asked:
        columns += [str(context), *([f"{context}_measured"] if context in seen else [])]
    title = "KV cache by cache types (K/V) and context, MiB, one slot"
    return Section("kv_mib", title, tuple(columns), tuple(rows))


def _kv_mib(shape: ModelShape, server: ServerShape) -> float:
    return sum(kv_bytes(shape, server).values()) / MIB
