"""The real llama-server: what its log says, and each way in which its start fails."""

import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.servers import Servers
from workers.engine.build import probe
from workers.engine.config import EngineConfig
from workers.engine.log import (
    breakdown,
    devices_used,
    error_lines,
    flash_attention,
    memory_by_device,
)
from workers.engine.process import LaunchFailed
from workers.failures import Failure, FailureClass


def test_probe_is_remembered(real_engine: EngineConfig) -> None:
    first = probe(real_engine.binary)
    assert first.text.startswith("build ")
    assert {"--ctx-size", "--flash-attn", "--api-key-file"} <= first.known_flags
    assert probe(real_engine.binary) == first


def test_memory_by_log_and_breakdown(
    servers: Servers, real_engine: EngineConfig, real_model: Path
) -> None:
    server = servers.make(real_engine, real_model, context=1024, cache_k="q8_0", cache_v="q4_0")
    server.start()
    assert server.stop() == 0
    lines = server.log_lines()
    parts = {(part.device, part.part): part.mib for part in memory_by_device(lines)}
    assert parts["CPU_Mapped", "model"] == pytest.approx(real_model.stat().st_size / 2**20, rel=0.1)
    # 30 layers of 192 K and 192 V elements: 34/32 and 18/32 bytes each.
    assert parts["CPU", "kv"] == pytest.approx(1024 * 30 * 192 * (34 + 18) / 32 / 2**20, abs=0.005)
    assert parts["CPU", "compute"] > 0
    actual = {(part.device, part.part): part.mib for part in breakdown(lines)}
    assert actual["Host", "model"] == int(parts["CPU_Mapped", "model"])
    assert (devices_used(lines), flash_attention(lines)) == ((), True)
    assert server.api_key not in server.log_text()


def failed_start(servers: Servers, engine: EngineConfig, model: Path, **more: Any) -> Failure:
    """The failure of a start that says why.

    llama-server's log has a thread of its own, which at the exit of a loaded machine loses its
    last lines (4 of 400 starts): such a start is a `crash`, which a sweep tries again.
    """
    while True:
        server = servers.make(engine, model, **more)
        with pytest.raises(LaunchFailed) as caught:
            server.start()
        # build 10068 says why and then crashes while it cleans up
        assert server.poll() in (1, -signal.SIGSEGV)
        failure = caught.value.failure
        if failure.failure_class is not FailureClass.CRASH:
            return failure
        assert not error_lines(server.log_lines())


def test_missing_model_file(servers: Servers, real_engine: EngineConfig, tmp_path: Path) -> None:
    failure = failed_start(servers, real_engine, tmp_path / "none.gguf")
    assert failure.failure_class is FailureClass.MISSING_MODEL
    assert "No such file" in failure.reason


def test_no_gguf_at_all(servers: Servers, real_engine: EngineConfig, tmp_path: Path) -> None:
    model = tmp_path / "zero.gguf"
    model.write_bytes(b"\0" * 4096)
    failure = failed_start(servers, real_engine, model)
    assert failure.failure_class is FailureClass.BAD_MODEL
    assert "invalid magic characters" in failure.reason


def test_truncated_model(
    servers: Servers, real_engine: EngineConfig, real_model: Path, tmp_path: Path
) -> None:
    model = tmp_path / "truncated.gguf"
    with real_model.open("rb") as file:
        model.write_bytes(file.read(8 * 2**20))
    failure = failed_start(servers, real_engine, model)
    assert failure.failure_class is FailureClass.BAD_MODEL
    assert "corrupted or incomplete" in failure.reason


def test_unknown_flag(servers: Servers, real_engine: EngineConfig, real_model: Path) -> None:
    failure = failed_start(servers, replace(real_engine, args=["--zzz"]), real_model)
    assert failure == Failure(FailureClass.BAD_ARGS, "error: invalid argument: --zzz")


def test_bad_cache_type(servers: Servers, real_engine: EngineConfig, real_model: Path) -> None:
    failure = failed_start(servers, real_engine, real_model, cache_k="q9_0")
    assert failure.failure_class is FailureClass.BAD_ARGS
    assert "Unsupported cache type: q9_0" in failure.reason


def test_device_that_is_not_there(
    servers: Servers, real_engine: EngineConfig, real_model: Path
) -> None:
    failure = failed_start(servers, real_engine, real_model, devices=("CUDA7",))
    assert failure.failure_class is FailureClass.DEVICE_MISSING


def test_quantised_v_without_flash_attention(
    servers: Servers, real_engine: EngineConfig, real_model: Path
) -> None:
    engine = replace(real_engine, flash_attn="off")
    failure = failed_start(servers, engine, real_model, cache_v="q8_0")
    assert failure.failure_class is FailureClass.UNSUPPORTED
    assert "requires flash_attn" in failure.reason


def test_context_too_large_for_the_address_space(
    servers: Servers, real_engine: EngineConfig, real_model: Path
) -> None:
    engine = replace(real_engine, address_space_gib=4)
    failure = failed_start(servers, engine, real_model, context=16_000_000)
    assert failure.failure_class is FailureClass.OOM_CONTEXT
    assert "insufficient memory" in failure.reason


def test_a_stop_right_after_the_start_is_clean(
    servers: Servers, real_engine: EngineConfig, real_model: Path
) -> None:
    """llama-server loses a SIGTERM that comes before its loop runs: `start` waits for that."""
    for _ in range(5):
        server = servers.make(real_engine, real_model)
        server.start()
        assert server.stop() == 0
