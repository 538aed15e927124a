"""NVIDIA GPUs through NVML; absent where there is no driver.

Every figure is None when the card or driver does not give it, and no NVML error passes
beyond this module. Reference: NVIDIA's NVML API guide.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pynvml

from warehouse.rows import Gpu

MIB = 1024 * 1024
IDLE = "gpu_idle"
"""Named among the reasons by NVML, but it holds no load back."""

_REASONS = {
    "nvmlClocksEventReasonGpuIdle": IDLE,
    "nvmlClocksEventReasonApplicationsClocksSetting": "applications_clocks_setting",
    "nvmlClocksEventReasonSwPowerCap": "sw_power_cap",
    "nvmlClocksEventReasonHwSlowdown": "hw_slowdown",
    "nvmlClocksEventReasonSyncBoost": "sync_boost",
    "nvmlClocksEventReasonSwThermalSlowdown": "sw_thermal_slowdown",
    "nvmlClocksEventReasonHwThermalSlowdown": "hw_thermal_slowdown",
    "nvmlClocksEventReasonHwPowerBrakeSlowdown": "hw_power_brake_slowdown",
    "nvmlClocksEventReasonDisplayClockSetting": "display_clock_setting",
}


@dataclass(frozen=True, slots=True)
class GpuSample:
    """A GPU at one moment."""

    vram_used_mib: float | None = None
    utilisation_pct: float | None = None
    clock_mhz: float | None = None
    memory_clock_mhz: float | None = None
    temperature_c: float | None = None
    power_w: float | None = None
    throttle_reasons: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class GpuProcess:
    """A process that has a compute context on a GPU."""

    pid: int
    """As the driver counts: in a container it may be the host's number."""
    used_mib: float | None
    """Memory of that GPU; None where the driver does not tell."""


@dataclass(frozen=True, slots=True)
class PcieTraffic:
    """What a GPU sends and receives, MiB/s."""

    tx_mib_s: float
    rx_mib_s: float


class Nvml:
    """The GPUs of this host; usable from several threads."""

    def __init__(self, library: ModuleType = pynvml) -> None:
        """Open NVML; without a driver there are no GPUs and every figure is None.

        Args:
            library: The `pynvml` module, or one of the same functions.
        """
        self._lib: Any = library
        self._handles: dict[str, Any] = {}
        self._lowest_w: dict[str, float] = {}
        self._lowest_c: dict[str, float] = {}
        if self._opened():
            count = self._ask(library.nvmlDeviceGetCount) or 0
            self._handles = dict(self._devices(count))

    def _opened(self) -> bool:
        try:
            self._lib.nvmlInit()
        except self._lib.NVMLError:
            return False
        return True

    def _ask(self, function: Callable[..., Any], *args: Any) -> Any:
        try:
            return function(*args)
        except self._lib.NVMLError:
            return None

    def _devices(self, count: int) -> Iterable[tuple[str, Any]]:
        for index in range(count):
            handle = self._ask(self._lib.nvmlDeviceGetHandleByIndex, index)
            uuid = self._ask(self._lib.nvmlDeviceGetUUID, handle) if handle else None
            if uuid:
                yield uuid, handle

    @property
    def uuids(self) -> tuple[str, ...]:
        """Uuids of all GPUs, in NVML's order."""
        return tuple(self._handles)

    def driver(self) -> str | None:
        """Driver version, as `580.159.03`."""
        version = self._ask(self._lib.nvmlSystemGetDriverVersion)
        return str(version) if version else None

    def cuda(self) -> str | None:
        """Highest CUDA version that the driver offers, as `13.0`."""
        number = self._ask(self._lib.nvmlSystemGetCudaDriverVersion)
        return f"{number // 1000}.{number % 1000 // 10}" if number else None

    def gpus(self) -> tuple[Gpu, ...]:
        """All GPUs; PCIe as the most that card and slot can do, not as idling now."""
        return tuple(
            self._gpu(index, uuid, handle)
            for index, (uuid, handle) in enumerate(self._handles.items())
        )

    def _gpu(self, index: int, uuid: str, handle: Any) -> Gpu:
        lib = self._lib
        memory = self._ask(lib.nvmlDeviceGetMemoryInfo, handle)
        pci = self._ask(lib.nvmlDeviceGetPciInfo, handle)
        return Gpu(
            index=index,
            name=str(self._ask(lib.nvmlDeviceGetName, handle) or "unknown GPU"),
            uuid=uuid,
            pci_bus_id=str(pci.busId) if pci else "",
            memory_mib=memory.total // MIB if memory else 0,
            pcie_generation=self._ask(lib.nvmlDeviceGetMaxPcieLinkGeneration, handle),
            pcie_width=self._ask(lib.nvmlDeviceGetMaxPcieLinkWidth, handle),
            power_limit_w=_milli(self._ask(lib.nvmlDeviceGetPowerManagementLimit, handle)),
        )

    def sample(self, uuid: str) -> GpuSample:
        """A GPU now; an unknown uuid gives None throughout."""
        handle = self._handles.get(uuid)
        if handle is None:
            return GpuSample()
        lib = self._lib
        memory = self._ask(lib.nvmlDeviceGetMemoryInfo, handle)
        rates = self._ask(lib.nvmlDeviceGetUtilizationRates, handle)
        reasons = self._ask(lib.nvmlDeviceGetCurrentClocksEventReasons, handle)
        temperature_c = _float(
            self._ask(lib.nvmlDeviceGetTemperature, handle, lib.NVML_TEMPERATURE_GPU)
        )
        if temperature_c is not None:
            self._lowest_c[uuid] = min(temperature_c, self._lowest_c.get(uuid, temperature_c))
        return GpuSample(
            vram_used_mib=memory.used / MIB if memory else None,
            utilisation_pct=float(rates.gpu) if rates else None,
            clock_mhz=_float(self._ask(lib.nvmlDeviceGetClockInfo, handle, lib.NVML_CLOCK_SM)),
            memory_clock_mhz=_float(
                self._ask(lib.nvmlDeviceGetClockInfo, handle, lib.NVML_CLOCK_MEM)
            ),
            temperature_c=temperature_c,
            power_w=_milli(self._ask(lib.nvmlDeviceGetPowerUsage, handle)),
            throttle_reasons=None if reasons is None else self._reason_names(reasons),
        )

    def energy_mj(self, uuid: str) -> float | None:
        """Energy of a GPU since the driver was loaded, mJ.

        Apart from `sample`, because it is the dear one: 2 to 17 ms, nearly all of it CPU, where
        all the rest took 0.02 ms (H100 in a virtual machine, driver 580).
        """
        handle = self._handles.get(uuid)
        if handle is None:
            return None
        return _float(self._ask(self._lib.nvmlDeviceGetTotalEnergyConsumption, handle))

    def processes(self, uuid: str) -> tuple[GpuProcess, ...] | None:
        """Processes that compute on a GPU; None where the driver does not tell.

        A display server does not count: it is there for good, and takes memory but hardly time.
        """
        handle = self._handles.get(uuid)
        if handle is None:
            return None
        found = self._ask(self._lib.nvmlDeviceGetComputeRunningProcesses, handle)
        if found is None:
            return None
        # In a container the memory was seen to be told as 0.
        return tuple(
            GpuProcess(each.pid, each.usedGpuMemory / MIB if each.usedGpuMemory else None)
            for each in found
        )

    def pcie(self, uuid: str) -> PcieTraffic | None:
        """Traffic of a GPU over PCIe now.

        It blocks: NVML counts for 20 ms a direction (its reference, nvmlDeviceGetPcieThroughput).
        """
        handle = self._handles.get(uuid)
        if handle is None:
            return None
        lib = self._lib
        directions = lib.NVML_PCIE_UTIL_TX_BYTES, lib.NVML_PCIE_UTIL_RX_BYTES
        tx, rx = (
            self._ask(lib.nvmlDeviceGetPcieThroughput, handle, direction)
            for direction in directions
        )
        return None if tx is None or rx is None else PcieTraffic(tx / 1024, rx / 1024)

    def lowest_temperature_c(self, uuid: str) -> float | None:
        """Lowest temperature that any sample of a GPU has shown here."""
        return self._lowest_c.get(uuid)

    def idle_power_w(self, uuids: Iterable[str]) -> float | None:
        """Power of these GPUs together, each at the lowest that was asked for here, this time too.

        Between two servers a card is not idle yet: an H100 told 240 W then, and 74 W before the
        first. None if there are no GPUs or one does not tell.
        """
        powers = [self._lowest_power_w(uuid) for uuid in uuids]
        known = [power for power in powers if power is not None]
        return sum(known) if known and len(known) == len(powers) else None

    def _lowest_power_w(self, uuid: str) -> float | None:
        power = self.sample(uuid).power_w
        if power is None:
            return None
        self._lowest_w[uuid] = min(power, self._lowest_w.get(uuid, power))
        return self._lowest_w[uuid]

    def _reason_names(self, mask: int) -> tuple[str, ...]:
        return tuple(name for const, name in _REASONS.items() if mask & getattr(self._lib, const))


def _float(value: int | None) -> float | None:
    return None if value is None else float(value)


def _milli(value: float | None) -> float | None:
    return None if value is None else value / 1000
