"""Two values of one axis, everything else alike: which launches are compared. Pure."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.axes import parse_context
from orchestrator.identity import canonical
from orchestrator.launch_speeds import LaunchSpeeds
from warehouse.comparison import Noise, Side, compare
from warehouse.errors import ConfigError
from warehouse.verdicts import Comparison

_OTHER_HOST = (
    *("host_id", "server.hardware_class", "server.devices", "server.tensor_split"),
    *("server.engine_sha256", "server.engine.threads", "server.engine.threads_batch"),
)


@dataclass(frozen=True, slots=True)
class _Axis:
    """Something that two sides may differ in."""

    value: Callable[[LaunchSpeeds], object]
    decides: tuple[str, ...] = ()
    """Parts of a point (`_point`) that follow from it, and so may differ too."""


_AXES: Mapping[str, _Axis] = {
    "model": _Axis(lambda each: each.model, ("model", "server.model")),
    "quant": _Axis(lambda each: each.quant, ("quant", "server.model")),
    "context": _Axis(lambda each: each.context, ("server.context",)),
    "cache": _Axis(lambda each: f"{each.cache_k}/{each.cache_v}", ("server.cache",)),
    "pairing": _Axis(
        lambda each: each.pairing, ("pairing", "server.devices", "server.tensor_split")
    ),
    "split": _Axis(lambda each: each.split, ("server.tensor_split",)),
    "host": _Axis(lambda each: each.host_id, _OTHER_HOST),
    "hardware_class": _Axis(lambda each: each.hardware_class, _OTHER_HOST),
    "engine": _Axis(lambda each: each.engine, ("engine", "server.engine", "server.engine_sha256")),
    "engine_build": _Axis(lambda each: each.engine_build, ("engine", "server.engine_sha256")),
    "workload": _Axis(lambda each: each.workload, ("workload", "workload_config")),
}
_FILTERS: Mapping[str, _Axis] = {
    **_AXES,
    "step": _Axis(lambda each: each.step),
    "kind": _Axis(lambda each: each.kind),
    "depth": _Axis(lambda each: each.depth),
}


@dataclass(frozen=True, slots=True)
class Question:
    """What is compared with what, and on which points."""

    axis: str
    a: str
    b: str
    filters: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class CalibratedStep:
    """A row of the view `noise`, as far as it is needed here."""

    host_id: str
    engine_sha256: str | None
    server_id: str
    metric: str
    step: str
    depth: int
    between_sd_pct: float
    launches: int


@dataclass(frozen=True, slots=True)
class ComparedPoint:
    """A point on which both sides were measured, and what came out."""

    a: tuple[LaunchSpeeds, ...]
    b: tuple[LaunchSpeeds, ...]
    result: Comparison


def parse_question(words: Sequence[str]) -> Question:
    """The question in `KEY=A KEY=B [FILTER...]`; the first two words name the sides.

    Raises:
        ConfigError: not of that form, or the key is no axis.
    """
    pairs = [_parsed(word) for word in words]
    if len(pairs) < 2 or pairs[0][0] != pairs[1][0]:
        raise ConfigError("name two values of one axis: herd compare quant=Q4_0 quant=Q8_0")
    (axis, a), (_, b), *filters = pairs
    if a == b:
        raise ConfigError(f"{axis}={a} twice: name two values")
    _axis(axis, _AXES)
    for key, _ in filters:
        _axis(key, _FILTERS)
    return Question(axis, a, b, tuple(filters))


def _parsed(word: str) -> tuple[str, str]:
    key, equals, value = word.partition("=")
    if not (key and equals and value):
        raise ConfigError(f"cannot read '{word}': write KEY=VALUE")
    return key, str(parse_context(value)) if key == "context" else value


def _axis(key: str, known: Mapping[str, _Axis]) -> _Axis:
    """An axis by name; `engine.ubatch_size` and the like are read from what was hashed."""
    if key in known:
        return known[key]
    group, _, field = key.partition(".")
    if group == "engine" and field:
        return _Axis(lambda each: _engine(each).get(field), (f"server.{key}",))
    if group == "workload" and field:
        decides = (f"workload_config.{field}",)
        return _Axis(lambda each: json.loads(each.workload_config).get(field), decides)
    raise ConfigError(f"'{key}' is none of {', '.join(known)}, engine.FIELD, workload.FIELD")


def _engine(each: LaunchSpeeds) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(each.server_config)["engine"]
    return facts


def answer(
    question: Question,
    found: Iterable[LaunchSpeeds],
    calibrated: Iterable[CalibratedStep],
) -> tuple[ComparedPoint, ...]:
    """Compare on every point that both sides have, as one family.

    Where a side has several cells on a point, as before and after a change that the axis
    decides, it is the one that was measured last.
    """
    axis = _axis(question.axis, _AXES)
    kept = [each for each in found if _matches(each, question.filters)]
    sides = [
        _by_point((each for each in kept if _text(axis.value(each)) == value), axis)
        for value in (question.a, question.b)
    ]
    known = tuple(calibrated)
    points = [(a, sides[1][point]) for point, a in sides[0].items() if point in sides[1]]
    results = compare([_sides(a, b, known) for a, b in points])
    return tuple(
        ComparedPoint(a, b, result) for (a, b), result in zip(points, results, strict=True)
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _matches(each: LaunchSpeeds, filters: Iterable[tuple[str, str]]) -> bool:
    return all(_text(_axis(key, _FILTERS).value(each)) == value for key, value in filters)


def _by_point(found: Iterable[LaunchSpeeds], axis: _Axis) -> dict[str, tuple[LaunchSpeeds, ...]]:
    groups: dict[str, list[LaunchSpeeds]] = {}
    for each in found:
        groups.setdefault(_point(each, axis), []).append(each)
    return {point: _latest_cell(launches) for point, launches in groups.items()}


def _latest_cell(launches: Sequence[LaunchSpeeds]) -> tuple[LaunchSpeeds, ...]:
    latest = max(launches, key=lambda each: each.started_at)
    return tuple(each for each in launches if each.cell_id == latest.cell_id)


def _point(each: LaunchSpeeds, axis: _Axis) -> str:
    """Everything that decides a speed, without what the axis decides: canonical JSON."""
    point: dict[str, Any] = {
        "model": each.model,
        "quant": each.quant,
        "pairing": each.pairing,
        "engine": each.engine,
        "host_id": each.host_id,
        "server": json.loads(each.server_config),
        "workload": each.workload,
        "workload_config": json.loads(each.workload_config),
        "step": [each.step, each.kind, each.depth],
    }
    for path in axis.decides:
        *folders, name = path.split(".", 2)
        inside = point
        for folder in folders:
            inside = inside[folder]
        inside.pop(name, None)
    return canonical(point)


def _sides(
    a: Sequence[LaunchSpeeds], b: Sequence[LaunchSpeeds], known: Sequence[CalibratedStep]
) -> tuple[Side, Side]:
    servers = {a[0].server_id, b[0].server_id}
    return (
        Side([each.speeds for each in a], _noise(a[0], servers, known)),
        Side([each.speeds for each in b], _noise(b[0], servers, known)),
    )


def _noise(each: LaunchSpeeds, servers: set[str], known: Iterable[CalibratedStep]) -> Noise | None:
    """The calibration of the host that is nearest: the same step, depth and build, if there is.

    One whose launches are a side themselves adds nothing to them: it has no degrees of freedom.
    """
    usable = [c for c in known if c.host_id == each.host_id and c.metric == each.kind]
    if not usable:
        return None

    def nearness(step: CalibratedStep) -> tuple[bool, bool, bool]:
        same_build = step.engine_sha256 == each.engine_sha256
        return same_build, step.step == each.step, step.depth == each.depth

    best = max(usable, key=nearness)
    if best.server_id in servers:
        return Noise(each.host_id, 0.0, 0)
    return Noise(each.host_id, best.between_sd_pct, best.launches - 1)
