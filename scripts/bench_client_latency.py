"""Latency that the client itself adds, at 1 to 64 parallel streams.

A server in a process of its own answers each request after a fixed delay with tokens at a fixed
pace, and stamps each token as it writes it and each request as it has read it. Both processes see
one monotonic clock, so the added time to the first token is exact: from scheduled to read, and
from written to stamped by the client; the server's own lateness is not in it. So is the added time
of every later token.

    python scripts/bench_client_latency.py [REQUESTS_A_STREAM]
"""

import asyncio
import json
import multiprocessing
import sys
import threading
import time
from collections.abc import Mapping
from multiprocessing.connection import Connection

import numpy as np

from workers.engine.client import ANY_SLOT, Client, completion_body
from workers.engine.completion import events
from workers.engine.stream import http_body
from workers.workloads.concurrency.loop import Ended, run_loop

STREAMS = (1, 2, 4, 8, 16, 32, 64)
DELAY_S = 0.05
GAP_S = 0.02
TOKENS = 32
PROMPT = list(range(512))


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    (length,) = (line[15:] for line in head.split(b"\r\n") if line[:15] == b"Content-Length:")
    await reader.readexactly(int(length))
    read_s = time.monotonic()
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for token in range(1, TOKENS + 1):
        due_s = read_s + DELAY_S + GAP_S * (token - 1)
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))
        written_s = time.monotonic()
        event = {"tokens_predicted": token, "read_s": read_s, "written_s": written_s}
        _send(writer, event)
    _send(writer, {"stop": True, "stop_type": "limit", "timings": {}})
    writer.write(b"0\r\n\r\n")
    await writer.drain()
    writer.close()


def _send(writer: asyncio.StreamWriter, event: Mapping[str, object]) -> None:
    data = f"data: {json.dumps(event)}\n\n".encode()
    writer.write(b"%x\r\n%s\r\n" % (len(data), data))


def _serve(told: Connection) -> None:
    async def run() -> None:
        server = await asyncio.start_server(_answer, "127.0.0.1", 0, backlog=256)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


def _added_ms(one: Ended) -> tuple[float, list[float]]:
    """Added to the first token, and to each later one, ms."""
    assert one.recording is not None
    first: float | None = None
    later = []
    for arrival_s, event in events(http_body(one.recording.chunks)[1]):
        if event.get("stop"):
            break
        late_s = arrival_s - event["written_s"]
        if first is None:
            first = late_s + event["read_s"] - one.scheduled_s
        else:
            later.append(late_s * 1000)
    assert first is not None
    return first * 1000, later


def _measure(client: Client, streams: int, requests: int) -> dict[str, float]:
    body = completion_body(PROMPT, n_predict=TOKENS, cache_prompt=False, seed=0, slot=ANY_SLOT)
    before_s = time.process_time()
    run = run_loop(client.streams(streams), [[body] * requests] * streams, threading.Event())
    cpu_s = time.process_time() - before_s
    assert run.error is None
    added = [_added_ms(one) for one in run.ended]
    first = np.percentile([each for each, _ in added], [50, 99])
    later = np.percentile([late for _, each in added for late in each], [50, 99])
    return {
        "streams": streams,
        "requests": len(run.ended),
        "ttft_added_p50_ms": round(first[0], 2),
        "ttft_added_p99_ms": round(first[1], 2),
        "token_added_p50_ms": round(later[0], 2),
        "token_added_p99_ms": round(later[1], 2),
        "cpu_ms_per_token": round(cpu_s * 1000 / (len(run.ended) * TOKENS), 3),
    }


def main() -> None:
    """Print a line of JSON for each number of streams."""
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,))
    server.start()
    try:
        with Client(f"http://127.0.0.1:{ours.recv()}", "key", request_timeout_s=60) as client:
            for streams in STREAMS:
                print(json.dumps(_measure(client, streams, requests)), flush=True)
    finally:
        server.terminate()
        server.join()


if __name__ == "__main__":
    main()
