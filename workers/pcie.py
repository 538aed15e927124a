"""PCIe traffic of GPUs, read now and then in a thread of its own, since each reading blocks."""

import threading

from workers.gpu import Nvml, PcieTraffic

INTERVAL_S = 2.0
"""A reading takes 2 x 20 ms a GPU, asleep in the driver: at most 2 % of the time for one."""


class PcieMeter:
    """The latest reading of each GPU; each is taken once.

    Args:
        gpu_uuids: The GPUs.
        nvml: Where the figures come from.
    """

    def __init__(self, gpu_uuids: tuple[str, ...], nvml: Nvml) -> None:
        self._gpu_uuids = gpu_uuids
        self._nvml = nvml
        self._latest: dict[str, PcieTraffic] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="pcie", daemon=True)

    def start(self) -> None:
        """Start reading."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, after the reading in flight."""
        self._stop.set()
        self._thread.join()

    def take(self, uuid: str) -> PcieTraffic | None:
        """The reading since the last call, if there is one."""
        return self._latest.pop(uuid, None)

    def _loop(self) -> None:
        telling = list(self._gpu_uuids)
        while telling:
            for uuid in tuple(telling):
                traffic = self._nvml.pcie(uuid)
                if traffic is None:
                    telling.remove(uuid)  # what a card does not tell once, it never tells
                else:
                    self._latest[uuid] = traffic
            if self._stop.wait(INTERVAL_S):
                return
