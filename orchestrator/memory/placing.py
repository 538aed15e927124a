"""Which device each layer goes to: llama.cpp's arithmetic (`load_tensors`)."""

from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from orchestrator.memory.server import HOST, ServerShape


@dataclass(frozen=True, slots=True)
class LayerDevices:
    """Devices by layer."""

    layers: tuple[str, ...]
    output: str


def layer_devices(layers: int, server: ServerShape) -> LayerDevices:
    """The device of each layer and of the output layer.

    The layers that are offloaded are the last ones; the output layer counts as one more. They
    are laid on the devices by their position against the running sum of the split, in single
    precision, as llama.cpp computes it.
    """
    devices = server.used_devices
    wanted = layers + 1 if server.n_gpu_layers is None else server.n_gpu_layers
    return _laid(layers, min(wanted, layers + 1) if devices else 0, devices, server.split)


@lru_cache(maxsize=4096)
def _laid(
    layers: int, offloaded: int, devices: tuple[str, ...], split: tuple[float, ...]
) -> LayerDevices:
    if not offloaded:
        return LayerDevices((HOST,) * layers, HOST)
    bounds = _bounds(split, len(devices))
    first = layers + 1 - offloaded
    place = [HOST] * first
    for position in range(offloaded):
        share = float(np.float32(position) / np.float32(offloaded))
        place.append(devices[min(bisect_right(bounds, share), len(devices) - 1)])
    return LayerDevices(tuple(place[:-1]), place[-1])


def _bounds(split: tuple[float, ...], devices: int) -> list[float]:
    shares = split if len(split) == devices and any(split) else (1,) * devices
    running = np.cumsum(np.array(shares, dtype=np.float32), dtype=np.float32)
    return [float(bound) for bound in running / running[-1]]
