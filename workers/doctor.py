"""Checks of a host: is it ready to measure? Each check looks and says what to do."""

import shutil
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from warehouse.errors import EngineError, HerdError
from workers.engine.build import EngineBuild, probe
from workers.engine.config import EngineConfig
from workers.engine.startup import startup_info
from workers.gpu import Nvml
from workers.models.config import ModelConfig
from workers.models.header import read_header
from workers.models.store import ModelStore

_LEAST_FREE_GIB = 2
_GIB = 2**30


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found."""

    check: str
    state: str
    """ok, warn or fail"""
    found: str
    """What was seen, and what to do about it."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a host is to be ready for."""

    engine: EngineConfig
    model: ModelConfig
    quant: str
    model_store: str | None = None
    """Folder of fetched model files; None is herd's own."""
    warehouse: str | None = None
    """Where it lies, if it is written from this host."""

    @property
    def store(self) -> ModelStore:
        """The model store."""
        return ModelStore(Path(self.model_store).expanduser() if self.model_store else None)


def examine(checked: Checked) -> list[Finding]:
    """All checks of this host."""
    nvml = Nvml()
    findings = [*_tools(), *_clock_and_cpu(), *_gpus(nvml)]
    try:
        build = probe(checked.engine.binary, checked.engine.env)
    except EngineError as error:
        findings.append(Finding("engine", "fail", str(error)))
    else:
        findings += [*_engine(build, checked.engine), *_devices(build, nvml)]
    return [*findings, *_model(checked), *_ports(), *_folders(checked)]


def _tools() -> Iterator[Finding]:
    for tool in ("setpriv", "prlimit"):
        path = shutil.which(tool)
        state, found = ("ok", path) if path else ("fail", "missing: install util-linux")
        yield Finding(tool, state, found)


def _clock_and_cpu() -> Iterator[Finding]:
    cores = psutil.cpu_count(logical=False)
    load = psutil.getloadavg()[0]
    busy = load > 0.5 * (cores or 1)
    advice = "; other work disturbs measurements" if busy else ""
    yield Finding("cpu", "warn" if busy else "ok", f"{cores} cores, load {load:.1f}{advice}")
    governors = {
        file.read_text().strip()
        for file in Path("/sys/devices/system/cpu").glob("cpu*/cpufreq/scaling_governor")
    }
    slow = governors - {"performance"}
    if slow:
        yield Finding("clocks", "warn", f"CPU governor {', '.join(sorted(slow))}: set performance")
    else:
        yield Finding("clocks", "ok", ", ".join(governors) or "no CPU governor to be seen")


def _gpus(nvml: Nvml) -> Iterator[Finding]:
    driver = nvml.driver()
    if driver is None:
        yield Finding("gpu driver", "ok", "no NVIDIA driver: CPU, or a GPU that NVML cannot see")
        return
    yield Finding("gpu driver", "ok", f"{driver}, CUDA {nvml.cuda()}")
    for gpu in nvml.gpus():
        sample = nvml.sample(gpu.uuid)
        used = sample.vram_used_mib or 0.0
        state = "warn" if used > 0.1 * gpu.memory_mib else "ok"
        yield Finding(
            f"gpu {gpu.index}",
            state,
            f"{gpu.name}, {used:.0f} of {gpu.memory_mib} MiB in use, clock {sample.clock_mhz} MHz, "
            f"{sample.temperature_c} C, power limit {gpu.power_limit_w} W",
        )


def _engine(build: EngineBuild, engine: EngineConfig) -> Iterator[Finding]:
    yield Finding("engine", "ok", f"{build.path}: {build.text}, sha256 {build.sha256[:12]}")
    quants = startup_info(build, engine).get("FA_QUANTS")
    if quants is None:
        told = "CPU or an older build: every pair works on the CPU; watch mixed types on CUDA"
    else:
        told = f"CUDA FlashAttention kernels for K/V: {quants}; other pairs are slow"
    yield Finding("cache types", "ok", told)


def _devices(build: EngineBuild, nvml: Nvml) -> Iterator[Finding]:
    seen = ", ".join(f"{d.name} {d.description} {d.total_mib} MiB" for d in build.devices)
    count = len(nvml.gpus())
    if len(build.devices) < count:
        yield Finding(
            "gpus seen by engine",
            "fail",
            f"{len(build.devices)} of the {count} that the driver has: use a CUDA build, or "
            "install the driver's Vulkan ICD",
        )
    else:
        yield Finding("gpus seen by engine", "ok", seen or "none")


def _model(checked: Checked) -> Iterator[Finding]:
    model, quant = checked.model, checked.quant
    name = f"model {model.name} {quant}".strip()
    try:
        path = checked.store.path(model, quant)
        missing = read_header(path).missing_bytes
    except HerdError as error:
        yield Finding(name, "warn", f"{error}; `herd models fetch {model.name} {quant}`")
        return
    if missing:
        yield Finding(name, "fail", f"{path} is truncated: {missing} bytes missing")
    else:
        yield Finding(name, "ok", str(path))


def _ports() -> Iterator[Finding]:
    try:
        with socket.socket() as probe_socket:
            probe_socket.bind(("127.0.0.1", 0))
    except OSError as error:
        yield Finding("ports", "fail", f"cannot listen on loopback: {error.strerror}")
    else:
        yield Finding("ports", "ok", "loopback takes listeners")


def _folders(checked: Checked) -> Iterator[Finding]:
    places = {
        "model store": checked.store.root,
        "temporary folder": Path(tempfile.gettempdir()),
    }
    if checked.warehouse is not None:
        places["warehouse"] = Path(checked.warehouse).expanduser()
    for name, path in places.items():
        there = next(p for p in (path.absolute(), *path.absolute().parents) if p.exists())
        free = psutil.disk_usage(str(there)).free / _GIB
        state = "ok" if free >= _LEAST_FREE_GIB else "fail"
        yield Finding(name, state, f"{path}, {free:.1f} GiB free")
