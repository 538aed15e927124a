"""What was tried before: decides which cells are cached and how attempts are numbered."""

from collections.abc import Iterable
from dataclasses import dataclass

FAILED_FOR_GOOD = frozenset(
    {"oom_load", "oom_context", "oom_run", "unsupported", "bad_model", "bad_args"}
)
"""Failure classes that another try would only repeat (DESIGN.md, Rows)."""


@dataclass(frozen=True, slots=True, order=True)
class Attempt:
    """A committed attempt at a cell."""

    cell_id: str
    attempt: int
    status: str
    """ok, failed or cancelled"""
    failure_class: str | None


class Ledger:
    """All committed attempts, by cell."""

    def __init__(self, attempts: Iterable[Attempt] = ()) -> None:
        self._by_cell: dict[str, list[Attempt]] = {}
        for attempt in sorted(attempts, key=lambda each: (each.cell_id, each.attempt)):
            self._by_cell.setdefault(attempt.cell_id, []).append(attempt)

    def attempts(self, cell_id: str) -> tuple[Attempt, ...]:
        """All attempts at the cell, in order."""
        return tuple(self._by_cell.get(cell_id, ()))

    def measured(self, cell_id: str) -> int:
        """How many attempts succeeded, each in a server life of its own."""
        return sum(each.status == "ok" for each in self.attempts(cell_id))

    def latest_ok(self, cell_id: str) -> Attempt | None:
        """The latest attempt that succeeded."""
        return next(
            (each for each in reversed(self.attempts(cell_id)) if each.status == "ok"), None
        )

    def last(self, cell_id: str) -> Attempt | None:
        """The latest attempt, however it ended."""
        return next(reversed(self.attempts(cell_id)), None)

    def next_attempt(self, cell_id: str) -> int:
        """Number of the next attempt, from 1."""
        last = self.last(cell_id)
        return last.attempt + 1 if last else 1

    def cached(self, cell_id: str, launches: int = 1) -> str | None:
        """Why the cell need not run again, or None if it must.

        Cached is what succeeded in as many launches, and what last failed for good. What was
        cancelled and all other failures are run again.
        """
        ok = self.latest_ok(cell_id)
        if ok and self.measured(cell_id) >= launches:
            return f"measured in attempt {ok.attempt}"
        last = self.last(cell_id)
        if last and last.status == "failed" and last.failure_class in FAILED_FOR_GOOD:
            return f"failed for good in attempt {last.attempt}: {last.failure_class}"
        return None
