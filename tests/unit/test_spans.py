from datetime import UTC, datetime
from typing import Any

import pytest

from workers.spans import ENGINE, HOST, Sample, SpanSummary, energy_j, summarise

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def sample(device: str, at_s: float, **figures: Any) -> Sample:
    return Sample(device, at_s, NOW, **figures)


def gpu(name: str, at_s: float, clock: float, power: float, *reasons: str) -> Sample:
    return sample(
        name,
        at_s,
        clock_mhz=clock,
        temperature_c=50 + at_s,
        power_w=power,
        throttle_reasons=reasons,
        energy_mj=at_s * power * 1000,
    )


def test_no_gpu() -> None:
    samples = [sample(HOST, 0, cpu_pct=50.0), sample(ENGINE, 0, cpu_pct=150.0)]
    assert summarise(samples, 0, 1) == SpanSummary(energy_reason="no GPU leased")


def test_two_gpus() -> None:
    samples = [
        gpu(name, at, clock, power, *reasons)
        for at, reasons in ((0, ()), (1, ("gpu_idle",)), (2, ("sw_power_cap",)), (3, ()))
        for name, clock, power in (("A", 1500 + at, 100.0), ("B", 1400 - at, 200.0))
    ]
    summary = summarise(samples, 0.5, 2.5)
    assert summary == SpanSummary(
        clock_min_mhz=1398,
        temperature_max_c=52,
        power_mean_w=300.0,
        throttle_reasons="sw_power_cap",
        energy_j=600.0,
        energy_reason=None,
    )


def test_no_throttling_is_told_from_not_known() -> None:
    known = summarise([gpu("A", 1, 1500, 100, "gpu_idle")], 0, 2)
    assert known.throttle_reasons == ""
    assert summarise([sample("A", 1, clock_mhz=1500)], 0, 2).throttle_reasons is None


def test_short_span_takes_the_nearest_sample() -> None:
    samples = [gpu("A", 0, 1500, 100), gpu("A", 0.125, 1600, 110)]
    summary = summarise(samples, 0.09, 0.1)
    assert summary.clock_min_mhz == 1600
    assert summary.energy_j is None
    assert summary.energy_reason == "no energy counter, or the span is too short for it"
    assert summary.power_mean_w is None
    assert summarise(samples, 60.0, 60.1).clock_min_mhz is None


def test_energy_is_interpolated_to_the_ends() -> None:
    series = [sample("A", float(at), energy_mj=at * 1000.0) for at in range(5)]
    assert energy_j(series, 0.5, 3.25) == pytest.approx(2.75)
    assert energy_j(series, 1.0, 3.0) == pytest.approx(2.0)


def test_energy_needs_samples_on_both_sides() -> None:
    series = [sample("A", float(at), energy_mj=at * 1000.0) for at in range(5)]
    assert energy_j(series, -1.0, 3.0) is None
    assert energy_j(series, 1.0, 9.0) is None
    assert energy_j(series, 1.2, 1.6) is None
    assert energy_j([sample("A", 1.0), sample("A", 2.0)], 0, 3) is None


def test_power_is_energy_over_time_where_there_is_energy() -> None:
    # NVML's own power lags: it still tells of the step before
    samples = [sample("A", at, power_w=150.0, energy_mj=at * 300_000) for at in (0.0, 0.75, 1.5)]
    assert summarise(samples, 0.5, 1.25).power_mean_w == pytest.approx(300.0)


def test_without_a_counter_power_is_the_mean_of_the_samples() -> None:
    samples = [sample("A", at, power_w=power) for at, power in ((0.0, 100.0), (1.0, 200.0))]
    assert summarise(samples, 0.0, 1.0).power_mean_w == 150.0
    assert summarise(samples, 0.0, 0.9).power_mean_w is None


def test_power_is_not_guessed_for_a_silent_card() -> None:
    assert summarise([gpu("A", 1, 1500, 100), sample("B", 1)], 0, 2).power_mean_w is None
