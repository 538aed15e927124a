"""Two values at a glance: each figure with a winner where a verdict holds. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.comparing.answers import answers_of
from orchestrator.comparing.combined import Combined, combine
from orchestrator.comparing.compared import Versus
from orchestrator.comparing.metrics import LaunchMetric, Metric, launch_metrics
from orchestrator.comparing.points import Matched
from orchestrator.comparing.question import Question
from orchestrator.comparing.reading import Facts
from orchestrator.comparing.sizes import sizes_of
from orchestrator.comparing.turns import in_turns
from warehouse.comparison import Side, launch_tests
from warehouse.verdicts import Comparison, Test, decide


@dataclass(frozen=True, slots=True)
class Line:
    """A figure of two values of the axis, over all points that both have."""

    a_value: str
    b_value: str
    metric: Metric
    at: str
    result: Comparison
    points: tuple[Matched, ...]
    """Those that are in it; none for sizes of files."""
    launches: tuple[int, int] | None
    """Of both sides, where it is of launches."""

    @property
    def winner(self) -> str | None:
        """The value whose figure is better, where that is shown."""
        if not self.result.shown:
            return None
        return self.b_value if self.result.shown == self.metric.better else self.a_value

    @property
    def verdict(self) -> str:
        """What B is against A."""
        return self.result.told(self.metric.higher, self.metric.lower)

    @property
    def in_turns(self) -> bool | None:
        """Whether drift hit both sides alike at every point; nothing drifts in a file."""
        if self.launches is None:
            return None
        return all(
            in_turns(*([each.started_at for each in side] for side in (point.a, point.b)))
            for point in self.points
        )


@dataclass(frozen=True, slots=True)
class _Draft:
    """A line before the verdicts."""

    versus: Versus
    metric: Metric
    at: str
    test: Test | Comparison
    points: tuple[Matched, ...]
    launches: tuple[int, int] | None = None


def summarise(question: Question, versus: Sequence[Versus], facts: Facts) -> tuple[Line, ...]:
    """All figures of the baseline against each other value; one family."""
    drafts = [
        *(draft for each in versus for draft in _sizes(each, facts)),
        *_tested(versus, facts, [d for each in versus for d in _answers(question, each, facts)]),
    ]
    order = {each.b: index for index, each in enumerate(versus)}
    drafts.sort(key=lambda draft: order[draft.versus.b])
    results = decide([draft.test for draft in drafts])
    return tuple(
        Line(d.versus.a, d.versus.b, d.metric, d.at, result, d.points, d.launches)
        for d, result in zip(drafts, results, strict=True)
    )


def _sizes(versus: Versus, facts: Facts) -> list[_Draft]:
    return [
        _Draft(versus, each.metric, each.at, each.result, each.points)
        for each in sizes_of(versus, facts)
    ]


def _answers(question: Question, versus: Versus, facts: Facts) -> list[_Draft]:
    return [
        _Draft(versus, each.metric, each.at, each.test, each.points)
        for each in answers_of(question, versus.a, versus.b, facts)
    ]


def _tested(versus: Sequence[Versus], facts: Facts, answers: Sequence[_Draft]) -> list[_Draft]:
    """Figures of launches, then those of answers, which are of the same family."""
    found = [
        (each, metric, both)
        for each in versus
        for metric in launch_metrics(each.points, facts)
        if (both := combine(metric.points, metric.values, facts.calibrated))
    ]
    pairs = [_pair(metric, both) for _, metric, both in found]
    tests = launch_tests(pairs, others=len(answers))
    launched = [
        _Draft(each, metric.metric, metric.at, test, both.points, _launches(both))
        for (each, metric, both), test in zip(found, tests, strict=True)
    ]
    return [*launched, *answers]


def _pair(metric: LaunchMetric, both: Combined) -> tuple[Side, Side]:
    if metric.calibrated:
        return both.a, both.b
    return Side(both.a.launches), Side(both.b.launches)


def _launches(both: Combined) -> tuple[int, int]:
    return len(both.a.launches), len(both.b.launches)
