"""Tables of `herd compare`."""

from collections.abc import Iterable, Sequence

from orchestrator.comparing.builds import Build, PointHistory
from orchestrator.comparing.compared import ComparedPoint
from orchestrator.comparing.points import Matched
from orchestrator.comparing.summary import Line
from orchestrator.launch_speeds import MEASURED, LaunchSpeeds
from warehouse.steps import Step

_AXES = ("model", "quant", "context", "cache", "pairing", "host", "engine")
SUMMARY = (
    "metric", "at", "unit", "a", "b", "a_figure", "b_figure", "difference_pct", "low_pct",
    "high_pct", "points", "a_launches", "b_launches", "in_turns", "source", "verdict", "winner",
)  # fmt: skip
POINTS = (
    *_AXES, "step", "depth", "a", "b", "a_launches", "b_launches", "a_tok_s", "b_tok_s",
    "difference_pct", "low_pct", "high_pct", "floor_pct", "method", "in_turns", "source", "verdict",
)  # fmt: skip
HISTORY = (
    *_AXES[:-1], "step", "depth", "points", "builds", "launches", "before", "after", "before_tok_s",
    "after_tok_s", "change_pct", "low_pct", "high_pct", "in_turns", "source", "verdict",
)  # fmt: skip
_ONCE = frozenset((*_AXES, "a", "b", "source", "in_turns"))
"""Columns that people need only once where all rows are alike in them."""
Rows = list[tuple[object, ...]]


def without_alike(columns: Sequence[str], rows: Rows) -> tuple[str, Sequence[str], Rows]:
    """What all rows are alike in, in words, and the table without it."""
    alike = {
        index: rows[0][index]
        for index, name in enumerate(columns)
        if name in _ONCE and len({row[index] for row in rows}) == 1
    }
    told = [f"{columns[index]} {value}" for index, value in alike.items() if value is not None]
    left = [index for index in range(len(columns)) if index not in alike]
    narrow = [tuple(row[index] for index in left) for row in rows]
    return f"alike: {', '.join(told)}", [columns[index] for index in left], narrow


def summary_rows(lines: Iterable[Line]) -> Rows:
    """Rows of `SUMMARY`."""
    return [
        (
            *(line.metric.name, line.at, line.metric.unit, line.a_value, line.b_value),
            *(line.result.a, line.result.b, line.result.difference_pct),
            *(line.result.low_pct, line.result.high_pct, len(line.points) or None),
            *(line.launches or (None, None)),
            *(_word(line.in_turns), _sources(line.points), line.verdict, line.winner),
        )
        for line in lines
    ]


def point_rows(points: Iterable[ComparedPoint]) -> Rows:
    """Rows of `POINTS`, sorted by what was compared."""
    rows = [_point_row(point) for point in points]
    return sorted(rows, key=lambda row: tuple(map(str, row[:11])))


def history_rows(found: Iterable[PointHistory]) -> Rows:
    """Rows of `HISTORY`: one a step, or one that says that there is none."""
    return [row for each in found for row in _history_rows(each)]


def notes(found: Sequence[ComparedPoint] | Sequence[PointHistory]) -> list[str]:
    """What a reader has to know of how the rows were measured."""
    apart = sum(not each.in_turns for each in found)
    imported = sum(_source(each) != MEASURED for each in found)
    told = []
    if apart:
        told.append(
            f"{apart} of {len(found)} rows were not measured in turns: what drifted on the host in "
            "between passes for a difference; measure all in one sweep with plan.launches=3"
        )
    if imported:
        told.append(
            f"{imported} of {len(found)} rows have imported figures, matched by what is known"
        )
    return told


def _source(each: ComparedPoint | PointHistory) -> str:
    if isinstance(each, ComparedPoint):
        return _pair(each.a[0].source, each.b[0].source)
    return " : ".join(sorted({launch.source for build in each.launches for launch in build}))


def _sources(points: Iterable[Matched]) -> str | None:
    found = {_pair(point.a[0].source, point.b[0].source) for point in points}
    return ", ".join(sorted(found)) or None


def _pair(one: object, other: object) -> str:
    return str(one) if one == other else f"{one} : {other}"


def _word(in_turns: bool | None) -> str | None:
    return None if in_turns is None else "yes" if in_turns else "no"


def _axes(each: LaunchSpeeds) -> tuple[object, ...]:
    cache = f"{each.cache_k}/{each.cache_v}" if each.cache_k else None
    return (
        *(each.model, each.quant, each.context, cache),
        *(each.pairing, each.host_id, each.engine),
    )


def _point_row(point: ComparedPoint) -> tuple[object, ...]:
    a, b, result = point.a[0], point.b[0], point.result
    axes = zip(_axes(a), _axes(b), strict=True)
    return (
        *(one if one == other else _pair(one, other) for one, other in axes),
        *(a.step, a.depth, point.versus.a, point.versus.b, len(point.a), len(point.b)),
        *(result.a, result.b, result.difference_pct, result.low_pct, result.high_pct),
        *(result.floor_pct, result.method, _word(point.in_turns)),
        *(_source(point), result.verdict),
    )


def _history_rows(each: PointHistory) -> Rows:
    first = each.launches[0][0]
    axes: tuple[object, ...] = (*_axes(first)[:-1], first.step, first.depth)
    if each.points > 1:
        depth = "filled" if first.depth else "empty"
        axes = (*(None for _ in _AXES[:-1]), f"{first.workload}, {first.kind}", depth)
    launches = len({launch.launch_id for build in each.launches for launch in build})
    start = (*axes, each.points, len(each.builds), launches)
    end = (_word(each.in_turns), _source(each))
    steps = each.found.steps
    if not steps:
        why = each.found.refused
        verdict = f"not comparable: {why}" if why else "no step shown"
        return [(*start, *(None,) * 7, *end, verdict)]
    return [(*start, *_step(step, each.builds), *end, _verdict(step)) for step in steps]


def _step(step: Step, builds: Sequence[Build]) -> tuple[object, ...]:
    return (
        *(builds[step.build - 1].label, builds[step.build].label),
        *(step.before, step.after, step.change_pct, step.low_pct, step.high_pct),
    )


def _verdict(step: Step) -> str:
    return "faster" if step.change_pct > 0 else "slower"
