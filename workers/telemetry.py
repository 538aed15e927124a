"""Samples of host, engine process and GPUs while a cell is measured, in a thread of its own.

Its cost is measured by `scripts/bench_telemetry.py`: the goal is under 1 % of a core.
"""

import threading
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import psutil

from warehouse import rows
from workers.foreign import foreign_pids
from workers.gpu import MIB, Nvml
from workers.pcie import PcieMeter
from workers.spans import ENGINE, HOST, Sample

INTERVAL_S = 0.125
"""Eight samples a second."""
CLOCK_EVERY = 8
"""CPU clocks are read with one sample in so many: one file a core, so not cheap."""
DEAR_EVERY = 8
"""So are energy counters (see `Nvml.energy_mj`) and process lists of GPUs."""
_NOBODY: Mapping[str, frozenset[int]] = {}


class Sampler:
    """Samples from entering to leaving its `with` block.

    Args:
        pid: The engine process; samples of it end with its life.
        gpu_uuids: The leased GPUs.
        nvml: Where their figures come from.
        there_before: Processes that were on each GPU before the engine.
    """

    def __init__(
        self,
        pid: int,
        gpu_uuids: tuple[str, ...],
        nvml: Nvml,
        there_before: Mapping[str, frozenset[int]] = _NOBODY,
    ) -> None:
        self._pid = pid
        self._engine = _process(pid)
        self._gpu_uuids = gpu_uuids
        self._nvml = nvml
        self._there_before = there_before
        self._pcie = PcieMeter(gpu_uuids, nvml)
        self._host_cpu, self._engine_cpu = _Share(), _Share()
        self._samples: list[Sample] = []
        self._ticks = 0
        self._sampling = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="telemetry", daemon=True)

    def __enter__(self) -> Self:
        """Sample at once, so that every span has a sample before it, then start the thread."""
        self._tick()
        self._thread.start()
        self._pcie.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the thread and sample a last time, after the last span."""
        self._stop.set()
        self._thread.join()
        self._pcie.stop()
        self._tick(dear=True)

    def mark(self) -> None:
        """Read energy and processes of the GPUs now, at the edge of a span; from any thread."""
        with self._sampling:
            at_s, now = time.monotonic(), datetime.now(UTC)
            self._samples.extend(self._gpu(uuid, at_s, now, dear=True) for uuid in self._gpu_uuids)

    @property
    def samples(self) -> tuple[Sample, ...]:
        """What was sampled so far, in order of time."""
        return tuple(self._samples)

    @property
    def hottest_c(self) -> float | None:
        """Of the GPUs, as `mark` or a tick read them last; None where they do not tell."""
        with self._sampling:
            latest = self._samples[-len(self._gpu_uuids) :] if self._gpu_uuids else []
        return max((s.temperature_c for s in latest if s.temperature_c is not None), default=None)

    def _loop(self) -> None:
        due = time.monotonic() + INTERVAL_S
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            self._tick()
            # A late tick (suspended host) is not made up for by a burst.
            due = max(due + INTERVAL_S, time.monotonic())

    def _tick(self, *, dear: bool = False) -> None:
        dear = dear or self._ticks % DEAR_EVERY == 0
        with self._sampling:
            at_s, now = time.monotonic(), datetime.now(UTC)
            self._samples.append(self._host(at_s, now))
            self._samples.extend(self._engine_now(at_s, now))
            self._samples.extend(self._gpu(uuid, at_s, now, dear=dear) for uuid in self._gpu_uuids)
            self._ticks += 1

    def _host(self, at_s: float, now: datetime) -> Sample:
        clock = psutil.cpu_freq() if self._ticks % CLOCK_EVERY == 0 else None
        return Sample(
            HOST,
            at_s,
            now,
            cpu_pct=self._host_cpu.pct(at_s, _busy_s()),
            ram_used_mib=psutil.virtual_memory().used / MIB,
            clock_mhz=clock.current if clock else None,
        )

    def _engine_now(self, at_s: float, now: datetime) -> Iterable[Sample]:
        if self._engine is None:
            return
        try:
            with self._engine.oneshot():
                times = self._engine.cpu_times()
                rss = self._engine.memory_info().rss
        except psutil.Error:
            self._engine = None
            return
        cpu_pct = self._engine_cpu.pct(at_s, times.user + times.system)
        yield Sample(ENGINE, at_s, now, cpu_pct=cpu_pct, ram_used_mib=rss / MIB)

    def _gpu(self, uuid: str, at_s: float, now: datetime, *, dear: bool) -> Sample:
        seen, traffic = self._nvml.sample(uuid), self._pcie.take(uuid)
        processes = self._nvml.processes(uuid) if dear else None
        return Sample(
            uuid,
            at_s,
            now,
            vram_used_mib=seen.vram_used_mib,
            engine_vram_mib=next(
                (each.used_mib for each in processes or () if each.pid == self._pid), None
            ),
            utilisation_pct=seen.utilisation_pct,
            clock_mhz=seen.clock_mhz,
            memory_clock_mhz=seen.memory_clock_mhz,
            temperature_c=seen.temperature_c,
            power_w=seen.power_w,
            pcie_tx_mib_s=traffic.tx_mib_s if traffic else None,
            pcie_rx_mib_s=traffic.rx_mib_s if traffic else None,
            throttle_reasons=seen.throttle_reasons,
            foreign_pids=foreign_pids(
                processes, self._pid, self._there_before.get(uuid, frozenset())
            ),
            energy_mj=self._nvml.energy_mj(uuid) if dear else None,
        )


def _process(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid)
    except psutil.Error:
        return None


def _busy_s() -> float:
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + times.irq + times.softirq)


class _Share:
    """CPU time in percent of one core since the call before."""

    def __init__(self) -> None:
        self._last: tuple[float, float] | None = None

    def pct(self, at_s: float, busy_s: float) -> float | None:
        last, self._last = self._last, (at_s, busy_s)
        if last is None or at_s <= last[0]:
            return None
        return (busy_s - last[1]) / (at_s - last[0]) * 100


def telemetry_rows(
    samples: Iterable[Sample], *, host_id: str, launch_id: str, cell_id: str, attempt: int
) -> tuple[rows.Telemetry, ...]:
    """Rows of a cell's samples."""
    return tuple(
        rows.Telemetry(
            host_id=host_id,
            launch_id=launch_id,
            cell_id=cell_id,
            attempt=attempt,
            device=sample.device,
            sampled_at=sample.sampled_at,
            cpu_pct=sample.cpu_pct,
            ram_used_mib=sample.ram_used_mib,
            vram_used_mib=sample.vram_used_mib,
            engine_vram_mib=sample.engine_vram_mib,
            utilisation_pct=sample.utilisation_pct,
            clock_mhz=sample.clock_mhz,
            memory_clock_mhz=sample.memory_clock_mhz,
            temperature_c=sample.temperature_c,
            power_w=sample.power_w,
            pcie_tx_mib_s=sample.pcie_tx_mib_s,
            pcie_rx_mib_s=sample.pcie_rx_mib_s,
            throttle_reasons=_joined(sample.throttle_reasons),
            foreign_gpu_pids=_joined(sample.foreign_pids),
        )
        for sample in samples
    )


def _joined(values: Iterable[object] | None) -> str | None:
    return None if values is None else ",".join(map(str, values))
