"""Pairings: from a pattern to exact devices of a host. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from warehouse.rows import Gpu
from workers.engine.build import EngineDevice


@dataclass(frozen=True, slots=True)
class Pairing:
    """A pairing bound to a host's devices."""

    pattern: str
    """The pattern with `auto` resolved."""
    devices: tuple[EngineDevice, ...]
    """In split order; none is the CPU."""
    split: tuple[float, ...]
    gpu_uuids: tuple[str, ...] = ()
    """NVML uuids of the devices, as far as they are known."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why a pairing cannot be had on a host."""

    reason: str


_WANTED = {"single": 1, "pair": 2}


def bind(
    pattern: str,
    split: tuple[float, ...] | None,
    devices: Sequence[EngineDevice],
    gpus: Sequence[Gpu] = (),
) -> Pairing | Unfit:
    """The devices that a pattern means on a host.

    Args:
        pattern: one of `orchestrator.axes.PAIRINGS`.
        split: tensor split; None is even.
        devices: what the engine sees there.
        gpus: what NVML sees there.
    """
    if pattern == "auto":
        pattern = "all" if devices else "cpu"
    if pattern == "cpu":
        return Pairing("cpu", (), ())
    wanted = _WANTED.get(pattern, max(1, len(devices)))
    if len(devices) < wanted:
        return Unfit(f"pairing {pattern} needs {wanted} GPU(s), the engine sees {len(devices)}")
    ratio = split or (1.0,) * wanted
    if len(ratio) != wanted:
        return Unfit(f"split has {len(ratio)} parts for {wanted} device(s)")
    uuids = _uuids(devices, gpus)
    return Pairing(pattern, tuple(devices[:wanted]), ratio, tuple(uuids[:wanted]))


def _uuids(devices: Sequence[EngineDevice], gpus: Sequence[Gpu]) -> list[str]:
    """GPUs by the engine's order.

    Both count by PCI bus (`CUDA_DEVICE_ORDER=PCI_BUS_ID` is set for the engine), so equal
    lists of names mean the same cards; where they differ, nothing is claimed.
    """
    same = len(devices) == len(gpus) and all(
        gpu.name in device.description or device.description in gpu.name
        for device, gpu in zip(devices, gpus, strict=True)
    )
    return [gpu.uuid for gpu in gpus] if same else []
