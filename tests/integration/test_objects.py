"""A warehouse in an object store, on a server that speaks S3 on loopback."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.herd_process import Herd, until
from tests.integration.test_warehouse_crash import DOUBLED, TORN, kill_after, read_until
from tests.object_store import ObjectStore, object_store
from tests.warehouse_samples import cell, host, launch, memory, planned, sweep, telemetry, trial
from warehouse import loading, object_cache, object_uri
from warehouse.connection import connect
from warehouse.errors import HeldError, WarehouseError
from warehouse.lock import Holder
from warehouse.storage import Place, is_warehouse, storage_at
from warehouse.store import create, read_ledger, writing
from warehouse.views import load_views

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def store() -> Iterator[ObjectStore]:
    with object_store() as made:
        yield made


@pytest.fixture
def uri(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> str:
    """A prefix in a new bucket, which this process can reach."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in store.environ.items():
        monkeypatch.setenv(name, value)
    return f"s3://{store.bucket()}/team/herd"


def me(what: str = "demo") -> Holder:
    since = sweep().started_at
    return Holder(os.getpid(), socket.gethostname(), what, since)


def fail(other: object) -> None:
    raise AssertionError(other)


def fill(place: Place) -> None:
    with writing(place, me(), wait=False, on_wait=fail) as warehouse:
        warehouse.write_sweep(sweep(), [planned("c1"), planned("c2")], [], [host()], [])
        warehouse.write_launch(launch(ended_at=None), [memory("l1", "CPU", "kv", 1.0, "log")])
        warehouse.commit_cell(cell("c1"), [trial("c1")], [telemetry("c1")])
        warehouse.commit_cell(cell("c2", status="failed", failure_class="oom_run"), [])
        warehouse.write_launch(launch(), [memory("l1", "CPU", "kv", 2.0, "log")])
        warehouse.write_launch(launch("l2", ended_at=None), [])
        assert warehouse.close_lost_launches("gone") == 1
        warehouse.write_log("l1", cell("c1").started_at.date(), b"gzip")


def test_a_bucket_answers_as_a_folder_does(store: ObjectStore, uri: str, tmp_path: Path) -> None:
    fill(uri)
    fill(tmp_path)
    bucket = uri.split("/")[2]
    below = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert store.keys(bucket) == {f"team/herd/{path}" for path in below - {"writer.lock"}}
    assert store.get(f"{bucket}/team/herd/logs/date=2026-03-01/l1.log.gz") == b"gzip"
    names = [view.name for view in load_views()] + ["cells", "trials", "launches", "memory"]
    with connect(uri) as objects, connect(tmp_path) as folder:
        answers = [
            [sorted(map(str, c.query(f"select * from {name}").to_pylist())) for name in names]
            for c in (objects, folder)
        ]
    assert answers[0] == answers[1]
    assert sum(map(len, answers[0])) > 10
    assert read_ledger(uri).attempts("c2") == read_ledger(tmp_path).attempts("c2")


def test_a_prefix_without_a_warehouse_is_told(uri: str) -> None:
    assert not is_warehouse(uri)
    assert read_ledger(uri).last("c1") is None
    with pytest.raises(WarehouseError, match=r"no warehouse at s3://.*: run a sweep first"):
        connect(uri)


def test_what_a_killed_writer_left_is_not_committed_with_the_next(
    store: ObjectStore, uri: str
) -> None:
    fill(uri)
    left = f"{uri[5:]}/trials/date=2026-03-01/c3.1.parquet"
    store.put(left, b"from before")
    with writing(uri, me(), wait=False, on_wait=fail) as warehouse:
        warehouse.commit_cell(cell("c3", status="cancelled"), [])
    assert left.partition("/")[2] not in store.keys(uri.split("/")[2])
    with connect(uri) as connection:
        assert connection.query("select * from trials").num_rows == 1


def fine(process: "subprocess.CompletedProcess[str]") -> str:
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


@pytest.mark.timeout(300)
def test_a_sweep_is_written_to_a_bucket_and_read_from_it(
    herd: Herd, store: ObjectStore, uri: str
) -> None:
    herd.engine("fake")
    herd.env |= {**store.environ, "HERD_WAREHOUSE": uri}
    command = (
        *("sweep", "model=file", f"model.path={herd.model_file()}", "pairing=cpu", "engine=fake"),
        *("context=1024,2048", "workload.prompt_sizes=[64]", "workload.n_predict=8"),
    )
    assert "2 ok" in fine(herd.run(*command))
    counted = "select outcome, count(*) as cells from outcomes group by all order by all"
    told = json.loads(fine(herd.run("sql", counted, "--format", "json")))
    assert told == [{"outcome": "ok", "cells": 2}]
    herd.env["HERD_WAREHOUSE"] = "elsewhere"
    assert "2 cached" in fine(herd.run(*command, f"warehouse.uri={uri}"))
    herd.env["HERD_WAREHOUSE"] = uri
    (_, first) = json.loads(fine(herd.run("status", "--format", "json")))
    assert (first["cells"], first["ok"], first["cached"]) == (2, 2, 0)

    bucket = uri.split("/")[2]
    keys = store.keys(bucket)
    assert {key.split("/")[2] for key in keys} >= {"cells", "launches", "logs", "progress"}
    assert not [key for key in keys if key.startswith("team/herd/lease/")]
    assert not herd.warehouse.exists()
    assert not (herd.folder / "s3:").exists()
    secrets = [v for k, v in store.environ.items() if "KEY" in k]
    for key in keys:
        content = store.get(f"{bucket}/{key}")
        assert not [secret for secret in secrets if secret.encode() in content], key
    config = json.loads(fine(herd.run("sql", "select config from sweeps", "--format", "json")))
    assert json.loads(config[0]["config"])["warehouse"]["uri"] == uri
    assert not [secret for secret in secrets if secret in str(config)]


@pytest.mark.timeout(300)
def test_a_killed_driver_holds_a_bucket_no_longer(herd: Herd, store: ObjectStore, uri: str) -> None:
    herd.engine("slow", tg_tok_s=2.0)
    herd.engine("fake")
    herd.env |= {**store.environ, "HERD_WAREHOUSE": uri}
    common = ("model=file", f"model.path={herd.model_file()}", "pairing=cpu")
    first = herd.start("sweep", *common, "engine=slow")

    until(lambda: is_warehouse(uri) and herd.servers(), 60)
    second = herd.run("sweep", *common, "engine=fake")
    assert second.returncode == 1
    assert f"{uri} is held by sweep (pid {first.pid}" in second.stderr
    assert "(sweep) runs: nothing yet of 1" in fine(herd.run("status"))
    first.kill()
    first.wait()
    herd.wait_gone(herd.servers, 10)
    assert "1 ok" in fine(herd.run("sweep", *common, "engine=fake", "workload.n_predict=8"))
    lost = "select status, failure_class from launches order by started_at"
    told = json.loads(fine(herd.run("sql", lost, "--format", "json")))
    assert told[0] == {"status": "failed", "failure_class": "host_lost"}


def start_writer(uri: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "tests.integration.warehouse_writer", uri],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_killed_writer_loses_and_doubles_nothing_with_a_reader_running(uri: str) -> None:
    create(uri)
    moments = random.Random(7)
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read_until, stop, uri)
        try:
            for _ in range(4):
                # The next takes over from a dead process of this host at once.
                kill_after(start_writer(uri), moments.randint(2, 4), moments.uniform(0, 0.05))
        finally:
            stop.set()
        asked, torn = reading.result(60)
    assert asked > 3
    assert torn == []
    with writing(uri, me(), wait=False, on_wait=fail), connect(uri) as connection:
        assert connection.query(TORN).num_rows == 0
        assert connection.query(DOUBLED).num_rows == 0
        cells = connection.query("select cell_id, attempt from cells").to_pylist()
    assert len(cells) >= 4 * 2
    first = [each.attempt for each in read_ledger(uri).attempts("c1")]
    assert first == list(range(1, 5))


def test_the_second_writer_is_told_and_waits_if_asked(uri: str) -> None:
    told: list[Holder | None] = []
    with ThreadPoolExecutor(1) as pool:
        with writing(uri, me("first"), wait=False, on_wait=fail) as warehouse:
            with (
                pytest.raises(HeldError, match=rf"{uri} is held by first \(pid {os.getpid()}"),
                writing(uri, me("second"), wait=False, on_wait=fail),
            ):
                pass
            warehouse.commit_cell(cell("c1"), [])  # it is the holder still

            def second() -> None:
                with writing(uri, me("second"), wait=True, on_wait=told.append) as next_one:
                    next_one.commit_cell(cell("c2"), [])

            waiting = pool.submit(second)
            until(lambda: told, 20)
            assert not waiting.done()
        waiting.result(20)
    assert told == [me("first")]
    assert read_ledger(uri).last("c2")


def test_who_lost_the_lease_writes_no_more(store: ObjectStore, uri: str) -> None:
    """Its claim was taken away: as after a sleep of the host, but without waiting for it."""
    bucket = uri.split("/")[2]
    with writing(uri, me(), wait=False, on_wait=fail) as warehouse:
        (mine,) = [key for key in store.keys(bucket) if "/lease/" in key]
        storage_at(uri).delete(mine.removeprefix("team/herd/"))
        lease: Any = warehouse._storage._before_write.__self__  # type: ignore[attr-defined]
        lease.renew()
        with pytest.raises(HeldError, match="was taken over by another process"):
            warehouse.commit_cell(cell("c1"), [])
    assert read_ledger(uri).last("c1") is None


def test_ctrl_c_publishes_no_half_object(uri: str) -> None:
    storage = storage_at(uri)
    content = b"x" * 200_000
    moments = random.Random(7)

    def press(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, press)
    pressed = 0
    try:
        for number in range(60):
            try:
                signal.setitimer(signal.ITIMER_REAL, moments.uniform(0.0001, 0.01))
                storage.write(f"half/{number}", content)
                signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                pressed += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    storage._pool.shutdown()  # type: ignore[attr-defined]
    found = storage_at(uri)
    assert pressed > 5
    for name in found.list_names("half", ""):
        assert found.read(f"half/{name}") == content


def test_small_objects_are_fetched_once_and_large_ones_in_parts(
    store: ObjectStore, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(uri)
    path = f"{uri[5:]}/trials/date=2026-03-01/c1.1.parquet"
    content = store.get(path)
    with connect(uri) as connection:
        asked = "select tg_tok_s from trials"
        answer = connection.query(asked).to_pylist()
        store.put(path, b"?" * len(content))
        assert connection.query(asked).to_pylist() == answer
    store.put(path, content)
    monkeypatch.setattr(object_cache, "SMALL_BYTES", 100)
    monkeypatch.setattr(loading, "SMALL_BYTES", 100)
    with connect(uri) as connection:
        assert connection.query(asked).to_pylist() == answer
        store.put(path, b"?" * len(content))
        assert connection.query(asked).to_pylist() == []  # it was read again, and is damaged


def test_more_small_objects_than_are_kept(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with writing(uri, me(), wait=False, on_wait=fail) as warehouse:
        for number in range(12):
            warehouse.commit_cell(cell(f"c{number}"), [trial(f"c{number}")])
    monkeypatch.setattr(object_cache, "WINDOW", 3)
    monkeypatch.setattr(object_cache, "KEPT_BYTES", 20_000)
    with connect(uri) as connection:
        for _ in range(3):
            both = "select count(*) as n from cells join trials using (cell_id)"
            assert connection.query(both).to_pylist() == [{"n": 12}]


def test_a_bucket_is_compacted_while_a_reader_asks(store: ObjectStore, uri: str) -> None:
    create(uri)
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read_until, stop, uri)
        try:
            with writing(uri, me(), wait=False, on_wait=fail) as warehouse:
                for number in range(8):
                    warehouse.commit_cell(cell(f"c{number}"), [trial(f"c{number}")])
                assert len(warehouse.compact().manifests) == 1
                warehouse.commit_cell(cell("late"), [trial("late")])
        finally:
            stop.set()
        asked, torn = reading.result(60)
    assert asked
    assert torn == []
    with connect(uri) as connection:
        both = "select count(*) as n, count(distinct cell_id) as cells from cells join trials"
        answer = connection.query(f"{both} using (cell_id, attempt)").to_pylist()
    assert answer == [{"n": 9, "cells": 9}]
    ledger = read_ledger(uri)
    assert ledger.last("c7")
    assert ledger.last("late")


ERRORS: dict[str, tuple[dict[str, str], str]] = {
    "no endpoint": ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "does not answer"),
    "no such host": ({"AWS_ENDPOINT_URL": "http://no-such-host.invalid"}, "does not answer"),
    "not TLS": ({"AWS_ENDPOINT_URL": "https://{address}"}, "does not answer"),
}


@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.parametrize("use", [connect, create])
def test_a_store_that_cannot_be_reached_is_one_line(
    uri: str, monkeypatch: pytest.MonkeyPatch, name: str, use: Callable[[str], object]
) -> None:
    address = os.environ["AWS_ENDPOINT_URL"].partition("://")[2]
    changes, told = ERRORS[name]
    for key, value in changes.items():
        monkeypatch.setenv(key, value.format(address=address))
    with pytest.raises(WarehouseError, match=told) as error:
        use(uri)
    assert "\n" not in str(error.value)
    assert uri in str(error.value)


@pytest.mark.parametrize("use", [connect, create])
def test_a_missing_bucket_is_told(uri: str, use: Callable[[str], object]) -> None:
    with pytest.raises(WarehouseError, match="there is no such bucket: make it"):
        use("s3://nowhere/herd")


def test_an_endpoint_that_says_nothing_is_given_up(
    uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_uri, "READ_TIMEOUT_S", 1.0)
    began_s = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(WarehouseError, match="does not answer"):
            connect(uri)
    assert time.monotonic() - began_s < 60


DENIED = (
    b"HTTP/1.1 403 Forbidden\r\nContent-Type: application/xml\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s"
)
XML = b"<?xml version='1.0'?><Error><Code>%s</Code><Message>No.</Message></Error>"


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (b"AccessDenied", "access denied: set AWS_ACCESS_KEY_ID"),
        (b"InvalidAccessKeyId", "the store does not know this key"),
        (b"SignatureDoesNotMatch", "the secret key is not that of the access key"),
        (b"ExpiredToken", "the credentials have expired"),
    ],
)
def test_a_store_that_refuses_is_one_line(
    uri: str, monkeypatch: pytest.MonkeyPatch, code: bytes, told: str
) -> None:
    """Answers of a store that checks keys; the one on loopback takes any."""
    body = XML % code

    def serve(server: socket.socket) -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            with client:
                client.recv(65536)
                client.sendall(DENIED % (len(body), body))

    with socket.create_server(("127.0.0.1", 0)) as server:
        serving = threading.Thread(target=serve, args=(server,), daemon=True)
        serving.start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
        with pytest.raises(WarehouseError, match=told) as error:
            create(uri)
        server.shutdown(socket.SHUT_RDWR)
    serving.join(5)
    assert "secret-of-tests" not in str(error.value)
    assert "\n" not in str(error.value)
