"""Tables of server lives."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from warehouse.rows.base import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch(Row):
    """One life of one llama-server."""

    TABLE: ClassVar[str] = "launches"
    launch_id: Annotated[str, "identity of this life"]
    server_id: Annotated[str, "the server configuration"]
    sweep_id: Annotated[str, "the sweep that started it"]
    host_id: Annotated[str, "host that it ran on"]
    devices: Annotated[tuple[str, ...], "exact devices, in split order; none is the CPU"]
    command_line: Annotated[tuple[str, ...], "exact command line"]
    engine_build: Annotated[str | None, "what the binary says of its build"]
    status: Annotated[str, "ok, failed or cancelled"]
    failure_class: Annotated[str | None, "class of the failure"]
    reason: Annotated[str | None, "first error line, or what was seen"]
    exit_code: Annotated[int | None, "exit code of the process, negative for a signal"]
    log_tail: Annotated[str, "end of the server's log"]
    log_path: Annotated[str | None, "whole log, relative to the warehouse, gzip"]
    load_ms: Annotated[float | None, "from start to ready, ms"]
    page_cache_fraction: Annotated[float | None, "part of the model file in memory before, 0 to 1"]
    idle_power_w: Annotated[
        float | None, "idle power of the devices: lowest seen by the worker until the start, W"
    ]
    started_at: Annotated[datetime, "start of the process, UTC"]
    ended_at: Annotated[
        datetime | None, "end of the process, UTC; null while it runs, and if nobody saw it"
    ]
    foreign_gpu: Annotated[str | None, "other processes on the devices before the start"] = None
    source: Annotated[str | None, "what it was imported from; null: measured"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory(Row):
    """A part of a device's memory in a launch."""

    TABLE: ClassVar[str] = "memory"
    launch_id: Annotated[str, "the launch"]
    device: Annotated[str, "device or buffer as the engine names it, or Host"]
    part: Annotated[str, "model, kv, recurrent, compute, output, context, total, process, rss, ..."]
    mib: Annotated[float, "measured memory, MiB"]
    source: Annotated[str, "log, breakdown, nvml, psutil, or what it was imported from"]
    note: Annotated[str | None, "what is odd about it, as imported"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Telemetry(Row):
    """A sample of a host, a device or the engine process."""

    TABLE: ClassVar[str] = "telemetry"
    host_id: Annotated[str, "the host"]
    launch_id: Annotated[str, "the launch that held the devices"]
    cell_id: Annotated[str, "the cell that was measured"]
    attempt: Annotated[int, "attempt at the cell"]
    device: Annotated[str, "GPU uuid, host or engine (the process)"]
    sampled_at: Annotated[datetime, "time of the sample, UTC"]
    cpu_pct: Annotated[float | None, "CPU in use, percent of one core"]
    ram_used_mib: Annotated[float | None, "RAM in use (engine: resident set), MiB"]
    vram_used_mib: Annotated[float | None, "memory of the device in use, MiB"]
    utilisation_pct: Annotated[float | None, "GPU in use, percent"]
    clock_mhz: Annotated[float | None, "SM clock (host: mean CPU clock), MHz"]
    temperature_c: Annotated[float | None, "GPU temperature, C"]
    power_w: Annotated[float | None, "power, W"]
    throttle_reasons: Annotated[str | None, "throttle reasons in force"]
    engine_vram_mib: Annotated[
        float | None, "memory of the device that the engine's process holds, MiB"
    ] = None
    memory_clock_mhz: Annotated[float | None, "clock of the GPU's memory, MHz"] = None
    pcie_tx_mib_s: Annotated[float | None, "sent by the GPU over PCIe, MiB per second"] = None
    pcie_rx_mib_s: Annotated[float | None, "received by it, MiB per second"] = None
    foreign_gpu_pids: Annotated[str | None, "other processes that compute on the GPU"] = None
