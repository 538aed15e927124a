"""The life of a server process, on the fake one."""

import http.client
import json
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.servers import Servers
from workers.engine.build import probe
from workers.engine.config import EngineConfig
from workers.engine.flags import server_arguments, unknown_flags
from workers.engine.log import breakdown, devices_used, memory_by_device
from workers.engine.process import LaunchFailed, LlamaServer
from workers.failures import FailureClass

Fake = Callable[..., EngineConfig]


def post(server: LlamaServer, path: str, body: dict[str, Any], key: str | None = None) -> Any:
    port = int(server.base_url.rpartition(":")[2])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {"Authorization": f"Bearer {key or server.api_key}"}
    connection.request("POST", path, json.dumps(body), headers)
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def test_start_and_clean_stop(servers: Servers, fake_server: Fake, any_model: Path) -> None:
    server = servers.make(fake_server(), any_model)
    server.start()
    assert psutil.Process(server.pid).is_running()
    assert server.poll() is None
    assert server.load_ms > 0
    assert post(server, "/tokenize", {"content": "a b"})[0] == 200
    assert server.stop() == 0
    assert not psutil.pid_exists(server.pid)
    assert server.poll() == 0
    assert breakdown(server.log_lines())
    assert server.stop() == 0


def test_the_key_is_asked_for_and_seen_nowhere(
    servers: Servers, fake_server: Fake, any_model: Path
) -> None:
    server = servers.make(fake_server(), any_model)
    server.start()
    assert post(server, "/tokenize", {}, key="wrong")[0] == 401
    assert server.api_key not in " ".join(psutil.Process(server.pid).cmdline())
    server.stop()
    assert server.api_key not in server.log_text()
    assert server.api_key not in " ".join(server.command)
    key_file = Path(server.command[server.command.index("--api-key-file") + 1])
    assert not key_file.exists()


def test_the_key_file_is_private(servers: Servers, fake_server: Fake, any_model: Path) -> None:
    server = servers.make(fake_server(never_ready=True), any_model)
    key_file = Path(server.command[server.command.index("--api-key-file") + 1])

    def start() -> None:
        with pytest.raises(LaunchFailed):
            server.start()

    starting = threading.Thread(target=start)
    starting.start()
    until(lambda: "listening" in server.log_text())
    assert key_file.stat().st_mode & 0o777 == 0o600
    server.kill()
    starting.join()
    assert not key_file.exists()


def until(condition: Callable[[], bool], limit_s: float = 20) -> None:
    """Wait for another process's doing, of which nothing here is told."""
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


def test_sigkill_for_a_server_that_ignores_sigterm(
    servers: Servers, fake_server: Fake, any_model: Path
) -> None:
    engine = replace(fake_server(ignore_sigterm=True), stop_timeout_s=0.2)
    server = servers.make(engine, any_model)
    server.start()
    assert server.stop() == -signal.SIGKILL
    assert not psutil.pid_exists(server.pid)


def test_stop_from_many_threads_sends_one_sigterm(
    servers: Servers, fake_server: Fake, any_model: Path
) -> None:
    server = servers.make(fake_server(), any_model)
    server.start()
    codes: list[int] = []
    threads = [threading.Thread(target=lambda: codes.append(server.stop())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [0] * 8
    assert server.log_text().count("cleaning up before exit") == 1


def test_never_ready(servers: Servers, fake_server: Fake, any_model: Path) -> None:
    engine = replace(fake_server(never_ready=True), start_timeout_s=1)
    server = servers.make(engine, any_model)
    with pytest.raises(LaunchFailed) as caught:
        server.start()
    assert caught.value.failure.failure_class is FailureClass.START_TIMEOUT
    assert "not ready within 1 s" in caught.value.failure.reason
    assert not psutil.pid_exists(server.pid)


def test_a_load_without_end(servers: Servers, fake_server: Fake, any_model: Path) -> None:
    engine = replace(fake_server(start_delay_s=3600), start_timeout_s=0.5)
    server = servers.make(engine, any_model)
    with pytest.raises(LaunchFailed) as caught:
        server.start()
    assert caught.value.failure.failure_class is FailureClass.START_TIMEOUT
    assert server.poll() == -signal.SIGKILL


def test_a_failed_start_ends_the_wait_at_once(
    servers: Servers, fake_server: Fake, any_model: Path
) -> None:
    text = "ggml_cuda: allocating 9 MiB on device 0: cudaMalloc failed: out of memory"
    server = servers.make(fake_server(fail_start=text, exit_code=1), any_model)
    with pytest.raises(LaunchFailed) as caught:
        server.start()
    assert caught.value.failure.failure_class is FailureClass.OOM_CONTEXT
    assert caught.value.failure.reason == text
    assert server.poll() == 1
    assert text in server.log_tail()


def test_missing_model(servers: Servers, fake_server: Fake, tmp_path: Path) -> None:
    with pytest.raises(LaunchFailed) as caught:
        servers.make(fake_server(), tmp_path / "nowhere.gguf").start()
    assert caught.value.failure.failure_class is FailureClass.MISSING_MODEL


@pytest.mark.parametrize(
    ("behaviour", "failure_class"),
    [
        ({"crash_after_requests": 1}, FailureClass.CRASH),
        ({"crash_after_requests": 1, "oom_at_run": "CUDA error: out of memory"}, "oom_run"),
    ],
)
def test_a_server_that_dies_while_it_works(
    servers: Servers,
    fake_server: Fake,
    any_model: Path,
    behaviour: dict[str, Any],
    failure_class: FailureClass,
) -> None:
    server = servers.make(fake_server(**behaviour), any_model)
    server.start()
    ask = {"prompt": [1, 2, 3], "n_predict": 4}
    assert post(server, "/completion", ask)[0] == 200
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        post(server, "/completion", ask)
    assert server.wait_exit(10) == -signal.SIGABRT
    assert server.failure().failure_class == failure_class
    assert server.stop() == -signal.SIGABRT


def test_killed_from_outside(servers: Servers, fake_server: Fake, any_model: Path) -> None:
    server = servers.make(fake_server(), any_model)
    server.start()
    psutil.Process(server.pid).kill()
    assert server.wait_exit(10) == -signal.SIGKILL
    assert server.failure().failure_class is FailureClass.CRASH


def test_wait_exit_gives_up(servers: Servers, fake_server: Fake, any_model: Path) -> None:
    server = servers.make(fake_server(), any_model)
    server.start()
    assert server.wait_exit(0.01) is None
    with pytest.raises(ValueError, match="not ended"):
        server.failure()


def test_a_server_that_was_never_started(
    servers: Servers, fake_server: Fake, any_model: Path
) -> None:
    server = servers.make(fake_server(), any_model)
    server.kill()
    assert (server.stop(), server.poll(), server.log_text()) == (0, None, "")


def test_log_tail_is_whole_lines(servers: Servers, fake_server: Fake, any_model: Path) -> None:
    server = servers.make(fake_server(), any_model)
    server.start()
    server.stop()
    tail = server.log_tail(max_bytes=300)
    assert 0 < len(tail) <= 300
    assert tail.splitlines() == server.log_lines()[-len(tail.splitlines()) :]


def test_devices_of_the_fake(servers: Servers, fake_server: Fake, any_model: Path) -> None:
    gpus = {f"CUDA{i}": ["NVIDIA GeForce RTX 3060", 12036, 11000] for i in range(2)}
    engine = fake_server(devices=gpus)
    assert [d.name for d in probe(engine.binary, engine.env).devices] == ["CUDA0", "CUDA1"]
    server = servers.make(engine, any_model, devices=("CUDA1", "CUDA0"), tensor_split=(3, 1))
    server.start()
    server.stop()
    assert devices_used(server.log_lines()) == ("CUDA1", "CUDA0")
    assert {part.device for part in memory_by_device(server.log_lines())} >= {"CUDA0", "CUDA1"}
    assert {part.device for part in breakdown(server.log_lines())} == {"CUDA0", "CUDA1"}


def test_a_build_without_a_pinned_flag(fake_server: Fake) -> None:
    engine = fake_server(remove_flags=["--poll"])
    build = probe(engine.binary, engine.env)
    arguments = server_arguments(
        engine,
        model_path="x",
        context=1024,
        cache_k="f16",
        cache_v="f16",
        devices=(),
        tensor_split=(),
    )
    assert unknown_flags(arguments, build) == ("--poll",)


def test_the_environment_is_scrubbed(
    servers: Servers, fake_server: Fake, any_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLAMA_ARG_CTX_SIZE", "4")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    server = servers.make(fake_server(), any_model)
    server.start()
    environment = psutil.Process(server.pid).environ()
    assert not {"LLAMA_ARG_CTX_SIZE", "CUDA_VISIBLE_DEVICES"} & set(environment)
    assert environment["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
