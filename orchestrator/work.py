"""Work: how long launches take, from forecasts and from what the sweep itself has seen. Pure."""

from collections import defaultdict
from collections.abc import Hashable
from dataclasses import dataclass
from math import inf

from orchestrator.measured import workload_tokens
from orchestrator.placement import Planned
from orchestrator.plan import PlannedLaunch

_FORECAST = "forecast"
_PREFILL_SHARE = 1 / 32
"""A prompt token's time as a share of a generated one's: prompts go through in batches."""
_START_TOKENS = 50.0
"""What a cell takes beside its trials, in generated tokens."""
_TYPICAL_BYTES = 4e9
"""Size of a model file of which it is not known."""


_TOLD_CHANGE = 0.05
"""Share by which a rate has to change before it is told."""

Kind = tuple[Hashable, ...]
"""Amounts of one kind go by one rate: the hardware, what is done there, the model file."""


@dataclass(frozen=True, slots=True)
class Amount:
    """How much there is to do, as far as it is known beforehand."""

    kind: Kind
    units: float
    """Seconds where the launch has a forecast, else generated tokens x bytes of the model."""


def amount_of(launch: PlannedLaunch) -> Amount:
    """What a launch has to do."""
    first = launch.first
    seconds = launch.seconds
    if seconds is not None:
        return Amount((first.hardware_class, _FORECAST, first.spec.file_key), seconds)
    names = tuple(sorted({cell.spec.workload.name for cell in launch.cells}))
    units = sum(_tokens(cell) for cell in launch.cells) * (first.file.size_bytes or _TYPICAL_BYTES)
    return Amount((first.hardware_class, names, first.pairing.pattern, first.spec.file_key), units)


def _tokens(cell: Planned) -> float:
    name, context = cell.spec.workload.name, cell.spec.context
    asked = workload_tokens(name, cell.workload, context)
    prompt = context if asked.prompt_tokens is None else asked.prompt_tokens
    return _START_TOKENS + (asked.generated_tokens or 0) + prompt * _PREFILL_SHARE


@dataclass(slots=True)
class _Seen:
    seconds: float = 0.0
    units: float = 0.0
    rate: float = 0.0
    """As it was last told."""


class Rates:
    """Seconds by unit, learned from launches that ended."""

    def __init__(self) -> None:
        self._seen: defaultdict[Kind, _Seen] = defaultdict(_Seen)
        self._told: defaultdict[Hashable, dict[Kind, float]] = defaultdict(dict)

    def learn(self, amount: Amount, seconds: float) -> None:
        """A launch took so long."""
        for kind in _levels(amount.kind):
            seen = self._seen[kind]
            seen.seconds += seconds
            seen.units += amount.units
            rate = seen.seconds / seen.units if seen.units else 0.0
            if abs(rate - seen.rate) > _TOLD_CHANGE * seen.rate:
                seen.rate = rate
                self._told[kind[0]].clear()

    def seconds(self, kind: Kind, units: float) -> float:
        """How long it takes; infinite where nothing tells."""
        told = self._told[kind[0]]
        rate = told.get(kind)
        if rate is None:
            rate = told[kind] = self._rate(kind)
        return rate * units if units else 0.0

    def _rate(self, kind: Kind) -> float:
        """Of the kind itself, else of the nearest that is alike; infinite: nothing tells."""
        for level in _levels(kind):
            seen = self._seen.get(level)
            if seen and seen.rate:
                return seen.rate
        return 1.0 if _FORECAST in kind else inf


def _levels(kind: Kind) -> list[Kind]:
    """The kind and those above it, to the hardware; forecasts are compared with forecasts."""
    lowest = 2 if kind[1] == _FORECAST else 1
    return [kind[:length] for length in range(len(kind), lowest - 1, -1)]
