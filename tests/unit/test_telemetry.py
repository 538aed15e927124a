import os
import subprocess
import threading
from itertools import pairwise

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
