"""Memory of a running server at one moment."""

from collections.abc import Sequence

import psutil

from workers.gpu import MIB, Nvml
from workers.workloads.base import MemoryNow


def memory_now(pid: int, gpu_uuids: Sequence[str], nvml: Nvml) -> MemoryNow:
    """Memory of the engine process, on the host and on the GPUs that it leases.

    Where the driver does not tell a process's own (in a container), VRAM is that of whole GPUs:
    what somebody else takes there counts too.
    """
    used = [_vram_mib(pid, uuid, nvml) for uuid in gpu_uuids]
    known = [each for each in used if each is not None]
    vram_mib = sum(known) if known and len(known) == len(used) else None
    try:
        seen = psutil.Process(pid).memory_info()
    except psutil.Error:
        seen = None
    if seen is None or not seen.rss:  # it has ended
        return MemoryNow(None, None, vram_mib)
    return MemoryNow(seen.rss / MIB, (seen.rss - seen.shared) / MIB, vram_mib)


def _vram_mib(pid: int, uuid: str, nvml: Nvml) -> float | None:
    own = [each.used_mib for each in nvml.processes(uuid) or () if each.pid == pid]
    told = next((used for used in own if used is not None), None)
    return nvml.sample(uuid).vram_used_mib if told is None else told
