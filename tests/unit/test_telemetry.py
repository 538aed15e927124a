import os
import subprocess
import threading
from itertools import pairwise

from tests.nvml_double import H100, process, recorded
from workers.gpu import Nvml
from workers.spans import ENGINE, HOST
from workers.telemetry import INTERVAL_S, Sampler, telemetry_rows


def busy_until(done: threading.Event) -> None:
    while not done.is_set():
        sum(range(1000))


def collect(sampler: Sampler, device: str, count: int) -> None:
    """Run until a device has been sampled often enough."""
    done = threading.Event()
    while sum(one.device == device for one in sampler.samples) < count:
        done.wait(INTERVAL_S / 4)


def test_samples_host_and_engine() -> None:
    done = threading.Event()
    burner = threading.Thread(target=busy_until, args=(done,))
    burner.start()
    with Sampler(os.getpid(), (), Nvml()) as sampler:
        collect(sampler, ENGINE, 4)
    done.set()
    burner.join()
    samples = sampler.samples
    host = [one for one in samples if one.device == HOST]
    engine = [one for one in samples if one.device == ENGINE]
    assert len(host) == len(engine) >= 5
    assert all(later.at_s > earlier.at_s for earlier, later in pairwise(host))
    assert host[0].cpu_pct is None
    assert all(one.cpu_pct is not None for one in host[1:])
    assert max(one.cpu_pct or 0 for one in engine) > 10
    assert all((one.ram_used_mib or 0) > 10 for one in engine)
    assert "telemetry" not in {thread.name for thread in threading.enumerate()}


def test_engine_that_dies_is_no_error() -> None:
    child = subprocess.Popen(["sleep", "60"])
    with Sampler(child.pid, (), Nvml()) as sampler:
        collect(sampler, ENGINE, 2)
        child.kill()
        child.wait()
        before = sum(one.device == HOST for one in sampler.samples)
        collect(sampler, HOST, before + 2)
    engine = sum(one.device == ENGINE for one in sampler.samples)
    assert engine < sum(one.device == HOST for one in sampler.samples)


def test_process_that_never_was() -> None:
    child = subprocess.Popen(["true"])
    child.wait()
    with Sampler(child.pid, (), Nvml()) as sampler:
        pass
    assert {one.device for one in sampler.samples} == {HOST}


class Counting(Nvml):
    """No card here: counts how often the dear figure is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.readings = 0

    def energy_mj(self, uuid: str) -> float | None:
        self.readings += 1
        return float(self.readings)


def test_energy_is_read_seldom_and_at_marks() -> None:
    nvml = Counting()
    with Sampler(os.getpid(), ("GPU-0",), nvml) as sampler:
        collect(sampler, "GPU-0", 4)
        assert nvml.readings == 1
        sampler.mark()
        assert nvml.readings == 2
    gpu = [one for one in sampler.samples if one.device == "GPU-0"]
    assert [one.energy_mj for one in gpu if one.energy_mj is not None] == [1.0, 2.0, 3.0]
    assert gpu[0].energy_mj == 1.0
    assert gpu[-1].energy_mj == 3.0
    assert all(later.at_s > earlier.at_s for earlier, later in pairwise(gpu))


def test_rows() -> None:
    with Sampler(os.getpid(), ("GPU-unknown",), Nvml()) as sampler:
        pass
    rows = telemetry_rows(sampler.samples, host_id="h", launch_id="l", cell_id="c", attempt=3)
    assert len(rows) == len(sampler.samples) == 6
    assert {row.device for row in rows} == {HOST, ENGINE, "GPU-unknown"}
    assert {(row.host_id, row.launch_id, row.cell_id, row.attempt) for row in rows} == {
        ("h", "l", "c", 3)
    }
    assert all(row.sampled_at.tzinfo is not None for row in rows)
    assert all(row.throttle_reasons is None for row in rows)


def test_processes_of_a_gpu() -> None:
    listed = [process(os.getpid(), 640.0), process(4_000_000, 100.0)]
    nvml = Nvml(recorded(nvmlDeviceGetComputeRunningProcesses=lambda _: listed))
    with Sampler(os.getpid(), (H100,), nvml) as sampler:
        collect(sampler, H100, 3)
        sampler.mark()
    gpu = [one for one in sampler.samples if one.device == H100]
    looks = [(one.engine_vram_mib, one.foreign_pids) for one in gpu if one.foreign_pids]
    assert looks == [(640.0, (4_000_000,))] * 3, "at the start, at the mark, at the end"
    (row, *_) = telemetry_rows(gpu, host_id="h", launch_id="l", cell_id="c", attempt=1)
    assert (row.engine_vram_mib, row.foreign_gpu_pids) == (640.0, "4000000")
    assert row.memory_clock_mhz == 2619.0


def test_a_slow_pcie_reading_delays_no_sample() -> None:
    """While NVML counts, sampling goes on; what it counted lands in one sample."""
    counting, go_on = threading.Event(), threading.Event()

    def throughput(_: object, direction: int) -> int:
        counting.set()
        go_on.wait()
        return 4096 if direction else 2048

    nvml = Nvml(recorded(nvmlDeviceGetPcieThroughput=throughput))
    with Sampler(os.getpid(), (H100,), nvml) as sampler:
        assert counting.wait(10)
        collect(sampler, H100, 4)
        go_on.set()
        collect(sampler, H100, sum(one.device == H100 for one in sampler.samples) + 3)
    told = [
        (one.pcie_tx_mib_s, one.pcie_rx_mib_s)
        for one in sampler.samples
        if one.pcie_tx_mib_s is not None
    ]
    assert told[0] == (2.0, 4.0)
    assert len(told) <= 2
    assert "pcie" not in {thread.name for thread in threading.enumerate()}


def test_the_hottest_gpu_is_that_of_the_latest_samples() -> None:
    with Sampler(os.getpid(), (H100,), Nvml(recorded())) as sampler:
        sampler.mark()
        told = [one.temperature_c for one in sampler.samples if one.device == H100]
        assert sampler.hottest_c == told[-1]
    with Sampler(os.getpid(), (), Nvml()) as sampler:
        assert sampler.hottest_c is None
