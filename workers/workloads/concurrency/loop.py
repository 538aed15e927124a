"""A closed loop: so many streams, each with one request in flight at a time.

All streams begin at one scheduled moment. A stream's next request is scheduled for the moment
its last one ended: a client that is late in sending shows, since latency counts from there.
Nothing is parsed while the loop runs.
"""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from workers.engine.stream import ConnectionLost, Recording, Stream
from workers.failures import CellFailed, Failure, FailureClass

START_LEAD_S = 0.1
"""From setting the moment to the moment: time for all threads to be up."""
ABORT_EVERY_S = 0.05


@dataclass(frozen=True, slots=True)
class Ended:
    """A request that has ended; times are of the monotonic clock, s."""

    stream: int
    request: int
    """Position in its stream; both from 1."""
    scheduled_s: float
    sent_s: float
    ended_s: float
    recording: Recording | None
    failure: Failure | None
    """Why the server refused it."""


@dataclass(frozen=True, slots=True)
class LoopRun:
    """What came of a loop."""

    begin_s: float
    """The moment that all first requests were scheduled for."""
    begin_at: datetime
    ended: tuple[Ended, ...]
    """By stream and request; those that were broken off are not among them."""
    error: CellFailed | ConnectionLost | None
    """What ended the loop before its end: a silent server, or a connection that broke."""


def run_loop(
    streams: Sequence[Stream], bodies: Sequence[Sequence[bytes]], cancelled: threading.Event
) -> LoopRun:
    """Run a loop to its end; a list of bodies for each stream.

    A refused request is one that ended, and its stream goes on. When a stream cannot go on, all
    are broken off. Cancelled, none starts a further request.
    """
    loop = _Loop(cancelled)
    with ThreadPoolExecutor(len(streams), thread_name_prefix="stream") as pool:
        running = [
            pool.submit(loop.run, number, stream, own)
            for number, (stream, own) in enumerate(zip(streams, bodies, strict=True), start=1)
        ]
        try:
            wait(running, return_when=FIRST_EXCEPTION)
        finally:
            loop.break_off(running, streams)
    ended = sorted(loop.ended, key=lambda one: (one.stream, one.request))
    return LoopRun(loop.begin_s, loop.begin_at, tuple(ended), _error_of(running))


class _Loop:
    def __init__(self, cancelled: threading.Event) -> None:
        self.ended: list[Ended] = []
        self.begin_s = time.monotonic() + START_LEAD_S
        self.begin_at = datetime.now(UTC) + timedelta(seconds=START_LEAD_S)
        self._cancelled = cancelled
        self._stop = threading.Event()

    def run(self, number: int, stream: Stream, bodies: Sequence[bytes]) -> None:
        scheduled_s = self.begin_s
        self._stop.wait(max(0.0, self.begin_s - time.monotonic()))
        for position, body in enumerate(bodies, start=1):
            if self._stop.is_set() or self._cancelled.is_set():
                return
            one = _request(stream, body, number, position, scheduled_s)
            self.ended.append(one)
            scheduled_s = one.ended_s

    def break_off(self, running: Sequence[Future[None]], streams: Sequence[Stream]) -> None:
        """End what still runs; again and again, since a request may begin just after an abort."""
        self._stop.set()
        while wait(running, timeout=0).not_done:
            for stream in streams:
                stream.abort()
            wait(running, timeout=ABORT_EVERY_S)


def _request(stream: Stream, body: bytes, number: int, position: int, scheduled_s: float) -> Ended:
    sent_s = time.monotonic()
    recording, failure = None, None
    try:
        recording = stream.complete(body)
    except CellFailed as error:
        if error.failure.failure_class is not FailureClass.REQUEST_ERROR:
            raise
        failure = error.failure
    return Ended(number, position, scheduled_s, sent_s, time.monotonic(), recording, failure)


def _error_of(running: Sequence[Future[None]]) -> CellFailed | ConnectionLost | None:
    """The error that tells most: a broken connection may be our own doing, after another's."""
    errors = [error for future in running if (error := future.exception()) is not None]
    for kind in (CellFailed, ConnectionLost):
        for error in errors:
            if isinstance(error, kind):
                return error
    if errors:
        raise errors[0]
    return None
