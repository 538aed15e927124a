"""What a warehouse of 1,000 cells costs in an object store: requests and seconds.

    python scripts/bench_objects.py [LATENCY_MS]

The store is moto's, in a process of its own on this host; each answer is held back by the latency
(20 ms if not named), many at a time. It answers some 300 requests a second here, a real store
thousands: then the requests and the latency are what counts. Beside it the same in a folder.
"""

import logging
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from ctypes import c_double, c_int
from datetime import UTC, datetime
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any

import pyarrow.fs as pafs
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from tests.warehouse_samples import cell, host, planned, sweep, telemetry, trial
from warehouse.connection import Connection, connect
from warehouse.lock import Holder
from warehouse.storage import Place
from warehouse.store import read_ledger, writing

CELLS = 1000
BUCKET = "bench"
Shared = tuple["Synchronized[int]", "Synchronized[int]", "Synchronized[float]"]
"""Port, requests so far, latency in seconds."""


def serve(shared: Shared) -> None:
    """A store until its process is ended."""
    port, requests, latency_s = shared
    store = DomainDispatcherApplication(create_backend_app)

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        with requests.get_lock():
            requests.value += 1
        time.sleep(latency_s.value)
        body: Iterable[bytes] = store(environ, start)
        return body

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, answer, threaded=True)
    port.value = server.server_port
    server.serve_forever()


def fill(place: Place, first: int, number: int) -> None:
    """Commit cells of one sweep."""
    holder = Holder(os.getpid(), "bench", "bench", datetime.now(UTC))
    names = [f"c{n}" for n in range(first, first + number)]
    with writing(place, holder, wait=False, on_wait=print) as warehouse:
        if not first:
            warehouse.write_sweep(sweep(), [planned(name) for name in names], [], [host()], [])
        for name in names:
            trials = [trial(name, repetition=n) for n in range(10)]
            warehouse.commit_cell(cell(name), trials, [telemetry(name) for _ in range(30)])


def measure(what: str, shared: Shared, work: Callable[[], object]) -> None:
    """Print what the work took."""
    before, start = shared[1].value, time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    print(f"  {what:44} {shared[1].value - before:5} requests {seconds:7.2f} s", flush=True)


def ask(connection: Connection, cells: int) -> None:
    """The view that everyone asks first, whole."""
    found = connection.query("select * from speed").num_rows
    if found != cells:
        raise SystemExit(f"{found} cells instead of {cells}")


def measure_all(place: Place, shared: Shared) -> None:
    """All figures of one warehouse."""
    measure("scan of what was tried before (read_ledger)", shared, lambda: read_ledger(place))
    with connect(place) as connection:
        measure("speed, of all cells, first", shared, lambda: ask(connection, CELLS))
        measure("speed, again", shared, lambda: ask(connection, CELLS))
        measure("lock, open, commit a cell, unlock", shared, lambda: fill(place, CELLS, 1))
        measure("speed, with the new cell", shared, lambda: ask(connection, CELLS + 1))


def main() -> None:
    """Run the benchmark."""
    latency_s = float(sys.argv[1] if len(sys.argv) > 1 else 20) / 1000
    context = multiprocessing.get_context("spawn")
    shared: Shared = (context.Value(c_int), context.Value(c_int), context.Value(c_double))
    server = context.Process(target=serve, args=(shared,), daemon=True)
    server.start()
    while not shared[0].value:
        time.sleep(0.05)
    os.environ |= {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{shared[0].value}",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder, 0, CELLS)
        s3 = pafs.S3FileSystem(
            endpoint_override=os.environ["AWS_ENDPOINT_URL"],
            region="us-east-1",
            allow_bucket_creation=True,
        )
        s3.create_dir(BUCKET)
        pafs.copy_files(name, BUCKET, pafs.LocalFileSystem(), s3)
        print("in a folder:")
        measure_all(folder, shared)
    shared[2].value = latency_s
    print(f"in an object store that answers after {latency_s * 1e3:.0f} ms:")
    measure_all(f"s3://{BUCKET}", shared)
    server.kill()


if __name__ == "__main__":
    main()
