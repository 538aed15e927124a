"""Points: everything that decides a figure, without what the axis decides. Pure."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from orchestrator.comparing.axes import Axis
from orchestrator.launch_speeds import MEASURED, LaunchSpeeds
from warehouse.canonical import canonical

Launched = tuple[LaunchSpeeds, ...]


@dataclass(frozen=True, slots=True)
class Matched:
    """A point on which both sides have launches, each of one cell and so of one source."""

    a: Launched
    b: Launched

    @property
    def imported(self) -> bool:
        """Whether a side was not measured by herd."""
        return {self.a[0].source, self.b[0].source} != {MEASURED}


@dataclass(frozen=True, slots=True)
class _Point:
    """The launches of a side, with what they have to share with the other side."""

    launches: Launched
    whole: str
    """All that decides a speed: canonical JSON."""
    known: Mapping[str, object]
    """What rows of any source can tell, and this one does."""

    def fits(self, other: "_Point") -> bool:
        """Whether nothing that is known of both differs; for what was imported."""
        shared = self.known.keys() & other.known.keys()
        return all(self.known[key] == other.known[key] for key in shared)


def match(a: Iterable[LaunchSpeeds], b: Iterable[LaunchSpeeds], axis: Axis) -> list[Matched]:
    """The points that both sides have.

    Measured with measured by everything that decides a speed. What was imported tells less, so
    it is matched by what is known of both; a measured side is preferred.
    """
    sides = [list(_by_point(side, axis)) for side in (a, b)]
    exact = {point.whole: point for point in sides[1]}
    pairs = [(ours, exact[ours.whole]) for ours in sides[0] if ours.whole in exact]
    taken = {id(point) for pair in pairs for point in pair}
    left = [[point for point in side if id(point) not in taken] for side in sides]
    pairs += _loose(*left)
    return [Matched(ours.launches, theirs.launches) for ours, theirs in pairs]


def _loose(a: Sequence[_Point], b: Sequence[_Point]) -> Iterator[tuple[_Point, _Point]]:
    """Pairs of which one side at least was imported; each point once."""
    left = list(b)
    for ours in a:
        fitting = [
            theirs
            for theirs in left
            if not (_measured(ours) and _measured(theirs)) and ours.fits(theirs)
        ]
        if fitting:
            best = max(fitting, key=lambda each: (_measured(each), each.launches[-1].started_at))
            left.remove(best)
            yield ours, best


def _measured(point: _Point) -> bool:
    return point.launches[0].source == MEASURED


def _by_point(found: Iterable[LaunchSpeeds], axis: Axis) -> Iterator[_Point]:
    groups: dict[str, list[LaunchSpeeds]] = {}
    for each in found:
        groups.setdefault(point_of(each, axis), []).append(each)
    for whole, launches in groups.items():
        latest = prefer_measured(launches)
        yield _Point(latest, whole, _known(latest[0], axis))


def prefer_measured(launches: Sequence[LaunchSpeeds]) -> Launched:
    """The launches of one cell, and so of one source: a measured one, of several the latest.

    There are several as before and after a change that the axis decides.
    """
    latest = max(launches, key=lambda each: (each.source == MEASURED, each.started_at))
    return tuple(each for each in launches if each.cell_id == latest.cell_id)


def point_of(each: LaunchSpeeds, axis: Axis) -> str:
    """Everything that decides a speed, without what the axis decides: canonical JSON."""
    point: dict[str, Any] = {
        "model": each.model,
        "quant": each.quant,
        "pairing": each.pairing,
        "engine": each.engine,
        "host_id": each.host_id,
        "workload": each.workload,
        "step": [each.step, each.kind, each.depth],
    }
    configs = _configs(each.server_config, each.workload_config, axis.decides)
    return f"{canonical(_without(point, axis.decides))[:-1]},{configs[1:]}"


@lru_cache(maxsize=4096)
def _configs(server: str, workload: str, decides: tuple[str, ...]) -> str:
    """Of a server and what is done to it: many rows share them, and parsing is what takes time."""
    configs = {"server": json.loads(server), "workload_config": json.loads(workload)}
    return canonical(_without(configs, decides))


def nearest_difference(
    a: Iterable[LaunchSpeeds], b: Iterable[LaunchSpeeds], axis: Axis
) -> tuple[str, ...]:
    """What the two most alike points of both sides differ in, beside the axis."""
    sides = [{point_of(each, axis) for each in side} for side in (a, b)]
    ours, theirs = ([dict(_flat(json.loads(point))) for point in sorted(side)] for side in sides)
    found = [
        tuple(sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key)))
        for one in ours
        for other in theirs
    ]
    return min(found, key=len, default=())


def _flat(point: Mapping[str, Any], folder: str = "") -> Iterator[tuple[str, object]]:
    for key, value in point.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{folder}{key}.")
        else:
            yield f"{folder}{key}", value


def _known(each: LaunchSpeeds, axis: Axis) -> dict[str, object]:
    point: dict[str, Any] = {
        "model": each.model,
        "quant": each.quant,
        "context": each.context,
        "cache": None if each.cache_k is None else [each.cache_k, each.cache_v],
        "pairing": each.pairing,
        "split": each.split,
        "host_id": each.host_id,
        "engine_build": each.engine_build,
        "step": [each.step, each.kind, each.depth],
    }
    return {key: value for key, value in _without(point, axis.decides).items() if value is not None}


def _without(point: dict[str, Any], decides: Iterable[str]) -> dict[str, Any]:
    for path in decides:
        *folders, name = path.split(".", 2)
        inside: Any = point
        for folder in folders:
            inside = inside.get(folder, {})
        inside.pop(name, None)
    return point
