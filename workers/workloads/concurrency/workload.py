"""Workload `concurrency`: rising numbers of parallel streams on a server with several slots.

Method, version 1:

- A closed loop (`loop`): all streams of a step begin at one scheduled moment, each sends its next
  request when its last one has ended. What is asked is how many users at a time a server can
  serve, so the number of streams is given and the rate of requests is the answer.
- The server assigns the slots, as for anybody's clients. More streams than slots queue.
- Every request is cold: another random prompt, `cache_prompt` off, and `cache_n` 0 is the proof.
  All slots are erased before a step, since with a unified cache what idle slots hold takes room.
- Before the first step of each number of streams, one request a stream as warm-up, not recorded:
  batches of another size are other kernels and graphs.
- Repetitions are interleaved: each runs all steps once, in an order shuffled by the seed.
- Rates of a step are over the time in which all its streams were busy (`account`): the begin,
  when some have not sent yet, and the end, when some have finished, are other loads.
"""

import random
from collections.abc import Iterator

from warehouse import rows
from workers.engine.client import ANY_SLOT, completion_body
from workers.failures import CellFailed, Failure, FailureClass
from workers.workloads.base import Asked, Bench
from workers.workloads.concurrency.account import StepRun, load_step_row, request_row, told
from workers.workloads.concurrency.config import ConcurrencyConfig
from workers.workloads.concurrency.loop import LoopRun, run_loop
from workers.workloads.prompts import Prompts
from workers.workloads.warm_up import WARM_UP_PREDICT, warm_up


def numbers_of_streams(
    config: ConcurrencyConfig, *, context: int, server_context: int, slots: int
) -> tuple[int, ...]:
    """The numbers of streams whose requests fit, in the config's order.

    Args:
        config: The workload's.
        context: Tokens that fit a slot.
        server_context: Tokens of the whole server: with a unified cache a slot has all of them,
            and shares them.
        slots: Slots of the server.

    Raises:
        CellFailed: none fits (`bad_args`).
    """
    _check_fits(config, context)
    tokens = config.prompt_size + max(1, config.n_predict)
    unified = slots > 1 and context == server_context
    found = tuple(
        streams
        for streams in dict.fromkeys(config.streams)
        if streams > 0 and (not unified or min(streams, slots) * tokens < server_context)
    )
    if not found:
        text = (
            f"none of {list(config.streams)} streams fits: a request is {tokens} tokens, "
            f"the slots share {server_context}"
        )
        raise CellFailed(Failure(FailureClass.BAD_ARGS, text))
    return found


def _check_fits(config: ConcurrencyConfig, context: int) -> None:
    # a full slot is marked as truncated
    if config.prompt_size + max(1, config.n_predict) >= context:
        text = (
            f"a prompt of {config.prompt_size} and {config.n_predict} generated tokens do not fit "
            f"a slot of {context} tokens"
        )
        raise CellFailed(Failure(FailureClass.BAD_ARGS, text))


def schedule(config: ConcurrencyConfig, streams: tuple[int, ...]) -> list[tuple[int, Asked]]:
    """All steps in the order in which they run: streams, and what each of their requests asks."""
    ordered: list[tuple[int, int]] = []
    for repetition in range(1, config.repetitions + 1):
        draw = random.Random(f"{config.seed}/order/{repetition}")  # noqa: S311 - an order
        ordered += [(repetition, count) for count in draw.sample(streams, len(streams))]
    return [
        (count, _asked(config, f"streams{count}", repetition, run_order))
        for run_order, (repetition, count) in enumerate(ordered, start=1)
    ]


def _asked(config: ConcurrencyConfig, step: str, repetition: int, run_order: int) -> Asked:
    return Asked(
        step=step,
        kind="tg",
        depth=0,
        prompt_n=config.prompt_size,
        predicted_n=config.n_predict,
        repetition=repetition,
        run_order=run_order,
    )


class Concurrency:
    """The workload `concurrency` with its config."""

    def __init__(self, config: ConcurrencyConfig) -> None:
        self._config = config

    def total(self, context: int) -> int:
        """Number of steps at most; see `Workload`."""
        _check_fits(self._config, context)
        return len(set(self._config.streams)) * self._config.repetitions

    def run(self, bench: Bench) -> Iterator[rows.Row]:
        """Warm up, then step by step; see `Workload`."""
        slots = bench.client.slots()
        streams = numbers_of_streams(
            self._config,
            context=bench.context,
            server_context=bench.server_context,
            slots=slots,
        )
        prompts = Prompts(bench.client, self._config.seed)
        warm_up(bench, prompts)
        warm: set[int] = set()
        for count, asked in schedule(self._config, streams):
            if bench.cancelled.is_set():
                return
            if count not in warm:
                warm.add(count)
                bodies = self._bodies(prompts, count, "warm-up", 1, WARM_UP_PREDICT)
                _go_on(run_loop(bench.client.streams(count), bodies, bench.cancelled))
            for slot in range(slots):
                bench.client.erase(slot)
            bodies = self._bodies(
                prompts, count, f"{asked.run_order}", self._config.requests, asked.predicted_n
            )
            run = run_loop(bench.client.streams(count), bodies, bench.cancelled)
            yield from self._rows(bench, asked, count, slots, run)

    def _bodies(
        self, prompts: Prompts, streams: int, purpose: str, requests: int, n_predict: int
    ) -> list[list[bytes]]:
        """Bodies by stream, encoded before anything runs."""
        return [
            [
                completion_body(
                    prompts.make(self._config.prompt_size, f"{purpose}/{streams}/{n}/{request}"),
                    n_predict=n_predict,
                    cache_prompt=False,
                    seed=self._config.seed,
                    slot=ANY_SLOT,
                    among=prompts.plain,
                )
                for request in range(requests)
            ]
            for n in range(streams)
        ]

    def _rows(
        self, bench: Bench, asked: Asked, count: int, slots: int, run: LoopRun
    ) -> Iterator[rows.Row]:
        answers = tuple(told(one, asked) for one in run.ended)
        step = StepRun(bench.cell_id, bench.attempt, asked, count, slots, run, answers)
        yield from (request_row(step, one) for one in answers)
        _go_on(run)
        if not bench.cancelled.is_set():
            yield load_step_row(step)


def _go_on(run: LoopRun) -> None:
    """Whether there is a server to go on with.

    Raises:
        CellFailed: it is silent, or has answered nothing but errors.
        ConnectionLost: it went away.
    """
    if run.error:
        raise run.error
    failures = [one.failure for one in run.ended if one.failure]
    if failures and len(failures) == len(run.ended):
        raise CellFailed(failures[0])
