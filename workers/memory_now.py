"""Memory of a running server at one moment."""

from collections.abc import Sequence

import psutil

from workers.gpu import MIB, Nvml
from workers.workloads.base import MemoryNow


def memory_now(pid: int, gpu_uuids: Sequence[str], nvml: Nvml) -> MemoryNow:
    """Memory of the engine process and of the GPUs that it leases.

    VRAM is that of whole GPUs: what somebody else takes there counts too.
    """
    used = [nvml.sample(uuid).vram_used_mib for uuid in gpu_uuids]
    known = [each for each in used if each is not None]
    vram_mib = sum(known) if known and len(known) == len(used) else None
    try:
        seen = psutil.Process(pid).memory_info()
    except psutil.Error:
        seen = None
    if seen is None or not seen.rss:  # it has ended
        return MemoryNow(None, None, vram_mib)
    return MemoryNow(seen.rss / MIB, (seen.rss - seen.shared) / MIB, vram_mib)
