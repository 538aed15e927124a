from datetime import UTC, datetime
from typing import Any

import pytest

from workers.spans import ENGINE, HOST, Sample, SpanSummary
from workers.spans import summarise as summarise_on

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def summarise(samples: list[Sample], start_s: float, end_s: float) -> SpanSummary:
    in_order = sorted(samples, key=lambda one: one.at_s)
    return summarise_on(in_order, start_s, end_s, cores=4)


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
    assert summarise(samples, 0, 1) == SpanSummary(host_busy_pct=0.0, energy_reason="no GPU leased")


def test_two_gpus() -> None:
    samples = [
        gpu(name, at, clock, power, *reasons)
        for at, reasons in ((0, ()), (1, ("gpu_idle",)), (2, ("sw_power_cap",)), (3, ()))
        for name, clock, power in (("A", 1500 + at, 100.0), ("B", 1400 - at, 200.0))
    ]
    summary = summarise(samples, 0.5, 2.5)
    assert summary == SpanSummary(
        clock_min_mhz=1398,
        clock_mean_mhz=None,
        temperature_max_c=52,
        power_mean_w=300.0,
        throttle_reasons="sw_power_cap",
        energy_j=600.0,
        energy_source="counter",
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
    assert summary.energy_reason == "0.01 s are less than 0.5 s"
    assert summary.power_mean_w is None
    assert summarise(samples, 60.0, 60.1).clock_min_mhz is None


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


def test_the_mean_clock_is_of_the_slowest_card_under_load() -> None:
    samples = [
        gpu("A", 0.9, 210, 50, "gpu_idle"),
        gpu("A", 1.0, 210, 50, "gpu_idle"),
        *(gpu("A", at, clock, 100) for at, clock in ((1.1, 1900.0), (1.2, 1800.0), (1.3, 1700.0))),
        *(gpu("B", at, 1850, 100) for at in (1.0, 1.1, 1.2, 1.3)),
        gpu("B", 1.4, 300, 100),
    ]
    assert summarise(samples, 1.0, 1.35).clock_mean_mhz == pytest.approx(1800.0)
    assert summarise(samples, 1.25, 1.35).clock_mean_mhz is None


def test_host_busy_is_what_the_engine_does_not_use() -> None:
    ticks = [(1.0, 250.0, 190.0), (1.1, 270.0, 200.0), (1.2, 390.0, 200.0)]
    samples = [
        one
        for at, host, engine in ticks
        for one in (sample(HOST, at, cpu_pct=host), sample(ENGINE, at, cpu_pct=engine))
    ]
    assert summarise(samples, 0.95, 1.15).host_busy_pct == pytest.approx((60 + 70) / 2 / 4)
    assert summarise(samples, 1.15, 1.25).host_busy_pct == pytest.approx(190 / 4)
    assert summarise([s for s in samples if s.device == HOST], 1, 2).host_busy_pct is None


def test_host_busy_stays_within_the_possible() -> None:
    for host, engine, pct in ((450.0, 10.0, 100.0), (50.0, 60.0, 0.0)):
        samples = [sample(HOST, 1.0, cpu_pct=host), sample(ENGINE, 1.0, cpu_pct=engine)]
        assert summarise(samples, 0, 2).host_busy_pct == pct


def test_a_span_far_from_all_samples_has_no_figures() -> None:
    samples = [gpu("A", 0, 1500, 100), gpu("A", 1, 1500, 100)]
    assert summarise(samples, 60.0, 62.0) == SpanSummary(
        energy_reason="the card tells neither energy nor power"
    )


class TestForeignProcesses:
    LOOKS = (
        sample("A", 1.0, foreign_pids=(7,)),
        sample("A", 1.5, clock_mhz=1000.0),
        sample("A", 2.0, foreign_pids=()),
        sample("A", 3.0, foreign_pids=()),
        sample("A", 4.0, foreign_pids=(12, 9)),
    )

    def seen(self, start_s: float, end_s: float) -> str | None:
        return summarise(list(self.LOOKS), start_s, end_s).foreign_gpu_pids

    def test_the_looks_before_and_after_count(self) -> None:
        assert self.seen(2.2, 2.8) == ""
        assert self.seen(2.2, 3.5) == "9,12"
        assert self.seen(1.2, 2.8) == "7"
        assert self.seen(1.2, 3.1) == "7,9,12"

    def test_beyond_the_looks_the_nearest_counts(self) -> None:
        assert self.seen(0.2, 0.4) == "7"
        assert self.seen(5.0, 6.0) == "9,12"

    def test_none_is_told_from_not_known(self) -> None:
        assert summarise([sample("A", 1.0)], 0, 2).foreign_gpu_pids is None
