"""Comparisons of speeds, point by point. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from orchestrator.comparing.axes import axis_of
from orchestrator.comparing.noise import CalibratedStep, sides
from orchestrator.comparing.points import Launched, Matched, match
from orchestrator.comparing.question import Question, values_of
from orchestrator.comparing.turns import in_turns
from orchestrator.launch_speeds import LaunchSpeeds
from warehouse.comparison import compare
from warehouse.verdicts import Comparison


@dataclass(frozen=True, slots=True)
class Versus:
    """The baseline against another value of the axis, on the points that both have."""

    a: str
    b: str
    points: tuple[Matched, ...]
    a_launches: Launched
    """All of that value, matched or not."""
    b_launches: Launched


@dataclass(frozen=True, slots=True)
class ComparedPoint:
    """A point on which both sides were measured, and what came out."""

    versus: Versus
    a: Launched
    b: Launched
    result: Comparison

    @property
    def in_turns(self) -> bool:
        """Whether drift of the host hit both sides alike."""
        return in_turns(*([each.started_at for each in side] for side in (self.a, self.b)))


def match_all(question: Question, found: Iterable[LaunchSpeeds]) -> tuple[Versus, ...]:
    """The baseline with each other value."""
    axis = axis_of(question.axis)
    kept = [each for each in found if question.keeps(each)]
    values = values_of(question, kept)
    by_value = {
        value: tuple(each for each in kept if question.value(each) == value) for value in values
    }
    a = values[0] if values else ""
    return tuple(
        Versus(a, b, tuple(match(by_value[a], by_value[b], axis)), by_value[a], by_value[b])
        for b in values[1:]
    )


def answer(
    versus: Iterable[Versus], calibrated: Iterable[CalibratedStep]
) -> tuple[ComparedPoint, ...]:
    """Compare on every point that both sides have, all of them as one family."""
    known = tuple(calibrated)
    points = [(each, point) for each in versus for point in each.points]
    results = compare([sides(point.a, point.b, known) for _, point in points])
    return tuple(
        ComparedPoint(each, point.a, point.b, result)
        for (each, point), result in zip(points, results, strict=True)
    )
