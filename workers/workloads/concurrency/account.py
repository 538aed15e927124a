"""From the requests of a step to its rows: pure functions of counts and times."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from warehouse import rows
from workers.engine.completion import Completion, Timings, inter_token_ms
from workers.failures import CellFailed
from workers.trials import generation_rate, judge, percentiles
from workers.workloads.base import Asked
from workers.workloads.concurrency.loop import Ended, LoopRun

_NOTHING = Timings()


@dataclass(frozen=True, slots=True)
class Told:
    """A request that ended, with what the server said: an answer or an error."""

    ended: Ended
    completion: Completion | None
    error: str | None
    invalid_reason: str | None
    """Why the answer does not count."""


@dataclass(frozen=True, slots=True)
class StepRun:
    """A step as it ran."""

    cell_id: str
    attempt: int
    asked: Asked
    """What each request asked for; its depth is 0, since all are cold."""
    streams: int
    slots: int
    run: LoopRun
    answers: tuple[Told, ...]


def told(ended: Ended, asked: Asked) -> Told:
    """Parse and judge what a request got.

    Raises:
        ConnectionLost: the answer was cut off.
    """
    if ended.recording is None:
        return Told(ended, None, ended.failure.reason if ended.failure else None, None)
    try:
        completion = ended.recording.completion()
    except CellFailed as error:
        return Told(ended, None, error.failure.reason, None)
    answer = completion.answer
    reason = judge(asked, answer.timings, stop_type=answer.stop_type, truncated=answer.truncated)
    return Told(ended, completion, None, reason)


def busy_span(ended: Sequence[Ended]) -> tuple[float, float] | None:
    """When every stream had a request in flight, monotonic s; None if that never was.

    From the moment the last stream has sent its first request to the moment the first stream
    has the end of its last one.
    """
    first: dict[int, float] = {}
    last: dict[int, float] = {}
    for one in ended:
        first[one.stream] = min(one.sent_s, first.get(one.stream, one.sent_s))
        last[one.stream] = max(one.ended_s, last.get(one.stream, one.ended_s))
    if not first:
        return None
    begin_s, end_s = max(first.values()), min(last.values())
    return (begin_s, end_s) if begin_s < end_s else None


def tokens_within(arrivals: Sequence[tuple[int, float]], begin_s: float, end_s: float) -> int:
    """Tokens that arrived after `begin_s`, up to `end_s`; arrivals are (tokens so far, s)."""
    before = max((count for count, at_s in arrivals if at_s <= begin_s), default=0)
    return max((count for count, at_s in arrivals if at_s <= end_s), default=0) - before


def load_step_row(step: StepRun) -> rows.LoadStep:
    """The row of a step; without rates if an answer in it does not count."""
    span = busy_span([one.ended for one in step.answers])
    answered = [one.completion.answer for one in step.answers if one.completion]
    busy_ms = busy_n = None
    if span is not None:
        busy_ms = (span[1] - span[0]) * 1000
        busy_n = sum(tokens_within(answer.arrivals, *span) for answer in answered)
    reason = _why_invalid(step, busy_n)
    gaps = [gap for answer in answered for gap in inter_token_ms(answer.arrivals)]
    p50, p95, p99 = percentiles([] if reason else gaps)
    ended_s = max((one.ended.ended_s for one in step.answers), default=step.run.begin_s)
    return rows.LoadStep(
        cell_id=step.cell_id,
        attempt=step.attempt,
        step=step.asked.step,
        streams=step.streams,
        repetition=step.asked.repetition,
        run_order=step.asked.run_order,
        slots=step.slots,
        requests=len(step.answers),
        errors=sum(one.error is not None for one in step.answers),
        busy_ms=busy_ms,
        busy_n=busy_n,
        total_tok_s=busy_n / busy_ms * 1000 if busy_n and busy_ms and not reason else None,
        inter_token_p50_ms=p50,
        inter_token_p95_ms=p95,
        inter_token_p99_ms=p99,
        valid=reason is None,
        invalid_reason=reason,
        started_at=step.run.begin_at,
        ended_at=step.run.begin_at + timedelta(seconds=ended_s - step.run.begin_s),
    )


def _why_invalid(step: StepRun, busy_n: int | None) -> str | None:
    reasons = [one.invalid_reason for one in step.answers if one.invalid_reason]
    if reasons:
        return reasons[0]
    return None if busy_n else "no token while all streams were busy"


def request_row(step: StepRun, one: Told) -> rows.Request:
    """The row of a request of a step; times are since the step's scheduled begin."""
    ended, completion = one.ended, one.completion
    answer = completion.answer if completion else None
    timings = answer.timings if answer else _NOTHING
    arrivals = answer.arrivals if answer else ()
    p50, p95, p99 = percentiles(inter_token_ms(arrivals))
    first_s, last_s = (arrivals[0][1], arrivals[-1][1]) if arrivals else (None, None)
    begun_s = answer.begun_s if answer else None

    def since_begin_ms(at_s: float) -> float:
        return (at_s - step.run.begin_s) * 1000

    return rows.Request(
        cell_id=step.cell_id,
        attempt=step.attempt,
        step=step.asked.step,
        streams=step.streams,
        repetition=step.asked.repetition,
        stream=ended.stream,
        request=ended.request,
        scheduled_at=step.run.begin_at + timedelta(seconds=ended.scheduled_s - step.run.begin_s),
        scheduled_ms=since_begin_ms(ended.scheduled_s),
        sent_ms=since_begin_ms(ended.sent_s),
        first_token_ms=None if first_s is None else since_begin_ms(first_s),
        last_token_ms=None if last_s is None else since_begin_ms(last_s),
        ended_ms=since_begin_ms(ended.ended_s),
        prompt_n_asked=step.asked.prompt_n,
        predicted_n_asked=step.asked.predicted_n,
        prompt_n=timings.prompt_n,
        cache_n=timings.cache_n,
        predicted_n=timings.predicted_n,
        prompt_ms=timings.prompt_ms,
        predicted_ms=timings.predicted_ms,
        queue_ms=_later_ms(ended.scheduled_s, begun_s),
        ttft_ms=_later_ms(ended.scheduled_s, first_s),
        tg_tok_s=generation_rate(timings),
        inter_token_p50_ms=p50,
        inter_token_p95_ms=p95,
        inter_token_p99_ms=p99,
        error=one.error,
        valid=one.error is None and one.invalid_reason is None,
        invalid_reason=one.error or one.invalid_reason,
    )


def _later_ms(from_s: float, to_s: float | None) -> float | None:
    return None if to_s is None else (to_s - from_s) * 1000
