"""A double of the module `pynvml`: figures recorded on an H100, each of which can be changed."""

from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pynvml

H100 = "GPU-c0ffee"


class RefusedError(Exception):
    """A card's answer to what it does not support."""


def answers(value: Any) -> Callable[..., Any]:
    return lambda *_: value


def refuses(*_: Any) -> Any:
    raise RefusedError


def process(pid: int, used_mib: float | None) -> SimpleNamespace:
    used = None if used_mib is None else int(used_mib * 1024 * 1024)
    return SimpleNamespace(pid=pid, usedGpuMemory=used)


def recorded(**changes: Any) -> ModuleType:
    """The part of pynvml that is used, with figures of an H100."""
    library = ModuleType("pynvml")
    constants = {
        name: getattr(pynvml, name)
        for name in dir(pynvml)
        if "ClocksEventReason" in name or name.startswith(("NVML_CLOCK_", "NVML_PCIE_UTIL_"))
    }
    figures = {
        "NVMLError": RefusedError,
        "NVML_TEMPERATURE_GPU": 0,
        "nvmlInit": answers(None),
        "nvmlDeviceGetCount": answers(1),
        "nvmlDeviceGetHandleByIndex": answers("handle"),
        "nvmlDeviceGetUUID": answers(H100),
        "nvmlSystemGetDriverVersion": answers("580.159.03"),
        "nvmlSystemGetCudaDriverVersion": answers(13000),
        "nvmlDeviceGetName": answers("NVIDIA H100 80GB HBM3"),
        "nvmlDeviceGetPciInfo": answers(SimpleNamespace(busId="00000000:45:00.0")),
        "nvmlDeviceGetMemoryInfo": answers(SimpleNamespace(total=85520809984, used=11447304192)),
        "nvmlDeviceGetMaxPcieLinkGeneration": answers(5),
        "nvmlDeviceGetMaxPcieLinkWidth": answers(16),
        "nvmlDeviceGetPowerManagementLimit": answers(700000),
        "nvmlDeviceGetUtilizationRates": answers(SimpleNamespace(gpu=97)),
        "nvmlDeviceGetClockInfo": lambda _, kind: 2619 if kind == pynvml.NVML_CLOCK_MEM else 1980,
        "nvmlDeviceGetTemperature": answers(41),
        "nvmlDeviceGetPowerUsage": answers(312456),
        "nvmlDeviceGetTotalEnergyConsumption": answers(123456789),
        "nvmlDeviceGetComputeRunningProcesses": answers([process(4242, 10917)]),
        "nvmlDeviceGetPcieThroughput": lambda _, kind: 1024 if kind else 2048,
    }
    reasons = {"nvmlDeviceGetCurrentClocksEventReasons": answers(0x4 | 0x20)}
    for name, value in (constants | figures | reasons | changes).items():
        setattr(library, name, value)
    return library
