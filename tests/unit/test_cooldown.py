import threading

import pytest

from tests.nvml_double import H100, recorded
from workers.cooldown import CoolDown, cool_down, is_cool
from workers.gpu import GpuSample, Nvml
from workers.measure import MeasureConfig


@pytest.mark.parametrize(
    ("sample", "lowest_c", "cool"),
    [
        (GpuSample(temperature_c=60.0, throttle_reasons=()), 40.0, True),
        (GpuSample(temperature_c=61.0, throttle_reasons=()), 40.0, False),
        (GpuSample(temperature_c=45.0, throttle_reasons=("hw_thermal_slowdown",)), 40.0, False),
        (GpuSample(temperature_c=45.0, throttle_reasons=("gpu_idle", "sw_power_cap")), 40.0, True),
        (GpuSample(), None, True),
    ],
)
def test_cool(sample: GpuSample, lowest_c: float | None, cool: bool) -> None:
    assert is_cool(sample, lowest_c, margin_c=20.0) is cool


def wait(
    temperatures: list[int], cancelled: threading.Event, cool_down_s: float
) -> CoolDown | None:
    seen = iter(temperatures)
    nvml = Nvml(
        recorded(
            nvmlDeviceGetTemperature=lambda *_: next(seen),
            nvmlDeviceGetCurrentClocksEventReasons=lambda _: 0,
        )
    )
    nvml.sample(H100)
    return cool_down(nvml, (H100,), MeasureConfig(cool_down_s=cool_down_s), cancelled)


class Clockless(threading.Event):
    """Waiting takes no time."""

    def wait(self, timeout: float | None = None) -> bool:
        return self.is_set()


def test_waits_until_it_is_cool() -> None:
    found = wait([38, 80, 70, 59, 57], Clockless(), cool_down_s=600.0)
    assert found is not None
    assert found.cooled


def test_a_cancelled_sweep_waits_no_longer() -> None:
    cancelled = Clockless()
    cancelled.set()
    found = wait([38, 80], cancelled, cool_down_s=600.0)
    assert found is not None
    assert not found.cooled


def test_no_gpu_no_limit_no_wait() -> None:
    assert cool_down(Nvml(recorded()), (), MeasureConfig(), threading.Event()) is None
    assert wait([38, 80], Clockless(), cool_down_s=0.0) is None
