from datetime import UTC, datetime
from pathlib import Path

from workers.contract import LaunchRequest, ModelFile
from workers.engine.config import EngineConfig
from workers.failures import Failure, FailureClass
from workers.launch_rows import (
    Before,
    LeasedGpu,
    Seen,
    launch_row,
    memory_rows,
    missing_devices,
)
from workers.spans import ENGINE, HOST, Sample

LOG = Path(__file__).parent.parent / "fixtures" / "engine" / "cpu-smollm2-clean-exit.log"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
REQUEST = LaunchRequest(
    launch_id="l",
    server_id="s",
    sweep_id="w",
    host_id="h",
    model=ModelFile("/models/m.gguf", "abc"),
    context=512,
    cache_k="f16",
    cache_v="f16",
    devices=("CUDA0", "CUDA1"),
    gpu_uuids=("GPU-0", "GPU-1"),
    tensor_split=(1.0, 1.0),
    engine=EngineConfig(),
    engine_build="build 1",
    cells=(),
)


def test_memory_of_a_clean_exit() -> None:
    samples = [
        Sample(ENGINE, 0, NOW, ram_used_mib=150.5),
        Sample(ENGINE, 1, NOW, ram_used_mib=170.25),
        Sample(HOST, 1, NOW, ram_used_mib=9000.0),
    ]
    memory = memory_rows("l", LOG.read_text().splitlines(), samples)
    assert {row.launch_id for row in memory} == {"l"}
    assert {row.source for row in memory} == {"log", "breakdown", "psutil"}
    resident = [row for row in memory if row.part == "rss"]
    assert [(row.device, row.mib, row.source) for row in resident] == [("Host", 170.25, "psutil")]


def test_no_server_no_memory() -> None:
    assert memory_rows("l", []) == ()


def test_memory_of_gpus_is_the_peak_over_what_they_held_before() -> None:
    samples = [
        Sample("GPU-0", 0, NOW, vram_used_mib=1000.0),
        Sample("GPU-0", 1, NOW, vram_used_mib=1600.5),
        Sample("GPU-1", 1, NOW, vram_used_mib=900.0),
        Sample("GPU-2", 1, NOW, vram_used_mib=7000.0),
    ]
    gpus = [
        LeasedGpu("CUDA0", "GPU-0", 500.0),
        LeasedGpu("CUDA1", "GPU-1", None),
        LeasedGpu("CUDA2", "GPU-unseen", 0.0),
    ]
    memory = memory_rows("l", [], samples, gpus)
    assert [(r.device, r.part, r.mib, r.source) for r in memory] == [
        ("CUDA0", "total", 1100.5, "nvml")
    ]


def test_launch_row_of_a_failure() -> None:
    failure = Failure(FailureClass.OOM_LOAD, "out of memory")
    row = launch_row(
        REQUEST,
        Before(NOW, page_cache_fraction=0.5, idle_power_w=80.0),
        Seen(("llama-server", "-m"), exit_code=1, ended_at=NOW, log_tail="end"),
        status="failed",
        failure=failure,
    )
    assert (row.status, row.failure_class, row.reason) == ("failed", "oom_load", "out of memory")
    assert (row.exit_code, row.load_ms, row.log_path) == (1, None, None)
    assert (row.page_cache_fraction, row.idle_power_w) == (0.5, 80.0)
    assert row.devices == ("CUDA0", "CUDA1")


def test_missing_devices() -> None:
    assert missing_devices((), ()) == ()
    assert missing_devices(("CUDA0",), ("CUDA0", "CUDA1")) == ()
    assert missing_devices(("CUDA0", "RPC0"), ("RPC0[127.0.0.1:50052]",)) == ("CUDA0",)
