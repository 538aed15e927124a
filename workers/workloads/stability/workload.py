"""Workload `stability`: the slot filled to at least 90 %, a generation on top, and that again.

Method, version 1:

- A round: the slot is erased, a prompt of random tokens goes in by chunks (each request extends
  the one before, so nothing is read twice), then tokens are generated after one more token.
- The fill is proven: each chunk's `cache_n` is what was there and its `prompt_n` what was new,
  and the generation's `cache_n` is the whole. A server that dropped or truncated would show.
- Memory is read before and after each round. The first round touches the cache's pages for the
  first time; from its end to the last one's nothing new is needed, so growth is a leak.
- The generation of each round is a row of `trials` too, with all that a trial has.
- Another round has other tokens. The verdict is the view `stability`.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from warehouse import rows
from workers.engine.completion import Completion
from workers.engine.stream import ConnectionLost
from workers.failures import CellFailed, Failure, FailureClass
from workers.trials import generation_rate, judge
from workers.workloads.base import Asked, Bench, Measured, MemoryNow
from workers.workloads.prompts import Prompts
from workers.workloads.stability.config import StabilityConfig
from workers.workloads.warm_up import warm_up

_MINIMUM_ROUNDS = 2


def fill_tokens(config: StabilityConfig, context: int) -> int:
    """Tokens to fill a slot of `context` tokens with.

    Raises:
        CellFailed: the generation does not fit on top, or a leak could not show (`bad_args`).
    """
    fill = math.ceil(context * config.fill_pct / 100)
    if config.rounds < _MINIMUM_ROUNDS:
        text = f"stability needs {_MINIMUM_ROUNDS} rounds, asked for {config.rounds}"
        raise CellFailed(Failure(FailureClass.BAD_ARGS, text))
    # one more token is sent, and a full slot is marked as truncated
    if fill < 1 or fill + 1 + config.n_predict >= context:
        text = (
            f"a fill of {config.fill_pct:g} % and {config.n_predict} generated tokens do not fit "
            f"a slot of {context} tokens"
        )
        raise CellFailed(Failure(FailureClass.BAD_ARGS, text))
    return fill


@dataclass(slots=True)
class _Round:
    """A round as far as it came."""

    number: int
    asked: Asked
    slots: int
    before: MemoryNow
    started_at: datetime
    reached: int = 0
    """Tokens in the slot, by the server's counts."""
    prompt_n: int = 0
    prompt_ms: float = 0.0
    truncated: bool = False
    reasons: list[str] = field(default_factory=list)
    generation: Completion | None = None


class Stability:
    """The workload `stability` with its config."""

    def __init__(self, config: StabilityConfig) -> None:
        self._config = config

    def total(self, context: int) -> int:
        """Number of rounds; see `Workload`."""
        fill_tokens(self._config, context)
        return self._config.rounds

    def run(self, bench: Bench) -> Iterator[Measured | rows.Row]:
        """Warm up, then round by round; see `Workload`."""
        fill = fill_tokens(self._config, bench.context)
        slots = bench.client.slots()
        prompts = Prompts(bench.client, self._config.seed)
        warm_up(bench, prompts)
        for number in range(1, self._config.rounds + 1):
            if bench.cancelled.is_set():
                return
            asked = self._asked(fill, number)
            one = _Round(number, asked, slots, bench.memory_now(), datetime.now(UTC))
            try:
                yield from self._round(bench, prompts, one)
            except (CellFailed, ConnectionLost) as error:
                yield _row(bench, one, str(error))
                raise
            if not bench.cancelled.is_set():
                yield _row(bench, one, None)

    def _asked(self, fill: int, number: int) -> Asked:
        return Asked(
            step=f"tg{self._config.n_predict}",
            kind="tg",
            depth=fill,
            prompt_n=1,
            predicted_n=self._config.n_predict,
            repetition=number,
            run_order=number,
        )

    def _round(self, bench: Bench, prompts: Prompts, one: _Round) -> Iterator[Measured]:
        fill = one.asked.depth
        prompt = prompts.make(fill + 1, f"round/{one.number}")
        bench.client.erase()
        for there in range(0, fill, self._config.chunk):
            if bench.cancelled.is_set():
                return
            end = min(fill, there + self._config.chunk)
            asked = Asked("fill", "pp", there, end - there, 0, one.number, one.number)
            _extended(one, asked, _complete(bench, prompts, prompt[:end], 0))
        one.generation = _complete(bench, prompts, prompt, self._config.n_predict)
        _note(one, one.asked, one.generation)
        yield Measured(one.asked, one.generation)


def _complete(bench: Bench, prompts: Prompts, prompt: list[int], n_predict: int) -> Completion:
    return bench.client.complete(
        prompt, n_predict=n_predict, cache_prompt=True, seed=prompts.seed, among=prompts.plain
    )


def _extended(one: _Round, asked: Asked, completion: Completion) -> None:
    timings = completion.answer.timings
    one.reached = (timings.cache_n or 0) + (timings.prompt_n or 0)
    one.prompt_n += timings.prompt_n or 0
    one.prompt_ms += timings.prompt_ms or 0.0
    _note(one, asked, completion)


def _note(one: _Round, asked: Asked, completion: Completion) -> None:
    answer = completion.answer
    one.truncated = one.truncated or answer.truncated
    reason = judge(asked, answer.timings, stop_type=answer.stop_type, truncated=answer.truncated)
    if reason:
        one.reasons.append(f"{asked.step}: {reason}")


def _row(bench: Bench, one: _Round, error: str | None) -> rows.StabilityRound:
    timings = one.generation.answer.timings if one.generation else None
    after = bench.memory_now()
    reason = error or next(iter(one.reasons), None)
    return rows.StabilityRound(
        cell_id=bench.cell_id,
        attempt=bench.attempt,
        round=one.number,
        slots=one.slots,
        slot_context=bench.context,
        fill_n_asked=one.asked.depth,
        filled_n=one.reached,
        fill_pct=one.reached / bench.context * 100,
        predicted_n=timings.predicted_n if timings else None,
        pp_tok_s=one.prompt_n / one.prompt_ms * 1000 if one.prompt_ms else None,
        tg_tok_s=generation_rate(timings) if timings else None,
        rss_before_mib=one.before.rss_mib,
        rss_after_mib=after.rss_mib,
        private_before_mib=one.before.private_mib,
        private_after_mib=after.private_mib,
        vram_before_mib=one.before.vram_mib,
        vram_after_mib=after.vram_mib,
        truncated=one.truncated,
        error=error,
        valid=reason is None,
        invalid_reason=reason,
        started_at=one.started_at,
        ended_at=datetime.now(UTC),
    )
