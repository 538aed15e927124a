"""What a worker accepts (a launch with its cells) and what it gives back (events)."""

from dataclasses import dataclass, field
from datetime import datetime

from warehouse import rows
from workers.cooldown import CoolDown
from workers.engine.config import EngineConfig
from workers.failures import Failure
from workers.measure import MeasureConfig
from workers.workloads.agent.config import AgentConfig
from workers.workloads.concurrency.config import ConcurrencyConfig
from workers.workloads.depth_curve.config import DepthCurveConfig
from workers.workloads.llama_bench.config import LlamaBenchConfig
from workers.workloads.max_context.config import MaxContextConfig
from workers.workloads.perplexity.config import PerplexityConfig
from workers.workloads.speed.config import SpeedConfig
from workers.workloads.stability.config import StabilityConfig

WorkloadConfig = (
    SpeedConfig
    | DepthCurveConfig
    | StabilityConfig
    | ConcurrencyConfig
    | MaxContextConfig
    | LlamaBenchConfig
    | PerplexityConfig
    | AgentConfig
)
"""Configuration of any workload."""

ALONE = (MaxContextConfig, LlamaBenchConfig, PerplexityConfig)
"""Workloads that start processes of their own: each cell of theirs is a launch to itself."""

MEMORY_FOLDER = "memory"
"""Under a run folder, on a host that has one: files in it are in memory."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model file on the worker's host."""

    path: str
    sha256: str | None
    """None: the file was nowhere when the plan was made."""
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Baseline:
    """A model whose answers others are compared with."""

    file: ModelFile
    quant: str
    cell_id: str | None
    """The cell that scores it, as evidence; None: it is not in the sweep."""


@dataclass(frozen=True, slots=True)
class CellRequest:
    """A cell to measure: a workload on the launch's server."""

    cell_id: str
    attempt: int
    workload: WorkloadConfig


@dataclass(frozen=True, slots=True)
class LaunchRequest:
    """A server configuration bound to exact devices, with the cells to measure on it."""

    launch_id: str
    server_id: str
    sweep_id: str
    host_id: str
    model: ModelFile
    context: int
    cache_k: str
    cache_v: str
    devices: tuple[str, ...]
    """Devices as the engine names them, in split order; none is the CPU."""
    gpu_uuids: tuple[str, ...]
    """NVML uuids of the leased GPUs, for telemetry."""
    tensor_split: tuple[float, ...]
    engine: EngineConfig
    """With every `auto` value resolved."""
    engine_build: str | None
    cells: tuple[CellRequest, ...]
    predicted_context: int | None = None
    """Largest context that the plan expects to fit; where `max_context` starts looking."""
    measure: MeasureConfig = field(default_factory=MeasureConfig)
    baseline: Baseline | None = None
    """Of `perplexity`, where it compares."""


@dataclass(frozen=True, slots=True)
class LaunchReady:
    """The server answers; what is known of the launch so far."""

    launch: rows.Launch
    memory: tuple[rows.Memory, ...]


@dataclass(frozen=True, slots=True)
class TrialDone:
    """A trial ended: for the live view only, the row comes with its cell."""

    cell_id: str
    step: str
    done: int
    total: int
    tok_s: float | None
    temperature_c: float | None = None
    """Of the hottest GPU, at the latest sample."""


@dataclass(frozen=True, slots=True)
class CellDone:
    """A cell ended, in whatever way, with all its rows but the `cells` row itself."""

    cell_id: str
    attempt: int
    status: str
    """ok, failed or cancelled"""
    failure: Failure | None
    started_at: datetime
    ended_at: datetime
    trials: tuple[rows.Trial, ...]
    telemetry: tuple[rows.Telemetry, ...]
    evidence: tuple[rows.Row, ...] = ()
    """What the workload yields beside trials: rows of other child tables of `cells`."""
    cool_down: CoolDown | None = None
    """The wait before it; None without GPUs, and if it did not run."""
    slot_context: int | None = None
    """Tokens that fit the slot, by the server; None if it did not say."""
    agent_log: bytes | None = None
    """Inspect's log of its agent runs (`.eval`)."""


@dataclass(frozen=True, slots=True)
class LaunchDone:
    """The server is gone; the complete rows of the launch and its log."""

    launch: rows.Launch
    memory: tuple[rows.Memory, ...]
    log_gzip: bytes


Event = LaunchReady | TrialDone | CellDone | LaunchDone
"""Order: LaunchReady (if it came up), then per cell its TrialDones and one CellDone, LaunchDone.

When the start fails there is no LaunchReady: each cell gets its CellDone with the launch's
failure, then comes LaunchDone. `max_context` has several launches, and its CellDone last.
"""
