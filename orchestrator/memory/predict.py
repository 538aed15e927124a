"""The prediction of a launch's memory, and whether it fits: pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from orchestrator.memory.compute import MIB, History, compute_mib, overhead_mib
from orchestrator.memory.kv import kv_bytes, recurrent_bytes
from orchestrator.memory.server import HOST, ServerShape
from orchestrator.memory.weights import Weights, weights
from workers.models.shape import ModelShape

EXACT, HISTORY, ESTIMATE = "exact", "history", "estimate"
_NOTHING = History()


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

    def known_mib(self, device: str) -> float:
        """All of a device that is not an estimate."""
        return sum(p.mib for p in self.parts if p.device == device and p.basis != ESTIMATE)

    @property
    def totals(self) -> Mapping[str, float]:
        """MiB by device."""
        return {device: self.mib(device) for device in dict.fromkeys(p.device for p in self.parts)}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a launch fits."""

    fits: bool
    reason: str | None
    """When not: the devices that lack memory, in numbers."""
    is_certain: bool
    """When not: whether a device lacks memory for what is exact or learned alone. Estimates are
    high, so a launch that fails by them only may still fit."""


def predict(shape: ModelShape, server: ServerShape, history: History = _NOTHING) -> Prediction:
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
    short = [
        device
        for device, needed in prediction.totals.items()
        if device in free_mib and needed + margin_mib > free_mib[device]
    ]
    reasons = [
        f"{device} needs {prediction.mib(device):,.0f} of {free_mib[device]:,.0f} MiB"
        f"{_kept_free(margin_mib)}"
        for device in short
    ]
    certain = any(prediction.known_mib(device) + margin_mib > free_mib[device] for device in short)
    return Verdict(not short, "; ".join(reasons) or None, certain)


def smallest_n_cpu_moe(
    shape: ModelShape,
    server: ServerShape,
    free_mib: Mapping[str, float],
    margin_mib: float = 0.0,
    history: History = _NOTHING,
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


def _kept_free(margin_mib: float) -> str:
    return f", {margin_mib:,.0f} of them to stay free" if margin_mib else ""


def _counted(shape: ModelShape, server: ServerShape, held: Weights) -> list[PredictedPart]:
    basis = EXACT if shape.exact and server.split_mode in ("none", "layer") else ESTIMATE
    counted = (
        ("weights", held.by_device),
        ("kv", kv_bytes(shape, server)),
        ("recurrent", recurrent_bytes(shape, server)),
    )
    return [
        PredictedPart(device, part, size / MIB, _basis(basis, part, device, held))
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
