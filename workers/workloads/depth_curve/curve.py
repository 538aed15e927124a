"""The run of one depth curve: which trial when."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest

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
        yield from self._while_filling()
        left = {depth: self._left(depth, self._steps(depth)) for depth in self._depths}
        for repetition in range(2, self._config.max_repetitions + 1):
            yield from self._round((step for steps in left.values() for step in steps), repetition)
            left = {depth: self._left(depth, steps) for depth, steps in left.items()}

    def _left(self, depth: int, steps: Sequence[Step]) -> list[Step]:
        left = self._found.left(steps)
        if not left and not self._goes_back:
            self.prefix.drop(depth)
        return left

    def _while_filling(self) -> Events:
        """Save each depth, and measure there once: no restore for generation, no second prefill.

        The prompt that is measured is the next part of the prefix where that is long enough.
        """
        self._warm()
        for depth, following in zip_longest(self._depths, self._depths[1:]):
            if self._bench.cancelled.is_set():
                return
            if depth:
                yield from self._filled(depth)
            prompt, generation = self._steps(depth)
            yield from self._trial(generation, 1)
            goes_on = following is not None and following >= depth + prompt.prompt_n
            yield from self._trial(prompt, 1, goes_on=goes_on)
            if depth and not goes_on and following is not None:
                self.prefix.restore(depth)

    def _warm(self) -> None:
        """Without a trial at an empty cache the first batch of the prefix is the warm-up."""
        first = self._depths[0]
        if first == 0:
            warm_up(self._bench, self._prompts)
        elif not self._bench.cancelled.is_set():
            self.prefix.fill(min(self._bench.batch_size, first))

    def _filled(self, depth: int) -> Events:
        if self.prefix.held < depth:
            yield from self.prefix.fill(depth)
        if self.prefix.needs_file(depth):
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

    def _trial(
        self, step: Step, repetition: int, mark: str = "", *, goes_on: bool = False
    ) -> Events:
        if self._bench.cancelled.is_set():
            return
        self._trials += 1
        self._last = step
        if self._method.restores or step.depth == 0:
            self.prefix.restore(step.depth)
        asked = step.asked(repetition, self._trials, mark)
        measured = Measured(asked, self.prefix.measure(asked, goes_on=goes_on))
        self._note(step, asked, measured)
        yield measured
        if goes_on:
            yield from self.prefix.batches(measured.completion)

    def _note(self, step: Step, asked: Asked, measured: Measured) -> None:
        answer = measured.completion.answer
        reason = judge(
            asked, answer.timings, stop_type=answer.stop_type, truncated=answer.truncated
        )
        proven = answer.timings.cache_n == step.depth
        self._found.add(step, rate(step.kind, answer.timings), valid=reason is None, proven=proven)
