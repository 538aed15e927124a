"""From a run in plain values to its rows. Pure."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict, TypeVar

from warehouse import rows
from workers.agent.scoring.calls import JudgedCall, judge_calls
from workers.agent.scoring.language import language_of
from workers.agent.scoring.overclaim import OverclaimVerdict
from workers.agent.scoring.thinking import answer_in_thinking, budget_overrun, thinking_tokens
from workers.agent.scoring.transcript import AskedCall, Transcript, Turn
from workers.trials import generation_rate, took_time

_N = TypeVar("_N", int, float)


@dataclass(frozen=True, slots=True)
class Identified:
    """Which run it is: what was decided before it began."""

    cell_id: str
    attempt: int
    run: int
    suite: str
    suite_version: str | None
    task: str
    variant: str | None
    seed: int | None
    level: str | None
    task_class: str
    language: str | None
    try_number: int
    sessions: int
    session: int | None
    """None: another suite's, which does not say."""
    filler_depth: int
    thinking_budget: int | None
    sampling: str
    """JSON."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of it."""

    outcome: str
    """success, failure, skipped or error"""
    reason: str | None
    started_at: datetime
    ended_at: datetime
    sandbox: str | None = None
    claims: OverclaimVerdict | None = None
    filler_n: int | None = None
    """Tokens of prompt that the slot held before the first answer; None: no filler."""
    filler_how: str | None = None


def run_rows(
    which: Identified, ended: Ended, run: Transcript, tokens_of: Callable[[str], int]
) -> tuple[rows.Row, ...]:
    """The rows of a run, that of `agent_runs` last."""
    calls = judge_calls(run.turns)
    thinking = thinking_tokens(run, tokens_of)
    turns = [
        _turn_row(which, number, turn, run.turns[: number - 1], thinking[number - 1])
        for number, turn in enumerate(run.turns, 1)
    ]
    found = [_call_row(which, number, call) for number, call in enumerate(calls, 1)]
    return (*turns, *found, _run_row(which, ended, run, turns, calls))


def _turn_row(
    which: Identified, number: int, turn: Turn, before: Sequence[Turn], thinking_n: int
) -> rows.AgentTurn:
    timings = turn.timings
    return rows.AgentTurn(
        cell_id=which.cell_id,
        attempt=which.attempt,
        run=which.run,
        turn=number,
        context_n=_context_n(turn),
        prompt_n=timings.prompt_n,
        cache_n=timings.cache_n,
        predicted_n=timings.predicted_n,
        thinking_n=thinking_n,
        prompt_ms=timings.prompt_ms,
        predicted_ms=timings.predicted_ms,
        ttft_ms=None,
        tg_tok_s=generation_rate(timings),
        full_prefill=_full_prefill(turn, before),
        error=turn.error,
        started_at=turn.started_at,
        ended_at=turn.ended_at,
    )


def _context_n(turn: Turn) -> int | None:
    parts = (turn.timings.cache_n, turn.timings.prompt_n, turn.timings.predicted_n)
    return None if None in parts else sum(part or 0 for part in parts)


def _full_prefill(turn: Turn, before: Sequence[Turn]) -> bool | None:
    """Whether the server kept nothing of a conversation that it had just answered.

    The first turn of a run has nothing to go on from. What the server's log calls "forcing full
    prompt re-processing" is an answer with `cache_n` 0.
    """
    if turn.timings.cache_n is None:
        return None
    return any(each.error is None for each in before) and turn.timings.cache_n == 0


def _call_row(which: Identified, number: int, call: JudgedCall) -> rows.ToolCall:
    return rows.ToolCall(
        cell_id=which.cell_id,
        attempt=which.attempt,
        run=which.run,
        turn=call.turn,
        call=number,
        tool=call.tool,
        arguments=call.arguments,
        malformed=call.malformed,
        invalid_arguments=call.invalid_arguments,
        error=call.error,
        repeats=call.repeats,
        recovered_by=call.recovered_by,
        result_bytes=None if call.result is None else len(call.result.encode()),
        started_at=call.started_at,
        ended_at=call.ended_at,
    )


def _run_row(
    which: Identified,
    ended: Ended,
    run: Transcript,
    turns: Sequence[rows.AgentTurn],
    calls: Sequence[JudgedCall],
) -> rows.AgentRun:
    ran = bool(turns)
    claims, first = ended.claims, (turns[0] if turns else None)
    by_turn = tuple(turn.thinking_n or 0 for turn in turns)
    cached = first.cache_n if first and ended.filler_n is not None else None
    short = ran and ended.filler_n is not None and (cached or 0) < ended.filler_n
    return rows.AgentRun(
        cell_id=which.cell_id,
        attempt=which.attempt,
        run=which.run,
        suite=which.suite,
        suite_version=which.suite_version,
        task=which.task,
        variant=which.variant,
        seed=which.seed,
        level=which.level,
        task_class=which.task_class,
        language_asked=which.language,
        language_given=language_of(run.answer),
        try_number=which.try_number,
        outcome=ended.outcome,
        reason=ended.reason,
        ended_by=run.ended_by if ran else None,
        sandbox=ended.sandbox,
        **_claim_columns(claims),
        **_call_columns(calls if ran else None),
        steps=len(turns) if ran else None,
        prompt_n=_sum([turn.prompt_n for turn in turns]),
        cache_n=_sum([turn.cache_n for turn in turns]),
        predicted_n=_sum([turn.predicted_n for turn in turns]),
        thinking_n=sum(by_turn) if ran else None,
        thinking_budget_n=which.thinking_budget,
        budget_overrun=budget_overrun(by_turn, which.thinking_budget) if ran else None,
        answer_in_thinking=answer_in_thinking(run),
        context_start_n=_plus(first.cache_n, first.prompt_n) if first else None,
        context_end_n=next((t.context_n for t in reversed(turns) if t.context_n), None),
        prompt_ms=_sum([turn.prompt_ms for turn in turns]),
        predicted_ms=_sum([turn.predicted_ms for turn in turns]),
        tg_tok_s=_rate(turns),
        tools_ms=_tools_ms(run) if ran else None,
        full_prefills=sum(turn.full_prefill is True for turn in turns) if ran else None,
        sessions=which.sessions,
        session=which.session,
        filler_depth=which.filler_depth,
        filler_cache_n=cached,
        filler_how=ended.filler_how,
        sampling=which.sampling,
        transcript_path=None,
        valid=not short,
        invalid_reason=f"cache_n is {cached}, the filler {ended.filler_n}" if short else None,
        started_at=ended.started_at,
        ended_at=ended.ended_at,
    )


class _ClaimColumns(TypedDict):
    claimed: bool | None
    claimed_effects: str | None
    claimed_by: str | None
    overclaimed: bool | None
    overclaimed_effect: str | None


def _claim_columns(claims: OverclaimVerdict | None) -> _ClaimColumns:
    """What was claimed; None: nobody looked."""
    effects = [{"effect": e.effect, "target": e.target} for e in claims.effects] if claims else []
    lacking = claims.lacking if claims else None
    return _ClaimColumns(
        claimed=claims.claimed if claims else None,
        claimed_effects=json.dumps(effects) if effects else None,
        claimed_by=claims.by if claims else None,
        overclaimed=claims.overclaimed if claims else None,
        overclaimed_effect=f"{lacking.effect} {lacking.target}".strip() if lacking else None,
    )


class _CallColumns(TypedDict):
    calls: int | None
    calls_malformed: int | None
    calls_invalid: int | None
    calls_failed: int | None
    calls_repeated: int | None
    calls_recovered: int | None


def _call_columns(calls: Sequence[JudgedCall] | None) -> _CallColumns:
    """How many calls of each kind; None: the run did not begin."""

    def count(marks: Callable[[JudgedCall], object]) -> int | None:
        return None if calls is None else sum(marks(call) is not None for call in calls)

    return _CallColumns(
        calls=None if calls is None else len(calls),
        calls_malformed=count(lambda call: call.malformed),
        calls_invalid=count(lambda call: call.invalid_arguments),
        calls_failed=count(lambda call: call.error),
        calls_repeated=count(lambda call: call.repeats),
        calls_recovered=count(lambda call: call.recovered_by),
    )


def _sum(values: Sequence[_N | None]) -> _N | None:
    """Of those that are known; None if none is."""
    known = [value for value in values if value is not None]
    return sum(known[1:], known[0]) if known else None


def _plus(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


def _rate(turns: Sequence[rows.AgentTurn]) -> float | None:
    """Over all turns that have a rate of their own: tokens after each first one, by their time."""
    timed = [turn for turn in turns if turn.tg_tok_s is not None]
    ms = sum(turn.predicted_ms or 0.0 for turn in timed)
    tokens = sum((turn.predicted_n or 0) - 1 for turn in timed)
    return tokens / ms * 1000 if timed and took_time(ms) else None


def _tools_ms(run: Transcript) -> float:
    """Time with at least one tool at work: calls of a turn may run side by side."""
    return sum(_busy_ms(turn.calls) for turn in run.turns)


def _busy_ms(calls: Sequence[AskedCall]) -> float:
    total, until = 0.0, None
    for call in sorted(calls, key=lambda each: each.started_at):
        begin = call.started_at if until is None else max(call.started_at, until)
        total += max(0.0, (call.ended_at - begin).total_seconds() * 1000)
        until = call.ended_at if until is None else max(call.ended_at, until)
    return total
