"""What a summary tells of two values: each figure with its unit and which way is better. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.comparing.combined import Values
from orchestrator.comparing.points import Matched
from orchestrator.comparing.reading import Facts, Figures
from orchestrator.launch_speeds import LaunchSpeeds

_NOTHING = Figures((), ())


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure that both sides have."""

    name: str
    unit: str
    higher: str
    """What B is where its figure is higher."""
    lower: str
    better: int
    """1 where higher is better, -1 where lower is."""


TG_SPEED = Metric("generation speed", "tok/s", "faster", "slower", 1)
PP_SPEED = Metric("prompt speed", "tok/s", "faster", "slower", 1)
TTFT = Metric("time to first token", "ms", "slower", "faster", -1)
TG_ENERGY = Metric("energy of generation", "J/token", "more", "less", -1)
PP_ENERGY = Metric("energy of prompts", "J/token", "more", "less", -1)
FILE_SIZE = Metric("file size", "MiB", "larger", "smaller", -1)
GPU_MEMORY = Metric("memory of GPUs", "MiB", "more", "less", -1)
HOST_MEMORY = Metric("memory of host", "MiB", "more", "less", -1)
PERPLEXITY = Metric("perplexity", "", "worse", "better", -1)
KLD = Metric("KL divergence", "nats", "worse", "better", -1)
FIRST_TRY = Metric("task success, first try", "%", "better", "worse", 1)
EVENTUAL = Metric("task success, any try", "%", "better", "worse", 1)


@dataclass(frozen=True, slots=True)
class LaunchMetric:
    """A figure of launches: what is compared, on which points, by which repetitions."""

    metric: Metric
    at: str
    """Where: workload, and whether the cache was empty."""
    points: tuple[Matched, ...]
    values: Values
    calibrated: bool
    """Whether the hosts' calibrations tell its noise."""


def launch_metrics(points: Sequence[Matched], facts: Facts) -> Iterator[LaunchMetric]:
    """Speeds, times and energies; each workload on its own, since it has its own way."""
    figures = facts.figures or {}
    ttfts, energies = _ttfts(figures), _energies(figures)
    for (workload, kind, filled), group in _grouped(points).items():
        at = f"{workload}, {'filled' if filled else 'empty'} cache"
        if kind == "tg":
            yield LaunchMetric(TG_SPEED, at, group, _speeds, True)
            yield LaunchMetric(TG_ENERGY, at, group, energies, False)
        elif kind == "pp":
            yield LaunchMetric(PP_SPEED, at, group, _speeds, True)
            yield LaunchMetric(TTFT, at, group, ttfts, True)
            yield LaunchMetric(PP_ENERGY, at, group, energies, False)


def _grouped(points: Sequence[Matched]) -> dict[tuple[str, str, bool], tuple[Matched, ...]]:
    groups: dict[tuple[str, str, bool], tuple[Matched, ...]] = {}
    for point in points:
        each = point.a[0]
        key = each.workload, each.kind, each.depth > 0
        groups[key] = (*groups.get(key, ()), point)
    # Generation first, as people ask.
    order = sorted(groups, key=lambda key: (key[0], key[1] != "tg", key[2]))
    return {key: groups[key] for key in order}


def _speeds(each: LaunchSpeeds) -> Sequence[float]:
    return each.speeds


def _ttfts(figures: Mapping[tuple[str, str, str, int], Figures]) -> Values:
    return lambda each: figures.get(_key(each), _NOTHING).ttfts_ms


def _energies(figures: Mapping[tuple[str, str, str, int], Figures]) -> Values:
    return lambda each: figures.get(_key(each), _NOTHING).energies_j


def _key(each: LaunchSpeeds) -> tuple[str, str, str, int]:
    return each.cell_id, each.launch_id, each.step, each.depth
