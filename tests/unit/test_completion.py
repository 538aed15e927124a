"""The parser on lines recorded from a real llama-server (wheel 0.10434.0, SmolLM2)."""

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.engine.completion import (
    Answer,
    Completion,
    Progress,
    ServerReportedError,
    StreamCut,
    Timings,
    error_message,
    inter_token_ms,
    is_keepalive,
    parse_answer,
)

RECORDED = Path(__file__).parent.parent / "fixtures" / "sse"
GENERATION = (RECORDED / "completion_tg.txt").read_bytes()
PROMPT = (RECORDED / "completion_pp.txt").read_bytes()


def by_event(recorded: bytes) -> list[tuple[float, bytes]]:
    parts = [part + b"\n\n" for part in recorded.split(b"\n\n") if part]
    return [(float(index), part) for index, part in enumerate(parts)]


def test_generation() -> None:
    answer = parse_answer(by_event(GENERATION))
    assert answer.timings == Timings(
        prompt_n=7, cache_n=0, prompt_ms=48.388, predicted_n=5, predicted_ms=44.268
    )
    assert (answer.stop_type, answer.truncated) == ("limit", False)
    assert answer.progress == (Progress(0, 0.0), Progress(7, 47.0))
    assert answer.begun_s == 0.0
    assert answer.arrivals == ((1, 2.0), (2, 3.0), (3, 4.0), (4, 5.0), (5, 6.0))


def test_prompt_only_still_reports_one_token() -> None:
    answer = parse_answer(by_event(PROMPT))
    assert (answer.timings.prompt_n, answer.timings.predicted_n) == (7, 1)
    assert answer.arrivals == ((1, 2.0),)


@given(st.lists(st.integers(0, len(GENERATION)), max_size=12))
def test_where_the_stream_is_cut_into_chunks_does_not_matter(cuts: list[int]) -> None:
    bounds = [0, *sorted(cuts), len(GENERATION)]
    chunks = [
        (float(index), GENERATION[start:end]) for index, (start, end) in enumerate(pairwise(bounds))
    ]
    answer, whole = parse_answer(chunks), parse_answer([(0.0, GENERATION)])
    assert (answer.timings, answer.progress) == (whole.timings, whole.progress)
    assert [count for count, _ in answer.arrivals] == [1, 2, 3, 4, 5]


def test_keepalives_are_skipped() -> None:
    assert parse_answer([(0.0, b":\n\n"), (1.0, GENERATION)]).timings.predicted_n == 5
    assert is_keepalive(b":\n\n")
    assert not is_keepalive(b":\n\ndata: {}\n\n")


@pytest.mark.parametrize("share", [0.0, 0.5, 0.95])
def test_a_cut_stream_is_no_answer(share: float) -> None:
    with pytest.raises(StreamCut):
        parse_answer([(0.0, GENERATION[: int(len(GENERATION) * share)])])


@pytest.mark.parametrize(
    "line",
    [
        b'data: {"error":{"code":500,"message":"Compute error.","type":"server_error"}}\n\n',
        b'error: {"code":500,"message":"Compute error.","type":"server_error"}\n\n',
    ],
)
def test_an_error_in_the_stream(line: bytes) -> None:
    with pytest.raises(ServerReportedError, match=r"server_error: Compute error\."):
        parse_answer([(0.0, line)])


def test_error_message_of_any_body() -> None:
    assert error_message(b"<html>busy") == "<html>busy"
    assert error_message(b"") == "no message"
    assert error_message(b'{"error":"text"}') == '{"error":"text"}'


def test_gap_of_a_held_back_token_is_shared() -> None:
    assert inter_token_ms(((1, 1.0), (2, 1.010), (4, 1.030))) == pytest.approx([10, 10, 10])
    assert inter_token_ms(((1, 1.0),)) == []


def test_client_times() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    answer = Answer(Timings(), "limit", False, ((1, 10.5), (2, 10.6)), ())
    completion = Completion(answer, 10.0, 11.0, now, now)
    assert completion.ttft_ms == pytest.approx(500)
    assert completion.total_ms == pytest.approx(1000)
    assert Completion(Answer(Timings(), "", False, (), ()), 0, 1, now, now).ttft_ms is None
