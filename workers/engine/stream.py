"""Streamed requests to one running llama-server, cheap enough for many at a time.

Measuring must not disturb: while tokens stream in, a chunk is only stamped and kept; it is
parsed when nothing is measured any more. http.client and not httpx, which takes several times
the CPU for a chunk (scripts/bench_client_latency.py): with 64 streams the client would be what
is measured.
"""

import contextlib
import http.client
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn
from urllib.parse import urlsplit

from workers.engine.completion import (
    Completion,
    ServerReportedError,
    StreamCut,
    error_message,
    is_keepalive,
    parse_answer,
)
from workers.failures import CellFailed, Failure, FailureClass

_READ_BYTES = 65536


class ConnectionLost(Exception):  # noqa: N818 - what happened; the caller asks the process why
    """The connection broke before the answer was complete: crashed, killed or aborted."""


@dataclass(frozen=True, slots=True)
class Recording:
    """The bytes of a streamed answer with their times, not parsed yet."""

    chunks: tuple[tuple[float, bytes], ...]
    """(arrival, bytes); monotonic clock, s."""
    sent_s: float
    """Request sent, same clock."""
    started_at: datetime
    ended_at: datetime

    def completion(self) -> Completion:
        """Parse it.

        Raises:
            CellFailed: the stream carried an error (`request_error`).
            ConnectionLost: it ended early.
        """
        try:
            answer = parse_answer(self.chunks)
        except ServerReportedError as error:
            raise refused(str(error)) from error
        except StreamCut as error:
            raise ConnectionLost(str(error) or "the stream ended early") from error
        return Completion(answer, self.sent_s, self.chunks[-1][0], self.started_at, self.ended_at)


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
        self._address = urlsplit(base_url).netloc
        self._headers = {
            "Authorization": f"Bearer {api_key}",
            "Content-Type": "application/json",
            "Connection": "close",
        }
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
        connection = http.client.HTTPConnection(self._address, timeout=self._timeout_s)
        started_at, sent_s = datetime.now(UTC), time.monotonic()
        with self._errors(), contextlib.closing(connection):
            connection.connect()
            self._socket = connection.sock
            connection.request("POST", "/completion", body, self._headers)
            response = connection.getresponse()
            if response.status != http.client.OK:
                raise refused(error_message(response.read()))
            chunks = self._recorded(response)
        return Recording(chunks, sent_s, started_at, datetime.now(UTC))

    def _recorded(self, response: http.client.HTTPResponse) -> tuple[tuple[float, bytes], ...]:
        chunks: list[tuple[float, bytes]] = []
        heard_s = time.monotonic()
        while chunk := response.read1(_READ_BYTES):
            now = time.monotonic()
            chunks.append((now, chunk))
            if not chunk.startswith(b":") or not is_keepalive(chunk):
                heard_s = now
            elif now - heard_s > self._timeout_s:
                self._hung()
        return tuple(chunks)

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError:
            self._hung()
        except (OSError, http.client.HTTPException) as error:
            raise ConnectionLost(str(error) or type(error).__name__) from error
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
