"""Streamed requests to one running llama-server, cheap enough for many at a time.

Measuring must not disturb: while tokens stream in, what a socket gives is only stamped and kept.
It is parsed, HTTP first, when the answer is there. With a client that parses as it reads, 64
streams would measure the client (scripts/bench_client_latency.py; docs/benchmarks.md).
"""

import contextlib
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import NoReturn
from urllib.parse import urlsplit

import h11

from workers.engine.completion import (
    Completion,
    ServerReportedError,
    StreamCut,
    error_message,
    parse_answer,
)
from workers.failures import CellFailed, Failure, FailureClass

_READ_BYTES = 65536
_END = b"0\r\n\r\n"
"""Of a chunked body; no event of a stream ends so."""
_TARGET = "/completion"
Chunks = tuple[tuple[float, bytes], ...]
"""(arrival on the monotonic clock, s; bytes)"""


_NO_MORE = (type(h11.NEED_DATA), type(h11.PAUSED), h11.ConnectionClosed)


class ConnectionLost(Exception):  # noqa: N818 - what happened; the caller asks the process why
    """The connection broke before the answer was complete: crashed, killed or aborted."""


@dataclass(frozen=True, slots=True)
class Recording:
    """The bytes of an answer with their times, not parsed yet."""

    chunks: Chunks
    sent_s: float
    """Request sent, the clock of the chunks."""
    started_at: datetime
    ended_at: datetime

    def completion(self) -> Completion:
        """Parse it.

        Raises:
            CellFailed: the server refused, or the stream carried an error (`request_error`).
            ConnectionLost: it ended early.
        """
        try:
            status, body = http_body(self.chunks)
            if status != HTTPStatus.OK:
                raise refused(error_message(b"".join(piece for _, piece in body)))
            answer = parse_answer(body)
        except ServerReportedError as error:
            raise refused(str(error)) from error
        except StreamCut as error:
            raise ConnectionLost(str(error) or "the stream ended early") from error
        return Completion(answer, self.sent_s, self.chunks[-1][0], self.started_at, self.ended_at)


def http_body(chunks: Chunks) -> tuple[int, Chunks]:
    """Status and body of an HTTP answer; a piece of the body arrives with its last byte.

    Raises:
        StreamCut: the answer is not whole.
    """
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="POST", target=_TARGET, headers=[("Host", "")]))
    connection.send(h11.EndOfMessage())
    status, body = 0, []
    try:
        for arrival, data in (*chunks, (0.0, b"")):
            connection.receive_data(data)
            while not isinstance(event := connection.next_event(), _NO_MORE):
                if isinstance(event, h11.Response):
                    status = event.status_code
                elif isinstance(event, h11.Data):
                    body.append((arrival, bytes(event.data)))
                elif isinstance(event, h11.EndOfMessage):
                    return status, tuple(body)
    except h11.RemoteProtocolError as error:
        raise StreamCut(str(error)) from error
    raise StreamCut("no answer")


class Stream:
    """Sends requests one after the other, each on a connection of its own.

    llama-server was seen to close a connection right after a stream although it had promised to
    keep it: 13 of 714 requests found it gone. A new one costs some 0.1 ms on loopback.

    Args:
        base_url: The server, `http://HOST:PORT`.
        api_key: Its key.
        timeout_s: Longest silence of a request before it counts as hung.
    """

    def __init__(self, base_url: str, api_key: str, *, timeout_s: float) -> None:
        address = urlsplit(base_url)
        self._address = (address.hostname, address.port)
        self._head = (
            f"POST {_TARGET} HTTP/1.1\r\nHost: {address.netloc}\r\n"
            f"Authorization: Bearer {api_key}\r\nContent-Type: application/json\r\n"
            "Connection: close\r\nContent-Length: "
        ).encode()
        self._timeout_s = timeout_s
        self._socket: socket.socket | None = None

    def abort(self) -> None:
        """Break the request in flight, if any, from another thread; the server drops its task."""
        held = self._socket
        if held is None:
            return
        # A close() would not wake a thread that waits in recv(); a shutdown does.
        with contextlib.suppress(OSError):
            held.shutdown(socket.SHUT_RDWR)

    def complete(self, body: bytes) -> Recording:
        """POST /completion and record the answer to its end.

        Raises:
            CellFailed: the server refuses (`request_error`), or is silent for longer than
                `timeout_s` (`run_timeout`).
            ConnectionLost: the connection broke.
        """
        started_at, sent_s = datetime.now(UTC), time.monotonic()
        with self._errors(), socket.create_connection(self._address, self._timeout_s) as held:
            self._socket = held
            held.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            held.sendall(b"%s%d\r\n\r\n%s" % (self._head, len(body), body))
            chunks = self._recorded(held)
        recording = Recording(chunks, sent_s, started_at, datetime.now(UTC))
        if not chunks or not chunks[-1][1].endswith(_END):
            recording.completion()  # an answer of another kind, or a broken one: tell at once
        return recording

    def _recorded(self, held: socket.socket) -> Chunks:
        chunks: list[tuple[float, bytes]] = []
        heard_s = time.monotonic()
        while data := held.recv(_READ_BYTES):
            now = time.monotonic()
            chunks.append((now, data))
            if b"{" in data:  # keep-alives have none
                heard_s = now
            elif now - heard_s > self._timeout_s:
                self._hung()
            if data.endswith(_END):
                break
        return tuple(chunks)

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError:
            self._hung()
        except OSError as error:
            raise ConnectionLost(str(error)) from error
        finally:
            self._socket = None

    def _hung(self) -> NoReturn:
        raise hung(self._timeout_s) from None


def refused(text: str) -> CellFailed:
    """What an answer that is an error makes of its cell."""
    return CellFailed(Failure(FailureClass.REQUEST_ERROR, text))


def hung(timeout_s: float) -> CellFailed:
    """What a silent server makes of its cell."""
    text = f"no progress of a request for {timeout_s:g} s"
    return CellFailed(Failure(FailureClass.RUN_TIMEOUT, text))
