"""What telemetry says of a span of time: pure functions of samples."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean

from workers.gpu import IDLE

HOST = "host"
ENGINE = "engine"
NEAR_S = 1.0
"""A span shorter than the sampling interval may take a sample this far away."""
ENERGY_SPAN_S = 0.5
"""Shortest span with an energy: the counter moves in steps of some 0.1 s (H100: energy of equal
trials spread by 14 % at 0.3 s, 3 to 6 % at 0.5 to 0.9 s)."""
POWER_SPAN_S = 1.0
"""Shortest span with a mean of NVML's power, which itself is a mean over the last second."""


_NO_ENERGY = "no energy counter, or the span is too short for it"


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
    utilisation_pct: float | None = None
    clock_mhz: float | None = None
    temperature_c: float | None = None
    power_w: float | None = None
    throttle_reasons: tuple[str, ...] | None = None
    energy_mj: float | None = None


@dataclass(frozen=True, slots=True)
class SpanSummary:
    """The GPUs of a launch over a span; None where there is no figure."""

    clock_min_mhz: float | None = None
    temperature_max_c: float | None = None
    power_mean_w: float | None = None
    """Of all devices together: energy over time, else the mean of the samples."""
    throttle_reasons: str | None = None
    """Joined by commas; empty if the cards say that there was none."""
    energy_j: float | None = None
    energy_reason: str | None = None


def summarise(samples: Sequence[Sample], start_s: float, end_s: float) -> SpanSummary:
    """Summary of the GPU samples of a span given on the samples' monotonic clock."""
    by_gpu: dict[str, list[Sample]] = {}
    for sample in samples:
        if sample.device not in (HOST, ENGINE):
            by_gpu.setdefault(sample.device, []).append(sample)
    if not by_gpu:
        return SpanSummary(energy_reason="no GPU leased")
    within = {gpu: _within(series, start_s, end_s) for gpu, series in by_gpu.items()}
    seen = [sample for series in within.values() for sample in series]
    energies = [energy_j(series, start_s, end_s) for series in by_gpu.values()]
    known = [energy for energy in energies if energy is not None]
    energy = sum(known) if len(known) == len(energies) else None
    return SpanSummary(
        clock_min_mhz=min((s.clock_mhz for s in seen if s.clock_mhz is not None), default=None),
        temperature_max_c=max(
            (s.temperature_c for s in seen if s.temperature_c is not None), default=None
        ),
        power_mean_w=_mean_power(energy, list(within.values()), end_s - start_s),
        throttle_reasons=_reasons(seen),
        energy_j=energy,
        energy_reason=_NO_ENERGY if energy is None else None,
    )


def _within(series: Sequence[Sample], start_s: float, end_s: float) -> list[Sample]:
    inside = [sample for sample in series if start_s <= sample.at_s <= end_s]
    if inside:
        return inside
    middle = (start_s + end_s) / 2
    nearest = min(series, key=lambda sample: abs(sample.at_s - middle))
    return [nearest] if abs(nearest.at_s - middle) <= NEAR_S else []


def _mean_power(
    energy: float | None, series: Sequence[Sequence[Sample]], span_s: float
) -> float | None:
    if energy is not None:
        return energy / span_s
    if span_s < POWER_SPAN_S:
        return None
    means = []
    for one in series:
        powers = [sample.power_w for sample in one if sample.power_w is not None]
        if not powers:
            return None
        means.append(fmean(powers))
    return sum(means)


def _reasons(samples: Sequence[Sample]) -> str | None:
    told = [s.throttle_reasons for s in samples if s.throttle_reasons is not None]
    if not told:
        return None
    return ",".join(sorted({reason for reasons in told for reason in reasons} - {IDLE}))


def energy_j(series: Sequence[Sample], start_s: float, end_s: float) -> float | None:
    """Energy of one GPU over a span, J: its counter, interpolated to both ends.

    None without a counter, when no reading lies on both sides, or for less than ENERGY_SPAN_S.
    """
    points = [(s.at_s, s.energy_mj) for s in series if s.energy_mj is not None]
    if end_s - start_s < ENERGY_SPAN_S:
        return None
    if not points or points[0][0] > start_s or points[-1][0] < end_s:
        return None
    return (_interpolate(points, end_s) - _interpolate(points, start_s)) / 1000


def _interpolate(points: Sequence[tuple[float, float]], at_s: float) -> float:
    before = max(point for point in points if point[0] <= at_s)
    after = min(point for point in points if point[0] >= at_s)
    if after[0] == before[0]:
        return before[1]
    share = (at_s - before[0]) / (after[0] - before[0])
    return before[1] + share * (after[1] - before[1])
