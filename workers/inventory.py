"""What a host is: its row, and its hardware class."""

import os
import platform
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import psutil

from warehouse.rows import Gpu, Host
from workers.gpu import MIB, Nvml

CPUINFO = Path("/proc/cpuinfo")


def hardware_class(
    *,
    cpu_model: str,
    physical_cores: int,
    ram_mib: int,
    gpus: Sequence[Gpu],
    driver: str | None,
) -> str:
    """Text that hosts which are alike for benchmarking share, as `AMD EPYC x2, 24 GiB, no GPU`.

    With GPUs: `... 64 GiB, 2x RTX 3060 12 GiB PCIe 4x16 170 W, driver 580`. It holds nothing
    that changes while the host runs: of PCIe the maximum, of the driver the major version.
    """
    parts = [f"{cpu_model} x{physical_cores}", f"{_gib(ram_mib)} GiB"]
    if not gpus:
        return ", ".join([*parts, "no GPU"])
    kinds = Counter(_gpu_kind(gpu) for gpu in gpus)
    parts += [f"{count}x {kind}" if count > 1 else kind for kind, count in sorted(kinds.items())]
    return ", ".join([*parts, f"driver {driver.split('.')[0] if driver else 'unknown'}"])


def _gpu_kind(gpu: Gpu) -> str:
    words = [gpu.name, f"{_gib(gpu.memory_mib)} GiB"]
    if gpu.pcie_generation and gpu.pcie_width:
        words.append(f"PCIe {gpu.pcie_generation}x{gpu.pcie_width}")
    if gpu.power_limit_w:
        words.append(f"{round(gpu.power_limit_w)} W")
    return " ".join(words)


def _gib(mib: int) -> int:
    return round(mib / 1024)


def cpu_model(cpuinfo: str) -> str:
    """The CPU's name in the text of /proc/cpuinfo; `unknown CPU` where it has none."""
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name" and value.strip():
            plain = value.replace("(R)", "").replace("(TM)", "")
            return " ".join(plain.split())
    return "unknown CPU"


def inspect_host(host_id: str, nvml: Nvml) -> Host:
    """Look at this host."""
    model = cpu_model(CPUINFO.read_text(encoding="utf-8") if CPUINFO.exists() else "")
    logical = psutil.cpu_count() or os.cpu_count() or 1
    physical = psutil.cpu_count(logical=False) or logical
    ram_mib = psutil.virtual_memory().total // MIB
    gpus, driver = nvml.gpus(), nvml.driver()
    return Host(
        host_id=host_id,
        seen_at=datetime.now(UTC),
        hardware_class=hardware_class(
            cpu_model=model,
            physical_cores=physical,
            ram_mib=ram_mib,
            gpus=gpus,
            driver=driver,
        ),
        cpu_model=model,
        cpu_physical_cores=physical,
        cpu_logical_cores=logical,
        ram_mib=ram_mib,
        kernel=f"{platform.system()} {platform.release()}",
        gpus=gpus,
        driver=driver,
        cuda=nvml.cuda(),
        python=platform.python_version(),
    )
