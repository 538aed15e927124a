"""What telemetry says of a span of time: pure functions of samples."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean

from workers.energy import POWER_SPAN_S, Energy, energy_over, together
from workers.gpu import IDLE

HOST = "host"
ENGINE = "engine"
NEAR_S = 1.0
"""A span shorter than the sampling interval may take a sample this far away."""
AROUND_S = 5.0
"""Readings that are made seldom (energy, processes) are looked for so far around a span."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample of a device; fields as in `rows.Telemetry`."""

    device: str
    """GPU uuid, `host` or `engine`."""
    at_s: float
    """Monotonic clock."""
    sampled_at: datetime
    cpu_pct: float | None = None
    ram_used_mib: float | None = None
    vram_used_mib: float | None = None
    engine_vram_mib: float | None = None
    utilisation_pct: float | None = None
    clock_mhz: float | None = None
    memory_clock_mhz: float | None = None
    temperature_c: float | None = None
    power_w: float | None = None
    pcie_tx_mib_s: float | None = None
    pcie_rx_mib_s: float | None = None
    throttle_reasons: tuple[str, ...] | None = None
    foreign_pids: tuple[int, ...] | None = None
    """None: not looked at, or the driver does not tell."""
    energy_mj: float | None = None


@dataclass(frozen=True, slots=True)
class SpanSummary:
    """Host and GPUs of a launch over a span; None where there is no figure."""

    clock_min_mhz: float | None = None
    clock_mean_mhz: float | None = None
    """Of the slowest GPU, over its samples under load."""
    temperature_max_c: float | None = None
    power_mean_w: float | None = None
    """Of all devices together: energy over time, else the mean of the samples."""
    throttle_reasons: str | None = None
    """Joined by commas; empty if the cards say that there was none."""
    foreign_gpu_pids: str | None = None
    """Joined by commas; empty if there was none."""
    host_busy_pct: float | None = None
    """CPU of other processes than the engine, percent of all cores."""
    energy_j: float | None = None
    energy_source: str | None = None
    energy_reason: str | None = None


def summarise(
    samples: Sequence[Sample], start_s: float, end_s: float, *, cores: int
) -> SpanSummary:
    """Summary of a span given on the samples' monotonic clock.

    Args:
        samples: of all devices, in order of time.
        start_s: start of the span.
        end_s: its end.
        cores: logical cores of the host.
    """
    by_gpu: dict[str, list[Sample]] = {
        device: [] for device in {sample.device for sample in samples} - {HOST, ENGINE}
    }
    near = _near(samples, start_s, end_s)
    for sample in near:
        if sample.device in by_gpu:
            by_gpu[sample.device].append(sample)
    busy = _host_busy_pct(near, start_s, end_s, cores)
    if not by_gpu:
        return SpanSummary(host_busy_pct=busy, energy_reason="no GPU leased")
    within = [_within(series, start_s, end_s) for series in by_gpu.values()]
    seen = [sample for series in within for sample in series]
    energy = together([_energy(series, start_s, end_s) for series in by_gpu.values()])
    return SpanSummary(
        clock_min_mhz=min(_known(seen, lambda s: s.clock_mhz), default=None),
        clock_mean_mhz=_mean_clock(list(by_gpu.values()), start_s, end_s),
        temperature_max_c=max(_known(seen, lambda s: s.temperature_c), default=None),
        power_mean_w=_mean_power(energy, within, end_s - start_s),
        throttle_reasons=_reasons(seen),
        foreign_gpu_pids=_foreign(list(by_gpu.values()), start_s, end_s),
        host_busy_pct=busy,
        energy_j=energy.energy_j,
        energy_source=energy.source,
        energy_reason=energy.reason,
    )


def _near(samples: Sequence[Sample], start_s: float, end_s: float) -> Sequence[Sample]:
    """All samples that may say something of a span: a long cell has thousands of others."""
    first = bisect_left(samples, start_s - AROUND_S, key=lambda sample: sample.at_s)
    last = bisect_right(samples, end_s + AROUND_S, key=lambda sample: sample.at_s)
    return samples[first:last]


def _known(samples: Sequence[Sample], figure: Callable[[Sample], float | None]) -> list[float]:
    return [value for sample in samples if (value := figure(sample)) is not None]


def _within(series: Sequence[Sample], start_s: float, end_s: float) -> list[Sample]:
    inside = [sample for sample in series if start_s <= sample.at_s <= end_s]
    if inside or not series:
        return inside
    middle = (start_s + end_s) / 2
    nearest = min(series, key=lambda sample: abs(sample.at_s - middle))
    return [nearest] if abs(nearest.at_s - middle) <= NEAR_S else []


def _around(series: Sequence[Sample], start_s: float, end_s: float) -> Sequence[Sample]:
    """The samples of a span with the last one before it and the first one after it."""
    first = max((i for i, s in enumerate(series) if s.at_s <= start_s), default=0)
    last = min((i for i, s in enumerate(series) if s.at_s >= end_s), default=len(series))
    return series[first : last + 1]


def _host_busy_pct(
    samples: Sequence[Sample], start_s: float, end_s: float, cores: int
) -> float | None:
    shares = []
    for device in (HOST, ENGINE):
        series = [s for s in samples if s.device == device and s.cpu_pct is not None]
        shares.append(_known(_within(series, start_s, end_s), lambda s: s.cpu_pct))
    host, engine = shares
    if not host or not engine:
        return None
    # Kernel ticks are coarse: over a few samples the difference may leave the possible.
    return min(100.0, max(0.0, fmean(host) - fmean(engine)) / cores)


def _mean_clock(series: Sequence[Sequence[Sample]], start_s: float, end_s: float) -> float | None:
    means = []
    for one in series:
        clocks = [
            s.clock_mhz
            for s in one
            if start_s <= s.at_s <= end_s
            and s.clock_mhz is not None
            # an idle card clocks down by itself
            and IDLE not in (s.throttle_reasons or ())
        ]
        if len(clocks) > 1:  # one alone may be of the moment before the first kernel
            means.append(fmean(clocks))
    return min(means, default=None)


def _energy(series: Sequence[Sample], start_s: float, end_s: float) -> Energy:
    return energy_over(
        [(s.at_s, s.energy_mj) for s in series if s.energy_mj is not None],
        [(s.at_s, s.power_w) for s in series if s.power_w is not None],
        start_s,
        end_s,
    )


def _mean_power(energy: Energy, series: Sequence[Sequence[Sample]], span_s: float) -> float | None:
    if energy.energy_j is not None:
        return energy.energy_j / span_s
    if span_s < POWER_SPAN_S:
        return None
    means = []
    for one in series:
        powers = _known(one, lambda s: s.power_w)
        if not powers:
            return None
        means.append(fmean(powers))
    return sum(means)


def _reasons(samples: Sequence[Sample]) -> str | None:
    told = [s.throttle_reasons for s in samples if s.throttle_reasons is not None]
    if not told:
        return None
    return ",".join(sorted({reason for reasons in told for reason in reasons} - {IDLE}))


def _foreign(series: Sequence[Sequence[Sample]], start_s: float, end_s: float) -> str | None:
    told: list[tuple[int, ...]] = []
    for one in series:
        looks = [s for s in one if s.foreign_pids is not None]
        told += [s.foreign_pids or () for s in _around(looks, start_s, end_s)]
    if not told:
        return None
    return ",".join(map(str, sorted({pid for pids in told for pid in pids})))
