"""The prediction of a launch's memory, and whether it fits: pure."""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, replace

from orchestrator.memory.compute import MIB, NOTHING, History, compute_mib, overhead_mib
from orchestrator.memory.kv import kv_bytes, recurrent_bytes
from orchestrator.memory.server import HOST, ServerShape
from orchestrator.memory.weights import Weights, weights
from workers.models.shape import ModelShape

EXACT, HISTORY, ESTIMATE = "exact", "history", "estimate"
BASES = (EXACT, HISTORY, ESTIMATE)
"""From the surest to the weakest."""
PARTS = ("weights", "kv", "recurrent", "compute", "overhead")


@dataclass(frozen=True, slots=True)
class PredictedPart:
    """A part of a device's memory."""

    device: str
    """As the engine names it, or `Host`."""
    part: str
    """weights, kv, recurrent, compute or overhead"""
    mib: float
    basis: str
    """exact (llama.cpp's own arithmetic), history (learned from launches) or estimate"""
    evictable_mib: float = 0.0
    """Of it, pages of the mapped model file, which the host can drop and read again."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """All parts of all devices of a launch."""

    parts: tuple[PredictedPart, ...]
    """Devices in split order, the host last; parts that hold nothing are left out."""
    note: str | None
    """What is assumed of an architecture that is not known."""

    def mib(self, device: str) -> float:
        """All of a device."""
        return sum(part.mib for part in self.parts if part.device == device)

    def needed_mib(self, device: str, *, known: bool = False) -> float:
        """What of a device has to be there at once; only what is no estimate if `known`."""
        return sum(
            part.mib - part.evictable_mib
            for part in self.parts
            if part.device == device and not (known and part.basis == ESTIMATE)
        )

    @property
    def totals(self) -> Mapping[str, float]:
        """MiB by device."""
        return {device: self.mib(device) for device in dict.fromkeys(p.device for p in self.parts)}


_LOGIT_BYTES = 4


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a launch fits."""

    fits: bool
    reason: str | None
    """When not: the devices that lack memory, in numbers."""
    is_certain: bool
    """When not: whether a device lacks memory for what is exact or learned alone. Estimates are
    high, so a launch that fails by them only may still fit."""


def predict(shape: ModelShape, server: ServerShape, history: History = NOTHING) -> Prediction:
    """What a launch of this configuration will hold on each device.

    Never less for a larger context.

    Args:
        shape: The model's.
        server: The configuration.
        history: Of `compute.relevant`; empty gives estimates of compute and overhead.

    Raises:
        ConfigError: A cache type that llama-server does not have.
    """
    held = weights(shape, server)
    parts = (
        *_counted(shape, server, held),
        *_learned(shape, server, held, history),
    )
    order = [*server.devices, HOST]
    by_device = sorted(parts, key=lambda part: order.index(part.device))
    return Prediction(tuple(part for part in by_device if part.mib), shape.note)


def verdict(
    prediction: Prediction, free_mib: Mapping[str, float], margin_mib: float = 0.0
) -> Verdict:
    """Whether every device has room.

    Args:
        prediction: What is needed.
        free_mib: What is free, by device; a device without a figure is not judged.
        margin_mib: What has to stay free on each.
    """

    def lacks(device: str, *, known: bool = False) -> bool:
        return prediction.needed_mib(device, known=known) + margin_mib > free_mib[device]

    short = [device for device in prediction.totals if device in free_mib and lacks(device)]
    reasons = [
        f"{device} needs {prediction.needed_mib(device):,.0f} of {free_mib[device]:,.0f} MiB"
        f"{_kept_free(margin_mib)}"
        for device in short
    ]
    certain = any(lacks(device, known=True) for device in short)
    return Verdict(not short, "; ".join(reasons) or None, certain)


def smallest_n_cpu_moe(
    shape: ModelShape,
    server: ServerShape,
    free_mib: Mapping[str, float],
    margin_mib: float = 0.0,
    history: History = NOTHING,
) -> int | None:
    """The fewest layers whose experts have to lie on the host; None when even all do not help.

    Args:
        shape: The model's; without experts only 0 is tried.
        server: The configuration; its own `n_cpu_moe` is not looked at.
        free_mib: As for `verdict`.
        margin_mib: As for `verdict`.
        history: As for `predict`.
    """
    most = len(shape.layers) if shape.experts else 0
    for layers in range(most + 1):
        tried = predict(shape, replace(server, n_cpu_moe=layers), history)
        if verdict(tried, free_mib, margin_mib).fits:
            return layers
    return None


def largest_context(
    shape: ModelShape,
    server: ServerShape,
    free_mib: Mapping[str, float],
    margin_mib: float = 0.0,
    history: History = NOTHING,
    *,
    granularity: int = 256,
) -> int | None:
    """The largest context up to the server's own that fits; None when even the smallest does not.

    Args:
        shape: The model's.
        server: The configuration; its context is the limit, tokens.
        free_mib: As for `verdict`.
        margin_mib: As for `verdict`.
        history: As for `predict`.
        granularity: Contexts below the limit are multiples of it, tokens.
    """

    def fits(context: int) -> bool:
        tried = predict(shape, replace(server, context=context), history)
        return verdict(tried, free_mib, margin_mib).fits

    if fits(server.context):
        return server.context
    # what a launch takes never falls with the context
    steps = bisect_left(
        range(1, server.context // granularity + 1), 1, key=lambda n: not fits(n * granularity)
    )
    return steps * granularity or None


def _kept_free(margin_mib: float) -> str:
    return f", {margin_mib:,.0f} of them to stay free" if margin_mib else ""


def _counted(shape: ModelShape, server: ServerShape, held: Weights) -> list[PredictedPart]:
    basis = EXACT if shape.exact and server.split_mode in ("none", "layer") else ESTIMATE
    counted = (
        ("weights", held.by_device),
        ("kv", kv_bytes(shape, server)),
        ("recurrent", recurrent_bytes(shape, server)),
        ("output", {HOST: server.outputs * shape.vocab_size * _LOGIT_BYTES}),
    )
    return [
        PredictedPart(
            device,
            part,
            size / MIB,
            _basis(basis, part, device, held),
            held.mapped / MIB if (part, device) == ("weights", HOST) else 0.0,
        )
        for part, sizes in counted
        for device, size in sizes.items()
    ]


def _basis(basis: str, part: str, device: str, held: Weights) -> str:
    """Which weights a CPU keeps twice is not known here."""
    is_unsure = part == "weights" and device == HOST and held.repacked
    return ESTIMATE if is_unsure else basis


def _learned(
    shape: ModelShape, server: ServerShape, held: Weights, history: History
) -> list[PredictedPart]:
    found = []
    for device in (*server.used_devices, HOST):
        for part, learned in (
            ("compute", compute_mib(shape, server, held, device, history)),
            ("overhead", overhead_mib(server, device, history)),
        ):
            found.append(PredictedPart(device, part, learned.mib, learned.basis))
    return found
