"""Structured configs: the shape of everything that Hydra composes.

Engine, model and workload configs live beside their code in `workers`; here they are put
together. Code past this room sees these dataclasses, never a DictConfig.
"""

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, OmegaConf

from orchestrator.fleet.config import DescribedHost
from orchestrator.tariff import TariffConfig
from warehouse.config import WarehouseConfig
from workers.engine.config import EngineConfig
from workers.measure import MeasureConfig
from workers.models.config import ModelConfig
from workers.models.ways import WAYS
from workers.workloads.agent.config import AgentConfig
from workers.workloads.concurrency.config import ConcurrencyConfig
from workers.workloads.depth_curve.config import DepthCurveConfig
from workers.workloads.llama_bench.config import LlamaBenchConfig
from workers.workloads.max_context.config import MaxContextConfig
from workers.workloads.perplexity.config import PerplexityConfig
from workers.workloads.speed.config import SpeedConfig
from workers.workloads.stability.config import StabilityConfig


@dataclass(frozen=True)
class PlanConfig:
    """How the plan decides."""

    prune: str = "predict"
    """`predict`: leave out what cannot fit; `off`: run it anyway."""
    margin_mib: float = 0.0
    """Memory to stay free on each device: what leaves less is pruned, MiB; below 0 allows for
    predictions that are too high."""
    max_attempts: int = 2
    """Attempts at a cell within one sweep, when it fails in a way that may pass."""
    launches: int = 1
    """Server lives in which each cell is measured, in turns with the others; three of each side
    are what `herd compare` wants."""
    beside: int = 1
    """Launches of each cell that run side by side on one host, each on GPUs of its own: tells
    whether they disturb each other (`herd calibrate`); 1: alone."""


@dataclass(frozen=True)
class FleetConfig:
    """The hosts that a sweep uses."""

    host_id: str | None = None
    """Label of this host; null is its host name."""
    hosts: dict[str, DescribedHost] = field(default_factory=dict)
    """Hosts that are described, not present, by label: `herd plan` plans for them."""
    exclusive: bool = True
    """Whether a host runs one launch at a time; else launches on separate GPUs run side by side,
    and may disturb each other."""
    each_host: bool = False
    """Whether every host measures every cell; else hosts of one hardware class share them."""
    dead_man_s: float = 30.0
    """Silence of the driver after which a host's worker ends itself and its server, s."""
    wait_for_nodes: bool = False
    """Whether cells that fit no host that is there wait for one; else they are pruned."""
    rejoin_s: float = 120.0
    """Time that lost hosts have to come back once nothing else is left to do, s."""
    quarantine_s: float = 600.0
    """Time that a host gets nothing after it has failed several cells in a row, s."""
    fetch: list[str] = field(default_factory=lambda: list(WAYS))
    """Ways by which a host gets a model file that it lacks, in order: its own model store, the
    shared folder, another host, where the catalogue says (Hugging Face, a package index)."""
    shared_models: str | None = None
    """Folder with model files that every host sees under this path."""


@dataclass(frozen=True)
class HerdConfig:
    """A composed configuration, before or after the axes of a cell are applied."""

    name: str | None = None
    """Name of the sweep; null is the preset's file name, or `sweep`."""
    model: ModelConfig = field(default_factory=ModelConfig)
    quant: str | None = None
    """Quant of the model; null is the model's `default_quant`."""
    context: int | str = 4096
    """Tokens, or `128k` (x 1024)."""
    cache: str = "f16/f16"
    """KV cache types, K/V."""
    pairing: str = "auto"
    """GPUs wanted (`orchestrator.patterns`); auto is all, or cpu on a host without GPUs."""
    split: str = "even"
    """Tensor split over the devices: even, by_memory, or a ratio such as 14/10."""
    engine: EngineConfig = field(default_factory=EngineConfig)
    workload: Any = MISSING
    fleet: FleetConfig = field(default_factory=FleetConfig)
    measure: MeasureConfig = field(default_factory=MeasureConfig)
    plan: PlanConfig = field(default_factory=PlanConfig)
    tariff: TariffConfig = field(default_factory=TariffConfig)
    warehouse: WarehouseConfig = field(default_factory=WarehouseConfig)
    model_store: str | None = None
    """Folder of fetched model files; null is herd's data folder (XDG)."""
    matrix: dict[str, Any] = field(default_factory=dict)
    """Axes of a preset: product, zip, union, exclude, when (`orchestrator.matrix`)."""


GROUPS = ("model", "engine", "workload", "fleet", "warehouse")
"""Config groups that can be axes: their values are names of files in `conf/GROUP`."""


def register_schemas() -> None:
    """Put the schemas where the files in `conf/` find them."""
    store = ConfigStore.instance()
    store.store(name="herd_schema", node=_writable(HerdConfig))
    for group, name, schema in (
        ("model", "model_schema", ModelConfig),
        ("engine", "engine_schema", EngineConfig),
        ("fleet", "fleet_schema", FleetConfig),
        ("warehouse", "warehouse_schema", WarehouseConfig),
        ("workload", "speed_schema", SpeedConfig),
        ("workload", "depth_curve_schema", DepthCurveConfig),
        ("workload", "max_context_schema", MaxContextConfig),
        ("workload", "llama_bench_schema", LlamaBenchConfig),
        ("workload", "perplexity_schema", PerplexityConfig),
        ("workload", "concurrency_schema", ConcurrencyConfig),
        ("workload", "stability_schema", StabilityConfig),
        ("workload", "agent_schema", AgentConfig),
    ):
        store.store(group=group, name=name, node=_writable(schema))


def _writable(schema: type) -> DictConfig:
    """A structured config that files can be merged into.

    OmegaConf marks frozen dataclasses read-only, which also stops Hydra from composing them.
    """
    config: DictConfig = OmegaConf.structured(schema)
    pending = [config]
    while pending:
        node = pending.pop()
        OmegaConf.set_readonly(node, None)
        for key in node:
            if OmegaConf.is_missing(node, key):
                continue
            child = node._get_node(key)
            if isinstance(child, DictConfig) and not child._is_none():
                pending.append(child)
    return config
