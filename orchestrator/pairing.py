"""Pairings: from a pattern to exact devices of a host. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from workers.engine.build import EngineDevice


@dataclass(frozen=True, slots=True)
class Pairing:
    """A pairing bound to a host's devices."""

    pattern: str
    """The pattern with `auto` resolved."""
    devices: tuple[EngineDevice, ...]
    """In split order; none is the CPU."""
    split: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why a pairing cannot be had on a host."""

    reason: str


_WANTED = {"single": 1, "pair": 2}


def bind(
    pattern: str, split: tuple[float, ...] | None, devices: Sequence[EngineDevice]
) -> Pairing | Unfit:
    """The devices that a pattern means on a host with these devices."""
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
    return Pairing(pattern, tuple(devices[:wanted]), ratio)
