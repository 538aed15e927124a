"""The launches that run on this host now, and the devices that each has."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from warehouse.errors import FleetError
from workers.contract import LaunchRequest

_CPU = "cpu"


def devices_of(request: LaunchRequest) -> frozenset[str]:
    """What a launch leases: its GPUs by uuid, as far as they are known, else by name; or the CPU.

    A launch without GPUs disturbs every other, so the CPU is a device too.
    """
    known = len(request.gpu_uuids) == len(request.devices)
    return frozenset(request.gpu_uuids if known else request.devices) or frozenset({_CPU})


@dataclass(slots=True)
class Running:
    """A second lock under the driver's leases: a driver that errs is refused."""

    _devices: dict[str, frozenset[str]] = field(default_factory=dict)
    _cancelled: dict[str, threading.Event] = field(default_factory=dict)
    _leaving: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def leased(self, request: LaunchRequest) -> Iterator[threading.Event]:
        """Its devices are taken while the block runs; gives the event that cancels it.

        Raises:
            FleetError: another launch has one of them.
        """
        wanted, cancelled = devices_of(request), threading.Event()
        with self._lock:
            for other, devices in self._devices.items():
                if both := wanted & devices:
                    raise FleetError(f"{', '.join(sorted(both))} is leased to launch {other}")
            self._devices[request.launch_id] = wanted
            self._cancelled[request.launch_id] = cancelled
            if self._leaving:
                cancelled.set()
        try:
            yield cancelled
        finally:
            with self._lock:
                del self._devices[request.launch_id], self._cancelled[request.launch_id]

    def cancel(self, launch_id: str | None) -> None:
        """End a launch; None: all, and those that begin after this too."""
        with self._lock:
            self._leaving = self._leaving or launch_id is None
            for each, cancelled in self._cancelled.items():
                if launch_id in (None, each):
                    cancelled.set()
