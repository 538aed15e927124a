"""Rows of a launch, built from what was seen of it: pure functions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from warehouse import rows
from workers.contract import LaunchRequest
from workers.engine.log import MemoryPart, breakdown, memory_by_device
from workers.failures import Failure
from workers.foreign import Foreign, words
from workers.spans import ENGINE, Sample


@dataclass(frozen=True, slots=True)
class LeasedGpu:
    """A GPU of the launch, before its start."""

    device: str
    """As the engine names it."""
    uuid: str
    vram_before_mib: float | None
    """Of the driver and of whoever else is on it."""


@dataclass(frozen=True, slots=True)
class Before:
    """The host just before a start."""

    started_at: datetime
    page_cache_fraction: float | None = None
    idle_power_w: float | None = None
    gpus: tuple[LeasedGpu, ...] = ()
    foreign: tuple[Foreign, ...] = ()
    """Somebody else's processes on the GPUs."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of the server process; all empty when there was none."""

    command_line: tuple[str, ...] = ()
    load_ms: float | None = None
    exit_code: int | None = None
    ended_at: datetime | None = None
    log_tail: str = ""


def launch_row(
    request: LaunchRequest,
    before: Before,
    seen: Seen,
    *,
    status: str = "ok",
    failure: Failure | None = None,
) -> rows.Launch:
    """The row of a launch; its log's path is set by whoever stores the log."""
    return rows.Launch(
        launch_id=request.launch_id,
        server_id=request.server_id,
        sweep_id=request.sweep_id,
        host_id=request.host_id,
        devices=request.devices,
        command_line=seen.command_line,
        engine_build=request.engine_build,
        status=status,
        failure_class=failure.failure_class.value if failure else None,
        reason=failure.reason if failure else None,
        exit_code=seen.exit_code,
        log_tail=seen.log_tail,
        log_path=None,
        load_ms=seen.load_ms,
        page_cache_fraction=before.page_cache_fraction,
        idle_power_w=before.idle_power_w,
        started_at=before.started_at,
        ended_at=seen.ended_at,
        foreign_gpu=words(before.foreign) or None,
    )


def memory_rows(
    launch_id: str,
    lines: Sequence[str],
    samples: Sequence[Sample] = (),
    gpus: Iterable[LeasedGpu] = (),
) -> tuple[rows.Memory, ...]:
    """Memory by log and, after a clean stop, breakdown; by the samples the peaks.

    These are the resident set of the engine, what each GPU holds over what it held before (with
    the CUDA context and pools, which no log line counts), and what the driver counts for the
    engine's process.
    """
    parts = [*memory_by_device(lines), *breakdown(lines)]
    resident = [s.ram_used_mib for s in samples if s.device == ENGINE and s.ram_used_mib]
    if resident:
        parts.append(MemoryPart("Host", "rss", max(resident), "psutil"))
    for gpu in gpus:
        used = [s.vram_used_mib for s in samples if s.device == gpu.uuid and s.vram_used_mib]
        if used and gpu.vram_before_mib is not None:
            parts.append(MemoryPart(gpu.device, "total", max(used) - gpu.vram_before_mib, "nvml"))
        own = [s.engine_vram_mib for s in samples if s.device == gpu.uuid and s.engine_vram_mib]
        if own:
            parts.append(MemoryPart(gpu.device, "process", max(own), "nvml"))
    return tuple(
        rows.Memory(
            launch_id=launch_id,
            device=part.device,
            part=part.part,
            mib=part.mib,
            source=part.source,
        )
        for part in parts
    )


def missing_devices(wanted: Iterable[str], used: Iterable[str]) -> tuple[str, ...]:
    """Devices that the log does not show in use; an RPC device is logged with its address."""
    plain = {name.partition("[")[0] for name in used}
    return tuple(name for name in wanted if name.partition("[")[0] not in plain)
