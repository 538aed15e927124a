"""Sizes of two sides: model files and memory. Exact, so they need no launches. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.comparing.compared import Versus
from orchestrator.comparing.metrics import FILE_SIZE, GPU_MEMORY, HOST_MEMORY, Metric
from orchestrator.comparing.points import Launched, Matched
from orchestrator.comparing.reading import Facts, Memory
from orchestrator.launch_speeds import LaunchSpeeds
from warehouse.estimates import exact
from warehouse.verdicts import Comparison

_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Size:
    """A size of both sides."""

    metric: Metric
    at: str
    result: Comparison
    points: tuple[Matched, ...] = ()
    """Where it was measured; none for a file."""


def sizes_of(versus: Versus, facts: Facts) -> Iterator[Size]:
    """Files of each pair of models, then memory at each context."""
    yield from _files(versus, facts.sizes or {})
    yield from _memory(versus.points, facts.memory or {})


def _files(versus: Versus, sizes: Mapping[str, int]) -> Iterator[Size]:
    pairs = {(_file(p.a[0]), _file(p.b[0])): (p.a[0].model, p.b[0].model) for p in versus.points}
    if not pairs:
        # Files need not be measured alike.
        pairs = {
            (_file(a), _file(b)): (a.model, b.model)
            for a in versus.a_launches
            for b in versus.b_launches
            if a.model == b.model
        }
    for (a, b), models in sorted(pairs.items()):
        ours, theirs = (sizes.get(file, 0) / _MIB for file in (a, b))
        if a != b and ours and theirs:
            at = " : ".join(dict.fromkeys(models))
            yield Size(FILE_SIZE, at, exact((ours, ours), (theirs, theirs)))


def _file(each: LaunchSpeeds) -> str:
    return each.model_sha256 or f"{each.model} {each.quant}"


def _memory(points: Sequence[Matched], memory: Mapping[str, Memory]) -> Iterator[Size]:
    """By context: ranges over the servers of both sides that were measured alike."""
    groups: dict[tuple[int, str], list[Matched]] = {}
    for point in points:
        contexts = dict.fromkeys(_context(side) for side in (point.a, point.b))
        at = f"context {' : '.join(contexts)}"
        groups.setdefault((point.a[0].context or 0, at), []).append(point)
    for (_, at), group in sorted(groups.items()):
        for metric, part in ((GPU_MEMORY, "gpu_mib"), (HOST_MEMORY, "host_mib")):
            ranges = [
                _range(
                    [launched for point in group for launched in _side(point, side)], memory, part
                )
                for side in ("a", "b")
            ]
            if ranges[0] and ranges[1]:
                yield Size(metric, at, exact(ranges[0], ranges[1]), tuple(group))


def _context(side: Launched) -> str:
    return "unknown" if side[0].context is None else str(side[0].context)


def _side(point: Matched, side: str) -> Launched:
    return point.a if side == "a" else point.b


def _range(
    launches: Sequence[LaunchSpeeds], memory: Mapping[str, Memory], part: str
) -> tuple[float, float] | None:
    found = [
        value
        for each in launches
        if each.launch_id in memory and (value := getattr(memory[each.launch_id], part))
    ]
    return (min(found), max(found)) if found else None
