"""Quality of two sides' answers: perplexity, and success at the same tasks. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.comparing.axes import axis_of
from orchestrator.comparing.metrics import EVENTUAL, FIRST_TRY, KLD, PERPLEXITY, Metric
from orchestrator.comparing.points import Matched, match
from orchestrator.comparing.question import Question
from orchestrator.comparing.reading import Facts, Scored, TaskRun
from orchestrator.launch_speeds import LaunchSpeeds
from warehouse.estimates import Estimate, estimate_test
from warehouse.paired_tasks import TaskPairs, task_test
from warehouse.verdicts import Comparison, Test

_ALL = "all levels"


@dataclass(frozen=True, slots=True)
class Answered:
    """A figure of quality on points that both sides have."""

    metric: Metric
    at: str
    test: Test | Comparison
    points: tuple[Matched, ...]


def answers_of(question: Question, a: str, b: str, facts: Facts) -> Iterator[Answered]:
    """Perplexity and KL divergence by text, then success by level."""
    yield from _quality(
        _matched(question, a, b, [each.cell for each in facts.scored]), facts.scored
    )
    yield from _tasks(_matched(question, a, b, [each.cell for each in facts.runs]), facts.runs)


def _matched(question: Question, a: str, b: str, cells: Iterable[LaunchSpeeds]) -> list[Matched]:
    kept = [each for each in dict.fromkeys(cells) if question.keeps(each)]
    ours, theirs = ([each for each in kept if question.value(each) == value] for value in (a, b))
    return match(ours, theirs, axis_of(question.axis))


def _quality(points: Sequence[Matched], scored: Iterable[Scored]) -> Iterator[Answered]:
    by_cell = {each.cell: each for each in scored}
    for point in points:
        a, b = by_cell[point.a[0]], by_cell[point.b[0]]
        caches = dict.fromkeys(f"{each.cell.cache_k}/{each.cell.cache_v}" for each in (a, b))
        at = f"{a.corpus}, {' : '.join(caches)}"
        if a.perplexity and b.perplexity:
            ours = Estimate(a.perplexity, a.perplexity_se)
            theirs = Estimate(b.perplexity, b.perplexity_se)
            yield Answered(PERPLEXITY, at, estimate_test(ours, theirs), (point,))
        # A baseline against itself has none: no ratio could be told.
        if (a.kld_mean_nats or 0) > 0 and (b.kld_mean_nats or 0) > 0:
            ours = Estimate(a.kld_mean_nats or 0, a.kld_mean_se_nats)
            theirs = Estimate(b.kld_mean_nats or 0, b.kld_mean_se_nats)
            yield Answered(KLD, at, estimate_test(ours, theirs), (point,))


def _tasks(points: Sequence[Matched], runs: Sequence[TaskRun]) -> Iterator[Answered]:
    by_cell: dict[LaunchSpeeds, list[TaskRun]] = {}
    for run in runs:
        by_cell.setdefault(run.cell, []).append(run)
    pairs = [(by_cell[point.a[0]], by_cell[point.b[0]]) for point in points]
    levels = sorted({run.level for a, _ in pairs for run in a})
    for level in [_ALL, *levels] if len(levels) > 1 else levels:
        for metric in (FIRST_TRY, EVENTUAL):
            found = _task_pairs(pairs, level, first=metric is FIRST_TRY)
            if found:
                yield Answered(metric, level, task_test(found), tuple(points))


def _task_pairs(
    cells: Sequence[tuple[Sequence[TaskRun], Sequence[TaskRun]]], level: str, *, first: bool
) -> list[TaskPairs]:
    """The same pieces on both sides, by task over all cells."""
    tasks: dict[str, list[tuple[bool, bool]]] = {}
    for a, b in cells:
        ours, theirs = (_successes(side, level, first=first) for side in (a, b))
        for piece in ours.keys() & theirs.keys():
            tasks.setdefault(piece[0], []).append((ours[piece], theirs[piece]))
    return [TaskPairs(task, pairs) for task, pairs in sorted(tasks.items())]


def _successes(
    runs: Sequence[TaskRun], level: str, *, first: bool
) -> Mapping[tuple[str, str], bool]:
    """Task and piece -> whether its first try, or any, succeeded."""
    found: dict[tuple[str, str], bool] = {}
    for run in runs:
        if level in (_ALL, run.level) and (run.try_number == 1 or not first):
            key = run.task, run.piece
            found[key] = found.get(key, False) or run.success
    return found
