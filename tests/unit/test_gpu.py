"""NVML absent (for real, where this machine has none) and present (recorded figures)."""

from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pynvml
import pytest

from warehouse.rows import Gpu
from workers.gpu import GpuSample, Nvml

H100 = "GPU-c0ffee"


class RefusedError(Exception):
    """A card's answer to what it does not support."""


def answers(value: Any) -> Callable[..., Any]:
    return lambda *_: value


def refuses(*_: Any) -> Any:
    raise RefusedError


def recorded(**changes: Any) -> ModuleType:
    """The part of pynvml that is used, with figures of an H100."""
    library = ModuleType("pynvml")
    constants = {name: getattr(pynvml, name) for name in dir(pynvml) if "ClocksEventReason" in name}
    figures = {
        "NVMLError": RefusedError,
        "NVML_CLOCK_SM": 1,
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
        "nvmlDeviceGetClockInfo": answers(1980),
        "nvmlDeviceGetTemperature": answers(41),
        "nvmlDeviceGetPowerUsage": answers(312456),
        "nvmlDeviceGetTotalEnergyConsumption": answers(123456789),
    }
    reasons = {"nvmlDeviceGetCurrentClocksEventReasons": answers(0x4 | 0x20)}
    for name, value in (constants | figures | reasons | changes).items():
        setattr(library, name, value)
    return library


@pytest.fixture
def absent() -> Nvml:
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return Nvml()
    return Nvml(recorded(nvmlInit=refuses))


def test_absent(absent: Nvml) -> None:
    assert (absent.gpus(), absent.uuids, absent.driver(), absent.cuda()) == ((), (), None, None)
    assert absent.sample(H100) == GpuSample()
    assert absent.energy_mj(H100) is None
    assert absent.idle_power_w([H100]) is None
    assert absent.idle_power_w([]) is None


def test_inventory() -> None:
    nvml = Nvml(recorded())
    assert (nvml.driver(), nvml.cuda(), nvml.uuids) == ("580.159.03", "13.0", (H100,))
    assert nvml.gpus() == (
        Gpu(0, "NVIDIA H100 80GB HBM3", H100, "00000000:45:00.0", 81559, 5, 16, 700.0),
    )


def test_sample() -> None:
    nvml = Nvml(recorded())
    assert nvml.sample(H100) == GpuSample(
        vram_used_mib=10917.0,
        utilisation_pct=97.0,
        clock_mhz=1980.0,
        temperature_c=41.0,
        power_w=312.456,
        throttle_reasons=("sw_power_cap", "sw_thermal_slowdown"),
    )
    assert nvml.energy_mj(H100) == 123456789.0


def test_idle_power_is_the_lowest_that_was_seen() -> None:
    powers = iter((74_000, 240_000, 73_500, 90_000))
    nvml = Nvml(recorded(nvmlDeviceGetPowerUsage=lambda _: next(powers)))
    assert [nvml.idle_power_w([H100]) for _ in range(3)] == [74.0, 74.0, 73.5]
    assert nvml.idle_power_w([H100, "GPU-unknown"]) is None


def test_a_card_that_tells_little() -> None:
    silent = {
        name: refuses
        for name in dir(recorded())
        if name.startswith("nvmlDeviceGet") and not name.endswith(("Count", "ByIndex", "UUID"))
    }
    nvml = Nvml(recorded(**silent))
    assert nvml.sample(H100) == GpuSample()
    assert nvml.gpus() == (Gpu(0, "unknown GPU", H100, "", 0, None, None, None),)
    assert nvml.energy_mj(H100) is None
    assert nvml.idle_power_w([H100]) is None


def test_no_throttling_is_an_empty_answer() -> None:
    library = recorded(nvmlDeviceGetCurrentClocksEventReasons=answers(0))
    assert Nvml(library).sample(H100).throttle_reasons == ()
