"""The runs of a cell, before any of them. Pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from workers.agent.suite.spec import Task


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """A try at a task in a world."""

    number: int
    """In the cell, from 1: the order in which they run."""
    task: Task
    variant: int
    """Number of the world, from 1."""
    seed: int
    """Of its facts."""
    try_number: int
    session: int
    """From 1."""

    @property
    def name(self) -> str:
        """In Inspect's log: unique in the cell."""
        return f"{self.task.name}/world{self.variant}/try{self.try_number}"


def chosen_tasks(tasks: Iterable[Task], level: str, names: Collection[str]) -> tuple[Task, ...]:
    """The tasks of a level, in their order; all, or those of these names."""
    return tuple(t for t in tasks if t.level == level and (not names or t.name in names))


def planned_runs(
    tasks: Sequence[Task], *, seed: int, variants: int, tries: int, sessions: int
) -> tuple[PlannedRun, ...]:
    """All runs in order: each round has one try at everything.

    A session keeps its tasks: all tries at one are in the same session.
    """
    pieces = [(task, variant) for variant in range(1, variants + 1) for task in tasks]
    rounds = [
        (task, variant, number, place % sessions + 1)
        for number in range(1, tries + 1)
        for place, (task, variant) in enumerate(pieces)
    ]
    return tuple(
        PlannedRun(number, task, variant, seed + variant - 1, try_number, session)
        for number, (task, variant, try_number, session) in enumerate(rounds, 1)
    )
