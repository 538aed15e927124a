"""Tables of hosts, and of what lies and is known there."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from warehouse.rows.base import Row


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU as NVML shows it."""

    index: int
    name: str
    uuid: str
    pci_bus_id: str
    memory_mib: int
    pcie_generation: int | None
    pcie_width: int | None
    power_limit_w: float | None


@dataclass(frozen=True, slots=True)
class SeenDevice:
    """A device as a llama-server listed it."""

    name: str
    description: str
    total_mib: int
    free_mib: int


@dataclass(frozen=True, slots=True)
class SeenEngine:
    """A llama-server as it was found on a host, or not."""

    key: str
    """Binary and environment of its configuration, JSON."""
    path: str | None
    """Null: it is not usable there."""
    sha256: str | None
    build: str | None
    devices: tuple[SeenDevice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Host(Row):
    """A host as seen at a time."""

    TABLE: ClassVar[str] = "hosts"
    host_id: Annotated[str, "the host's label"]
    seen_at: Annotated[datetime, "when it was looked at, UTC"]
    hardware_class: Annotated[str, "hosts that are alike for benchmarking"]
    cpu_model: Annotated[str | None, "CPU model"]
    cpu_physical_cores: Annotated[int | None, "physical cores that this system has"]
    cpu_logical_cores: Annotated[int | None, "logical cores that this system has"]
    ram_mib: Annotated[int | None, "RAM, MiB"]
    kernel: Annotated[str | None, "operating system's kernel"]
    gpus: Annotated[tuple[Gpu, ...], "GPUs as NVML shows them"]
    driver: Annotated[str | None, "GPU driver version"]
    cuda: Annotated[str | None, "CUDA version of the driver"]
    python: Annotated[str | None, "Python version of the worker"]
    source: Annotated[str | None, "what it was imported from; null: seen by herd"] = None
    gpu_names: Annotated[str | None, "GPUs as an imported file names them"] = None
    engines: Annotated[
        tuple[SeenEngine, ...] | None, "llama-servers that were looked for, with their devices"
    ] = None
    free_ram_mib: Annotated[float | None, "RAM that was available, MiB"] = None
    clock_offset_s: Annotated[
        float | None, "its clock less the driver's; above 0: ahead. Times in its rows are its own"
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Model(Row):
    """A model file as seen on a host."""

    TABLE: ClassVar[str] = "models"
    model_sha256: Annotated[str | None, "hash of the file"]
    host_id: Annotated[str, "host that holds the file"]
    seen_at: Annotated[datetime, "when it was looked at, UTC"]
    model: Annotated[str, "catalogue name"]
    quant: Annotated[str | None, "quant"]
    path: Annotated[str | None, "path on that host"]
    size_bytes: Annotated[int | None, "size of the file, bytes"]
    architecture: Annotated[str | None, "general.architecture of the header"]
    facts: Annotated[str | None, "what the header says of the model's shape, JSON"]
    shape_digest: Annotated[
        str | None, "equal for files whose memory beside the weights is alike (quants of a model)"
    ] = None
    source: Annotated[str | None, "what it was imported from; null: seen by herd"] = None
    note: Annotated[str | None, "what is odd about it, as imported"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration(Row):
    """A step of a host's calibration: its noise between launches, or agreement with llama-bench."""

    TABLE: ClassVar[str] = "calibrations"
    calibration_id: Annotated[str, "the calibration: all its steps share it"]
    kind: Annotated[str, "a_a (launches of one and the same cell), llama_bench or side_by_side"]
    calibrated_at: Annotated[datetime, "end of its last launch, UTC"]
    host_id: Annotated[str, "the host"]
    hardware_class: Annotated[str, "hosts that are alike for benchmarking"]
    engine_build: Annotated[str | None, "what the binary says of its build"]
    engine_sha256: Annotated[str | None, "hash of the binary and its ggml libraries"]
    bench_build: Annotated[str | None, "what llama-bench says of its build"]
    server_id: Annotated[str, "the server configuration"]
    cell_ids: Annotated[
        tuple[str, ...], "evidence: the cell; with llama-bench or side by side ours, then theirs"
    ]
    launch_ids: Annotated[tuple[str, ...], "evidence: the launches of the first cell, in order"]
    bench_launch_ids: Annotated[
        tuple[str, ...], "evidence: the runs of llama-bench, or side by side, in order"
    ]
    metric: Annotated[str, "pp (prompt processing) or tg (text generation)"]
    step: Annotated[str, "name of the step (pp512, tg32)"]
    depth: Annotated[int, "tokens asked for in the cache before the measured ones"]
    launches: Annotated[int, "launches with a valid repetition; pairs of them with llama-bench"]
    tok_s: Annotated[float, "speed: geometric mean of the launch medians, tokens per second"]
    between_sd_pct: Annotated[float, "standard deviation of the launches' log medians, percent"]
    within_sd_pct: Annotated[
        float | None, "standard deviation of the log repetitions in a launch, percent"
    ]
    floor_pct: Annotated[
        float, "two launches, one a side, that differ by less show nothing (95 %), percent"
    ]
    difference_pct: Annotated[float | None, "llama-bench against llama-server, percent"]
    low_pct: Annotated[float | None, "low end of its 95 % interval, percent"]
    high_pct: Annotated[float | None, "high end of its 95 % interval, percent"]
    verdict: Annotated[str | None, "whether llama-bench, or side by side, agrees, in words"]
    agrees: Annotated[bool | None, "whether it does: the interval holds 0 and is narrow"] = None
    beside: Annotated[int | None, "launches side by side on the host"] = None
