"""Accounts of a step with parallel streams, from bytes and times worked out by hand."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from workers.engine.stream import ConnectionLost, Recording
from workers.failures import Failure, FailureClass
from workers.workloads.base import Asked
from workers.workloads.concurrency.account import (
    StepRun,
    busy_span,
    load_step_row,
    request_row,
    tokens_within,
    told,
)
from workers.workloads.concurrency.loop import Ended, LoopRun

HEAD = b"HTTP/1.0 200 OK\r\n\r\n"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ASKED = Asked("streams2", "tg", 0, prompt_n=10, predicted_n=3, repetition=2, run_order=5)


def event(**values: Any) -> bytes:
    return (
        b"data: " + json.dumps({"stop": False, "tokens_predicted": 0, **values}).encode() + b"\n\n"
    )


def recording(begun_s: float, tokens_s: list[float], **timings: Any) -> Recording:
    """An answer of one token at each of these times, with the server's counts as asked."""
    progress = {"total": 10, "cache": 0, "processed": 0, "time_ms": 0}
    counts = {"cache_n": 0, "prompt_n": 10, "predicted_n": len(tokens_s)}
    counts |= {"prompt_ms": 40.0, "predicted_ms": 20.0} | timings
    last = {"stop": True, "stop_type": "limit", "timings": counts}
    chunks = [(begun_s, HEAD + event(prompt_progress=progress))]
    chunks += [(at_s, event(tokens_predicted=n)) for n, at_s in enumerate(tokens_s, start=1)]
    chunks.append((tokens_s[-1], event(**last)))
    return Recording(tuple(chunks), begun_s, NOON, NOON)


def ended(
    stream: int, request: int, scheduled_s: float, ended_s: float, what: Recording | None
) -> Ended:
    failure = None if what else Failure(FailureClass.REQUEST_ERROR, "server_error: busy")
    return Ended(stream, request, scheduled_s, scheduled_s + 0.001, ended_s, what, failure)


def step(*requests: Ended) -> StepRun:
    run = LoopRun(100.0, NOON, requests, None)
    answers = tuple(told(one, ASKED) for one in requests)
    return StepRun("c1", 1, ASKED, streams=2, slots=4, run=run, answers=answers)


FIRST = ended(1, 1, 100.0, 100.3, recording(100.05, [100.1, 100.2, 100.3]))
SECOND = ended(1, 2, 100.3, 100.6, recording(100.31, [100.4, 100.5, 100.6]))
OTHER = ended(2, 1, 100.0, 100.5, recording(100.2, [100.3, 100.4, 100.5]))


def test_busy_is_from_the_last_to_begin_to_the_first_to_end() -> None:
    late = Ended(2, 1, 100.0, 100.15, 100.5, OTHER.recording, None)
    assert busy_span([FIRST, SECOND, late]) == (100.15, 100.5)


def test_streams_that_were_never_busy_together_have_no_span() -> None:
    apart = ended(2, 1, 101.0, 101.5, recording(101.1, [101.2, 101.3, 101.5]))
    assert busy_span([FIRST, apart]) is None
    assert busy_span([]) is None
    row = load_step_row(step(FIRST, apart))
    assert (row.busy_ms, row.busy_n, row.total_tok_s, row.valid) == (None, None, None, False)
    assert row.invalid_reason == "no token while all streams were busy"


@pytest.mark.parametrize(
    ("begin_s", "end_s", "tokens"), [(0.0, 9.0, 5), (1.0, 2.0, 1), (0.5, 2.5, 2), (4.0, 5.0, 0)]
)
def test_tokens_within_a_span(begin_s: float, end_s: float, tokens: int) -> None:
    # two tokens came at once, as a character in two tokens does
    assert tokens_within([(1, 1.0), (2, 2.0), (4, 3.0), (5, 4.0)], begin_s, end_s) == tokens


def test_total_is_over_the_time_in_which_all_were_busy() -> None:
    row = load_step_row(step(FIRST, SECOND, OTHER))
    # from 100.001 to 100.5: all three tokens of FIRST and OTHER, and two of SECOND's
    assert row.busy_n == 8
    assert row.busy_ms == pytest.approx(499)
    assert row.total_tok_s == pytest.approx(8 / 0.499)
    assert row.inter_token_p50_ms == pytest.approx(100)
    assert (row.step, row.streams, row.slots, row.repetition, row.run_order) == (
        "streams2", 2, 4, 2, 5,
    )  # fmt: skip
    assert (row.requests, row.errors, row.valid, row.invalid_reason) == (3, 0, True, None)
    assert row.ended_at - row.started_at == pytest.approx(
        timedelta(seconds=0.6), abs=timedelta(microseconds=2)
    )


def test_latency_counts_from_the_scheduled_time() -> None:
    one = step(SECOND)
    row = request_row(one, one.answers[0])
    assert (row.stream, row.request) == (1, 2)
    assert row.scheduled_ms == pytest.approx(300)
    assert row.scheduled_at == NOON + timedelta(milliseconds=300)
    assert row.sent_ms == pytest.approx(301)
    assert row.queue_ms == pytest.approx(10)
    assert row.ttft_ms == pytest.approx(100)
    assert row.first_token_ms == pytest.approx(400)
    assert row.last_token_ms == pytest.approx(600)
    assert row.ended_ms == pytest.approx(600)
    assert row.tg_tok_s == pytest.approx(2 / 0.020)
    assert row.inter_token_p99_ms == pytest.approx(100)
    assert (row.valid, row.invalid_reason, row.error) == (True, None, None)
    assert (row.prompt_n_asked, row.predicted_n_asked) == (10, 3)


def test_an_error_is_a_row_and_its_stream_was_busy() -> None:
    refused = ended(2, 1, 100.0, 100.5, None)
    run = step(FIRST, SECOND, refused)
    row = request_row(run, run.answers[2])
    assert (row.error, row.valid, row.invalid_reason) == (
        "server_error: busy", False, "server_error: busy",
    )  # fmt: skip
    assert (row.ttft_ms, row.queue_ms, row.predicted_n) == (None, None, None)
    total = load_step_row(run)
    assert (total.errors, total.valid, total.busy_n) == (1, True, 5)


def test_an_error_within_the_stream_is_an_error_too() -> None:
    broken = Recording(
        ((100.1, HEAD + b'data: {"error":{"type":"t","message":"m"}}\n\n'),), 100, NOON, NOON
    )
    answer = told(ended(1, 1, 100.0, 100.2, broken), ASKED)
    assert (answer.error, answer.completion) == ("t: m", None)


def test_a_cut_answer_is_a_lost_connection() -> None:
    cut = Recording(((100.1, HEAD + event(tokens_predicted=1)),), 100, NOON, NOON)
    with pytest.raises(ConnectionLost):
        told(ended(1, 1, 100.0, 100.2, cut), ASKED)


@pytest.mark.parametrize(
    ("timings", "reason"),
    [
        ({"cache_n": 4}, "cache_n is 4, asked for 0"),
        ({"predicted_n": 2}, "predicted_n is 2, asked for 3"),
        ({"prompt_n": 6}, "prompt_n is 6, asked for 10"),
    ],
)
def test_a_step_with_an_answer_that_does_not_count_has_no_rates(
    timings: dict[str, Any], reason: str
) -> None:
    lie = ended(2, 1, 100.0, 100.5, recording(100.2, [100.3, 100.4, 100.5], **timings))
    run = step(FIRST, SECOND, lie)
    row = request_row(run, run.answers[2])
    assert (row.valid, row.invalid_reason, row.error) == (False, reason, None)
    total = load_step_row(run)
    assert (total.valid, total.invalid_reason, total.total_tok_s) == (False, reason, None)
    assert (total.busy_n, total.inter_token_p50_ms) == (8, None)
