"""Inspect's hooks: a run's rows go out when its sample ends; what ends the cell is noticed."""

import os
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from inspect_ai.hooks import BeforeModelGenerate, Hooks, SampleEnd, SampleStart, hooks
from inspect_ai.log import EvalSample, resolve_sample_attachments

from warehouse import rows
from workers.agent.messages import LOST, Said, Stopped
from workers.failures import FailureClass

_ENDS: Mapping[str, str] = {
    "Connection error": LOST,
    "Request timed out": FailureClass.RUN_TIMEOUT.value,
}
"""Beginnings of what the client says when there is no answer at all."""


class Ending(Protocol):
    """What turns a sample into rows."""

    def rows(self, sample: EvalSample) -> tuple[rows.Row, ...]:
        """The rows of a sample, its attachments resolved."""

    def seed(self, sample_id: str, epoch: int) -> int:
        """Of the sampler, for a sample."""


def listen(ending: Ending, say: Callable[[Said], None]) -> None:
    """From now on every sample's end is told."""

    class Listener(Hooks):
        def __init__(self) -> None:
            self._seeds: dict[str, int] = {}

        async def on_sample_start(self, data: SampleStart) -> None:
            summary = data.summary
            self._seeds[data.sample_id] = ending.seed(str(summary.id), summary.epoch)

        async def on_before_model_generate(self, data: BeforeModelGenerate) -> None:
            if data.sample_id in self._seeds:
                data.config.seed = self._seeds[data.sample_id]

        async def on_sample_end(self, data: SampleEnd) -> None:
            with _nothing_lost():
                sample = resolve_sample_attachments(data.sample, "full")
                stopped = _stopped(sample)
                for said in (stopped,) if stopped else ending.rows(sample):
                    say(said)

    hooks(name="herd", description="tells the workload of each run")(Listener)


@contextmanager
def _nothing_lost() -> Iterator[None]:
    """Inspect swallows what a hook raises; a run without rows must end the process instead."""
    done = False
    try:
        yield
        done = True
    finally:
        if not done:
            traceback.print_exc()
            os._exit(1)


def _stopped(sample: EvalSample) -> Stopped | None:
    """What the cell cannot go on after: a server that is gone or silent."""
    if sample.error is None:
        return None
    errors = [e.error for e in sample.events if e.event == "model" and e.error]
    for begin, kind in _ENDS.items():
        if errors and errors[-1].startswith(begin):
            return Stopped(kind, errors[-1].splitlines()[0])
    return None
