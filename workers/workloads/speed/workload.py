"""Workload `speed`: prompt processing at several sizes, and generation, from an empty cache.

Method, version 2:

- As `llama-bench` does it (pp and tg, random tokens, cache cleared before every repetition),
  but over HTTP on the server as deployed; docs/benchmarks.md says how far the two agree. Of
  checkpoints (`-ctxcp`), which are charged to `prompt_ms`, there must be none.
- Warm-up, not recorded: a prompt of a full batch and a few tokens generated. The server's own
  warm-up decodes one tiny batch, after which the first large one still compiles kernels
  (ggml-org/llama.cpp pull 21282; Vulkan: 791 against 6550 tok/s).
- `ppN`: N tokens into the cache and nothing generated. `tgN`: N tokens after a prompt of one.
- Every trial is cold: the slot is erased first, and the answer's `cache_n` proves it.
- Repetitions are interleaved: each one runs all steps once, in an order shuffled by the seed,
  so that drift of clocks and temperature spreads over all steps. The order is stored. No step
  runs twice in a row: on an H100 (llama.cpp 11434) the second of two equal steps read 18 to 19 %
  (pp512) and 8 to 10 % (pp2048) lower, as if CUDA recorded its graph then; not isolated.
- Rates are computed from raw counts and times in `workers.trials`.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from workers.failures import CellFailed, Failure, FailureClass
from workers.workloads.base import Asked, Bench, Measured
from workers.workloads.prompts import Prompts
from workers.workloads.speed.config import SpeedConfig
from workers.workloads.warm_up import warm_up


@dataclass(frozen=True, slots=True)
class Step:
    """A prompt size with a number of tokens to generate."""

    name: str
    kind: str
    prompt_n: int
    predicted_n: int


def fits(prompt_n: int, predicted_n: int, context: int) -> bool:
    """Whether a request ends before the slot is full.

    A full slot is marked as truncated; even with nothing to generate one token is sampled.
    """
    return prompt_n + max(1, predicted_n) < context


def steps(config: SpeedConfig, context: int) -> tuple[Step, ...]:
    """The steps that fit a slot of `context` tokens, in the config's order, generation last.

    Raises:
        CellFailed: no prompt fits, or the generation does not (`bad_args`).
    """
    sizes = dict.fromkeys(config.prompt_sizes)
    prompts = [Step(f"pp{n}", "pp", n, 0) for n in sizes if fits(n, 0, context)]
    if not prompts:
        text = f"none of the prompt sizes {list(sizes)} fits a context of {context} tokens"
        raise CellFailed(Failure(FailureClass.BAD_ARGS, text))
    if not fits(1, config.n_predict, context):
        text = f"generating {config.n_predict} tokens does not fit a context of {context} tokens"
        raise CellFailed(Failure(FailureClass.BAD_ARGS, text))
    return (*prompts, Step(f"tg{config.n_predict}", "tg", 1, config.n_predict))


def schedule(config: SpeedConfig, context: int) -> tuple[Asked, ...]:
    """All trials in the order in which they run.

    Raises:
        CellFailed: as `steps`.
    """
    plan = steps(config, context)
    ordered: list[tuple[int, Step]] = []
    for repetition in range(1, config.repetitions + 1):
        order = _shuffled(plan, f"{config.seed}/order/{repetition}")
        if ordered and ordered[-1][1] == order[0]:
            order.append(order.pop(0))
        ordered += [(repetition, step) for step in order]
    return tuple(
        Asked(
            step=step.name,
            kind=step.kind,
            depth=0,
            prompt_n=step.prompt_n,
            predicted_n=step.predicted_n,
            repetition=repetition,
            run_order=run_order,
        )
        for run_order, (repetition, step) in enumerate(ordered, start=1)
    )


def _shuffled(plan: tuple[Step, ...], seed: str) -> list[Step]:
    return random.Random(seed).sample(plan, len(plan))  # noqa: S311 - an order, nothing secret


class Speed:
    """The workload `speed` with its config."""

    def __init__(self, config: SpeedConfig) -> None:
        self._config = config

    def total(self, context: int) -> int:
        """Number of trials; see `Workload`."""
        return len(steps(self._config, context)) * self._config.repetitions

    def run(self, bench: Bench) -> Iterator[Measured]:
        """Warm up, then measure trial by trial; see `Workload`."""
        trials = schedule(self._config, bench.context)
        prompts = Prompts(bench.client, self._config.seed)
        warm_up(bench, prompts)
        for asked in trials:
            if bench.cancelled.is_set():
                return
            prompt = prompts.make(asked.prompt_n, f"{asked.step}/{asked.repetition}")
            bench.client.erase()
            completion = bench.client.complete(
                prompt,
                n_predict=asked.predicted_n,
                cache_prompt=True,
                seed=self._config.seed,
                among=prompts.plain,
            )
            yield Measured(asked, completion)
