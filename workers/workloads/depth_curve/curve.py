"""The run of one depth curve: which trial when."""

from collections.abc import Iterable, Iterator

from warehouse import rows
from workers.trials import judge, rate
from workers.workloads.base import Asked, Bench, Measured
from workers.workloads.depth_curve.config import DepthCurveConfig
from workers.workloads.depth_curve.method import Method, Probed
from workers.workloads.depth_curve.prefix import Prefix
from workers.workloads.depth_curve.steps import Found, Step, shuffled, steps_at
from workers.workloads.prompts import Prompts
from workers.workloads.warm_up import warm_up

AGAIN = "-again"
"""Marks the steps of the drift check."""
Events = Iterator[Measured | rows.Row]


class Curve:
    """Measures at all depths, by a method.

    Attributes:
        prefix: What is extended; its files are for the caller to delete.
    """

    def __init__(
        self,
        bench: Bench,
        config: DepthCurveConfig,
        prompts: Prompts,
        depths: tuple[int, ...],
        method: Method,
        *,
        goes_back: bool,
    ) -> None:
        self.prefix = Prefix(bench, prompts, depths[-1], goes_back=goes_back)
        self._bench = bench
        self._config = config
        self._prompts = prompts
        self._depths = depths
        self._method = method
        self._goes_back = goes_back
        self._found = Found(config)
        self._trials = 0
        self._last: Step | None = None

    def events(self) -> Events:
        """Trials, and the batches of the fill; ends early when cancelled.

        Raises:
            CellFailed: a request failed.
            ConnectionLost: the server went away.
        """
        yield from self._interleaved() if self._method.interleaves else self._ascending()

    def row(self, probed: Probed) -> rows.DepthRun:
        """How it was done, and what that took."""
        prefix, method = self.prefix, self._method
        return rows.DepthRun(
            cell_id=self._bench.cell_id,
            attempt=self._bench.attempt,
            interleaved=method.interleaves,
            restored=method.restores,
            reason=method.reason,
            sliding_window=probed.is_window,
            slot_file_mib=probed.file_mib(self._depths[-1]) if method.restores else None,
            processed_n=prefix.processed,
            least_n=prefix.least,
            fill_ms=prefix.fill_ms,
            save_ms=prefix.save_ms,
            restore_ms=prefix.restore_ms,
        )

    def _interleaved(self) -> Events:
        yield from self._fill_all()
        left = {depth: self._steps(depth) for depth in self._depths}
        for repetition in range(1, self._config.max_repetitions + 1):
            yield from self._round((step for steps in left.values() for step in steps), repetition)
            for depth, steps in left.items():
                left[depth] = self._found.left(steps)
                if not left[depth] and not self._goes_back:
                    self.prefix.drop(depth)

    def _fill_all(self) -> Events:
        """Save each depth; the first batch is the warm-up, and stays part of the prefix."""
        filled = [depth for depth in self._depths if depth]
        if not filled:
            warm_up(self._bench, self._prompts)
            return
        warm = min(self._bench.batch_size, filled[0])
        for depth in dict.fromkeys((warm, *filled)):
            if self._bench.cancelled.is_set():
                return
            batches = self.prefix.fill(depth)
            if depth > warm:
                yield from batches
            if depth in filled and self.prefix.needs_file(depth):
                self.prefix.save(depth)

    def _ascending(self) -> Events:
        warm_up(self._bench, self._prompts)
        for before, depth in zip((0, *self._depths), self._depths, strict=False):
            yield from self._fill(before, depth)
            steps = self._steps(depth)
            for repetition in range(1, self._config.max_repetitions + 1):
                yield from self._round(steps, repetition)
                steps = self._found.left(steps)
        if len(self._depths) > 1:
            yield from self._fill(0, self._depths[0])
            for step in self._steps(self._depths[0]):
                yield from self._trial(step, 1, AGAIN)

    def _fill(self, before: int, depth: int) -> Events:
        """Go on from a depth to the next; the file of the first makes room for the second's."""
        if self._bench.cancelled.is_set():
            return
        if before == 0 or self._method.restores:
            self.prefix.restore(before)
        if depth == 0:
            return
        yield from self.prefix.fill(depth)
        if self._method.restores:
            self.prefix.drop(before)
            self.prefix.save(depth)

    def _steps(self, depth: int) -> list[Step]:
        return list(steps_at(depth, tail=self._config.tail, n_predict=self._config.n_predict))

    def _round(self, steps: Iterable[Step], repetition: int) -> Events:
        order = shuffled(steps, f"{self._config.seed}/order/{repetition}", self._last)
        if self._goes_back:
            # downwards one restore is enough for a whole round
            order.sort(key=lambda step: -step.depth)
        for step in order:
            yield from self._trial(step, repetition)

    def _trial(self, step: Step, repetition: int, mark: str = "") -> Events:
        if self._bench.cancelled.is_set():
            return
        self._trials += 1
        self._last = step
        if self._method.restores or step.depth == 0:
            self.prefix.restore(step.depth)
        asked = step.asked(repetition, self._trials, mark)
        measured = Measured(asked, self.prefix.measure(asked))
        self._note(step, asked, measured)
        yield measured

    def _note(self, step: Step, asked: Asked, measured: Measured) -> None:
        answer = measured.completion.answer
        reason = judge(
            asked, answer.timings, stop_type=answer.stop_type, truncated=answer.truncated
        )
        proven = answer.timings.cache_n == step.depth
        self._found.add(step, rate(step.kind, answer.timings), valid=reason is None, proven=proven)
