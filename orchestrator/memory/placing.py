"""Which device each layer goes to: llama.cpp's arithmetic (`load_tensors`)."""

from bisect import bisect_right
from dataclasses import dataclass

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
    offloaded = min(wanted, layers + 1) if devices else 0
    if not offloaded:
        return LayerDevices((HOST,) * layers, HOST)
    bounds = _bounds(server, len(devices))
    first = layers + 1 - offloaded
    place = [HOST] * first
    for position in range(offloaded):
        share = float(np.float32(position) / np.float32(offloaded))
        place.append(devices[min(bisect_right(bounds, share), len(devices) - 1)])
    return LayerDevices(tuple(place[:-1]), place[-1])


def _bounds(server: ServerShape, devices: int) -> list[float]:
    split = server.split if len(server.split) == devices and any(server.split) else (1,) * devices
    running = np.cumsum(np.array(split, dtype=np.float32), dtype=np.float32)
    return [float(bound) for bound in running / running[-1]]
