"""What llama-server's /completion stream says, parsed: pure functions of the received bytes.

Field names and their meaning: llama.cpp, tools/server/README.md; each chunk is one SSE event
`data: {json}`; lines that begin with a colon are keep-alives and carry nothing.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any


@dataclass(frozen=True, slots=True)
class Progress:
    """A point of prompt processing, after one batch."""

    processed: int
    """Prompt tokens in the cache so far, reused ones included."""
    time_ms: float
    """Since the start of the prompt, by the server."""


@dataclass(frozen=True, slots=True)
class Timings:
    """The server's raw counts and times; None where this build does not give one."""

    prompt_n: int | None = None
    cache_n: int | None = None
    prompt_ms: float | None = None
    predicted_n: int | None = None
    predicted_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The content of one stream; times are the client's, of one monotonic clock, in s."""

    timings: Timings
    stop_type: str
    truncated: bool
    arrivals: tuple[tuple[int, float], ...]
    """(tokens generated so far, arrival) of each chunk that brought tokens."""
    progress: tuple[Progress, ...]
    begun_s: float | None = None
    """Arrival of the first word of progress: a slot has taken the request."""


@dataclass(frozen=True, slots=True)
class Completion:
    """One finished request: the answer and when it was asked for."""

    answer: Answer
    sent_s: float
    """Request sent, monotonic clock."""
    ended_s: float
    """End of the answer, same clock."""
    started_at: datetime
    ended_at: datetime

    @property
    def ttft_ms(self) -> float | None:
        """Request sent to first token."""
        arrivals = self.answer.arrivals
        return (arrivals[0][1] - self.sent_s) * 1000 if arrivals else None

    @property
    def total_ms(self) -> float:
        """Request sent to end of the answer."""
        return (self.ended_s - self.sent_s) * 1000


class ServerReportedError(Exception):
    """The stream carried an error object instead of an answer; the text is the server's."""


class StreamCut(Exception):  # noqa: N818 - a state of the stream, not an error of the parser
    """The stream ended before its last event."""


def is_keepalive(chunk: bytes) -> bool:
    """Whether a received chunk only keeps the connection open: no sign of progress."""
    return all(line.startswith(b":") or not line for line in chunk.splitlines())


def error_message(body: bytes) -> str:
    """The message of an error body {"error": {...}}, or the body's beginning."""
    try:
        error = json.loads(body)["error"]
        return f"{error['type']}: {error['message']}"
    except (ValueError, KeyError, TypeError):
        return body[:200].decode("utf-8", "replace") or "no message"


def events(chunks: Iterable[tuple[float, bytes]]) -> Iterator[tuple[float, dict[str, Any]]]:
    """Split timed chunks into (arrival, event); an event arrives with its last byte.

    Raises:
        ServerReportedError: an event is an error.
        StreamCut: an event is no JSON, because the stream broke in it.
    """
    rest = b""
    for arrival, chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            kind, _, payload = line.partition(b":")
            if kind == b"error":
                raise ServerReportedError(error_message(b'{"error":' + payload + b"}"))
            if kind != b"data" or payload.strip() == b"[DONE]":
                continue
            yield arrival, _event(payload)


def _event(payload: bytes) -> dict[str, Any]:
    try:
        event = json.loads(payload)
    except ValueError as error:
        raise StreamCut from error
    if not isinstance(event, dict):
        raise StreamCut
    if "error" in event:
        raise ServerReportedError(error_message(payload))
    return event


def parse_answer(chunks: Iterable[tuple[float, bytes]]) -> Answer:
    """The answer that a stream of timed chunks carried.

    Raises:
        ServerReportedError: the server reported an error in the stream.
        StreamCut: the last event never came.
    """
    arrivals: list[tuple[int, float]] = []
    progress: list[Progress] = []
    begun_s: float | None = None
    for arrival, event in events(chunks):
        if event.get("stop"):
            return Answer(
                timings=_timings(event.get("timings", {})),
                stop_type=str(event.get("stop_type", "")),
                truncated=bool(event.get("truncated", False)),
                arrivals=tuple(arrivals),
                progress=tuple(progress),
                begun_s=begun_s,
            )
        point = event.get("prompt_progress")
        if point:
            begun_s = arrival if begun_s is None else begun_s
            progress.append(Progress(int(point["processed"]), float(point["time_ms"])))
        elif event.get("tokens_predicted"):
            arrivals.append((int(event["tokens_predicted"]), arrival))
    raise StreamCut


def _timings(raw: dict[str, Any]) -> Timings:
    return Timings(**{name: raw.get(name) for name in Timings.__dataclass_fields__})


def inter_token_ms(arrivals: tuple[tuple[int, float], ...]) -> list[float]:
    """Times between tokens in ms, from (tokens so far, arrival s).

    A token that is only part of a UTF-8 character is held back by the server and comes with
    the next one: such a gap is shared evenly by its tokens.
    """
    gaps: list[float] = []
    for (count_before, before), (count, arrival) in pairwise(arrivals):
        new = count - count_before
        gaps.extend([(arrival - before) * 1000 / new] * new)
    return gaps
