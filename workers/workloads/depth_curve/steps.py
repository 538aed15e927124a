"""What is measured at each depth, in which order, and how long: pure."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from warehouse.statistics import enough
from workers.failures import CellFailed, Failure, FailureClass
from workers.workloads.base import Asked
from workers.workloads.depth_curve.config import DepthCurveConfig
from workers.workloads.depth_curve.depths import fitting_depths


@dataclass(frozen=True, slots=True)
class Step:
    """Prompt processing or generation at a depth."""

    kind: str
    depth: int
    prompt_n: int
    predicted_n: int

    def asked(self, repetition: int, run_order: int, mark: str = "") -> Asked:
        """A trial of it; `mark` makes it another step."""
        size = self.prompt_n if self.kind == "pp" else self.predicted_n
        return Asked(
            step=f"{self.kind}{size}{mark}",
            kind=self.kind,
            depth=self.depth,
            prompt_n=self.prompt_n,
            predicted_n=self.predicted_n,
            repetition=repetition,
            run_order=run_order,
        )


def depths_of(config: DepthCurveConfig, context: int) -> tuple[int, ...]:
    """The config's depths that fit a slot of `context` tokens, ascending.

    Raises:
        CellFailed: none does (`bad_args`).
    """
    # even with nothing to generate one token is sampled
    room = max(config.tail, config.n_predict) + 1
    depths = fitting_depths(config.depths, context, room)
    if not depths:
        text = f"no depth of {config.depths} leaves {room} of a context of {context} tokens"
        raise CellFailed(Failure(FailureClass.BAD_ARGS, text))
    return depths


def steps_at(depth: int, *, tail: int, n_predict: int) -> tuple[Step, Step]:
    """What is measured at a depth: one token more than is cached is the least that proves it."""
    return Step("pp", depth, tail, 0), Step("tg", depth, 1, n_predict)


def shuffled(steps: Iterable[Step], seed: str, after: Step | None) -> list[Step]:
    """The steps in an order of the seed, not beginning with the one that came last."""
    ordered = sorted(steps, key=lambda step: (step.depth, step.kind))
    random.Random(seed).shuffle(ordered)  # noqa: S311 - an order, nothing secret
    if len(ordered) > 1 and ordered[0] == after:
        ordered.append(ordered.pop(0))
    return ordered


class Found:
    """Speeds by step so far, which tell when to stop; a depth stops as a whole."""

    def __init__(self, config: DepthCurveConfig) -> None:
        self._config = config
        self._speeds: dict[Step, list[float]] = {}
        self._unproven: set[Step] = set()

    def add(self, step: Step, tok_s: float | None, *, valid: bool, proven: bool) -> None:
        """A trial of a step: its speed, and whether the cache held what was asked for."""
        if valid and tok_s is not None:
            self._speeds.setdefault(step, []).append(tok_s)
        if not proven:
            self._unproven.add(step)

    def left(self, steps: Sequence[Step]) -> list[Step]:
        """The steps of a depth to repeat once more: all that can be, or none.

        One whose depth was not proven is not tried again: that processes the whole prefix.
        """
        can = [step for step in steps if step not in self._unproven]
        return [] if all(self._is_known(step) for step in can) else can

    def _is_known(self, step: Step) -> bool:
        return enough(
            self._speeds.get(step, []),
            target_pct=self._config.target_pct,
            minimum=self._config.min_repetitions,
            maximum=self._config.max_repetitions,
        )
