"""NVML absent (for real, where this machine has none) and present (recorded figures)."""

import pynvml
import pytest

from tests.nvml_double import H100, answers, process, recorded, refuses
from warehouse.rows import Gpu
from workers.gpu import GpuProcess, GpuSample, Nvml, PcieTraffic


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
    assert absent.processes(H100) is None
    assert absent.pcie(H100) is None
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
        memory_clock_mhz=2619.0,
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
    assert nvml.processes(H100) is None
    assert nvml.pcie(H100) is None
    assert nvml.idle_power_w([H100]) is None
    assert nvml.lowest_temperature_c(H100) is None


def test_no_throttling_is_an_empty_answer() -> None:
    library = recorded(nvmlDeviceGetCurrentClocksEventReasons=answers(0))
    assert Nvml(library).sample(H100).throttle_reasons == ()


def test_processes_with_their_memory_where_it_is_told() -> None:
    listed = [process(4242, 10917), process(77, 0), process(78, None)]
    nvml = Nvml(recorded(nvmlDeviceGetComputeRunningProcesses=answers(listed)))
    assert nvml.processes(H100) == (
        GpuProcess(4242, 10917.0),
        GpuProcess(77, None),
        GpuProcess(78, None),
    )
    assert nvml.processes("GPU-unknown") is None


def test_pcie_is_sent_and_received() -> None:
    # NVML tells KiB/s, and numbers the directions
    assert Nvml(recorded()).pcie(H100) == PcieTraffic(tx_mib_s=2.0, rx_mib_s=1.0)


def test_the_lowest_temperature_is_of_all_samples() -> None:
    seen = iter((50, 38, 71))
    nvml = Nvml(recorded(nvmlDeviceGetTemperature=lambda *_: next(seen)))
    for _ in range(3):
        nvml.sample(H100)
    assert nvml.lowest_temperature_c(H100) == 38.0
