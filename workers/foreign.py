"""Somebody else's processes on leased GPUs: noticed, waited for, or a reason not to start."""

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import psutil

from workers.failures import Failure, FailureClass
from workers.gpu import GpuProcess, Nvml
from workers.measure import MeasureConfig

SETTLE_S = 1.0
"""A server that has just ended may still be listed: who is gone by then was never foreign."""
LOOK_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Foreign:
    """A process that is on a GPU before the launch."""

    device: str
    """The GPU as the engine names it."""
    uuid: str
    process: GpuProcess
    name: str | None
    """Of the program; None for a process of another pid namespace."""


def foreign_pids(
    listed: Sequence[GpuProcess] | None, own_pid: int, there_before: Iterable[int]
) -> tuple[int, ...] | None:
    """Who else is on a GPU of the engine; None if it cannot be known.

    In a container drivers were seen to list the host's pids, among which the engine's own cannot
    be told. While it is not listed by its pid, only those are foreign that were there before it.
    """
    if listed is None:
        return None
    pids = {each.pid for each in listed}
    foreign = pids - {own_pid} if own_pid in pids else pids & set(there_before)
    return tuple(sorted(foreign))


def pids_by_gpu(found: Iterable[Foreign]) -> dict[str, frozenset[int]]:
    """Pids that were there, by uuid."""
    pids: dict[str, frozenset[int]] = {}
    for each in found:
        pids[each.uuid] = pids.get(each.uuid, frozenset()) | {each.process.pid}
    return pids


def words(found: Iterable[Foreign]) -> str:
    """Who is where, on one line: `CUDA0: pid 4242 (python3, 8123 MiB)`."""
    return "; ".join(f"{each.device}: {_who(each)}" for each in found)


def _who(found: Foreign) -> str:
    mib = found.process.used_mib
    known = [found.name, None if mib is None else f"{mib:.0f} MiB"]
    about = ", ".join(text for text in known if text)
    return f"pid {found.process.pid}" + (f" ({about})" if about else "")


def look(nvml: Nvml, gpus: Mapping[str, str]) -> tuple[Foreign, ...]:
    """Everybody on these GPUs (device name by uuid): for the time before the engine starts."""
    return tuple(
        Foreign(device, uuid, process, _name(process.pid))
        for uuid, device in gpus.items()
        for process in nvml.processes(uuid) or ()
    )


def before_launch(
    nvml: Nvml, gpus: Mapping[str, str], config: MeasureConfig, cancelled: threading.Event
) -> tuple[tuple[Foreign, ...], Failure | None]:
    """Look at the GPUs of a launch and do as the policy says.

    Args:
        nvml: the host's GPUs.
        gpus: device name by uuid of the leased ones.
        config: policy and limit.
        cancelled: ends the waiting.

    Returns:
        Who is there, and the failure (`gpu_busy`) if the launch must not start.
    """
    found = look(nvml, gpus)
    if found and not cancelled.wait(SETTLE_S):
        found = look(nvml, gpus)
    if config.gpu_foreign == "warn":
        return found, None
    limit_s = config.gpu_foreign_wait_s if config.gpu_foreign == "wait" else 0.0
    deadline_s = time.monotonic() + limit_s
    while found and time.monotonic() < deadline_s and not cancelled.wait(LOOK_EVERY_S):
        found = look(nvml, gpus)
    return found, _busy(found, limit_s) if found else None


def _busy(found: Iterable[Foreign], waited_s: float) -> Failure:
    after = f" after {waited_s:g} s" if waited_s else ""
    way_out = "end it, or measure beside it with measure.gpu_foreign=warn"
    return Failure(FailureClass.GPU_BUSY, f"in use{after} by {words(found)}: {way_out}")


def _name(pid: int) -> str | None:
    try:
        return str(psutil.Process(pid).name())
    except psutil.Error:
        return None
