"""HTTP of recorded answers: what came when, wherever the socket cut it."""

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.engine.completion import StreamCut
from workers.engine.stream import Chunks, ConnectionLost, Recording, http_body
from workers.failures import CellFailed, FailureClass

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EVENTS = [
    part + b"\n\n"
    for part in (Path(__file__).parents[1] / "fixtures/sse/completion_tg.txt")
    .read_bytes()
    .split(b"\n\n")
    if part
]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
FRAMED = [b"%x\r\n%s\r\n" % (len(event), event) for event in EVENTS]
WHOLE = b"".join([HEAD, *FRAMED, b"0\r\n\r\n"])


def recording(*pieces: bytes) -> Recording:
    chunks = tuple((float(index), piece) for index, piece in enumerate(pieces, start=1))
    return Recording(chunks, 0.0, NOW, NOW)


def test_an_event_arrives_with_its_chunk() -> None:
    completion = recording(HEAD, *FRAMED, b"0\r\n\r\n").completion()
    # the head, two of progress, then five tokens
    assert completion.answer.arrivals == tuple((n, n + 3.0) for n in range(1, 6))
    assert completion.answer.begun_s == 2.0
    assert completion.answer.timings.predicted_n == 5
    assert completion.ended_s == 10.0


@given(st.lists(st.integers(0, len(WHOLE)), max_size=12))
def test_where_the_socket_cut_it_does_not_matter(cuts: list[int]) -> None:
    bounds = sorted({0, *cuts, len(WHOLE)})
    chunks: Chunks = tuple((float(n), WHOLE[a:b]) for n, (a, b) in enumerate(pairwise(bounds)))
    status, body = http_body(chunks)
    assert status == 200
    assert b"".join(piece for _, piece in body) == b"".join(EVENTS)
    answer = Recording(chunks, 0.0, NOW, NOW).completion().answer
    assert [count for count, _ in answer.arrivals] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.99])
def test_what_is_not_whole_is_a_lost_connection(share: float) -> None:
    cut = recording(WHOLE[: int(len(WHOLE) * share)])
    with pytest.raises(StreamCut):
        http_body(cut.chunks)
    with pytest.raises(ConnectionLost):
        cut.completion()


def test_a_refusal_is_told_in_the_servers_words() -> None:
    body = b'{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}'
    head = b"HTTP/1.1 503 X\r\nContent-Length: %d\r\n\r\n" % len(body)
    with pytest.raises(CellFailed, match="unavailable_error: Loading model") as caught:
        recording(head + body).completion()
    assert caught.value.failure.failure_class is FailureClass.REQUEST_ERROR


def test_an_answer_that_ends_with_its_connection() -> None:
    old = recording(b"HTTP/1.0 200 OK\r\n\r\n", *EVENTS).completion()
    assert old.answer.timings.predicted_n == 5


def test_what_is_no_http_is_a_lost_connection() -> None:
    with pytest.raises(ConnectionLost):
        recording(b"SSH-2.0-OpenSSH_9.2\r\n\r\n").completion()
