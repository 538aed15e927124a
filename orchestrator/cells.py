"""Cells as asked for: one point of the matrix, checked, not yet bound to any host. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hydra.core.override_parser.types import Glob

from orchestrator.agent_cells import checked_agent
from orchestrator.axes import (
    check_measure,
    check_pairing,
    check_quant,
    parse_cache,
    parse_context,
    parse_split,
)
from orchestrator.config import GROUPS, Composer, HerdConfig
from orchestrator.config.overrides import expand_quants
from orchestrator.pairing import Split
from orchestrator.quality import check_perplexity
from warehouse.errors import ConfigError
from workers.contract import WorkloadConfig
from workers.engine.config import EngineConfig
from workers.measure import MeasureConfig
from workers.models.config import ModelConfig
from workers.workloads.agent.config import AgentConfig
from workers.workloads.llama_bench.config import LlamaBenchConfig
from workers.workloads.perplexity.config import PerplexityConfig

NAMED_AXES = frozenset({"quant", "context", "cache", "pairing", "split", *GROUPS})
"""Axes with a column of their own; the others go into `other_axes`."""

FROM_HEADER = "*"
"""Quant of a model given by path alone: the header names it."""


FileKey = tuple[str, str, str | None]
"""What tells a model file from others on a host: name, quant, and its path if that was given."""


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A model file as the configuration names it."""

    model: ModelConfig
    quant: str

    @property
    def file_key(self) -> FileKey:
        """Files of one name in two folders are two."""
        return self.model.name, self.quant, self.model.path

    def by_path(self) -> "NamedFile":
        """A model given by path is called after its file."""
        if self.model.path is None:
            return self
        path = Path(self.model.path).expanduser()
        return replace(self, model=replace(self.model, name=path.stem, path=str(path)))


@dataclass(frozen=True, slots=True)
class CellSpec:
    """A server configuration and a workload as the user wrote them."""

    model: ModelConfig
    quant: str
    context: int
    cache_k: str
    cache_v: str
    pairing: str
    split: Split
    engine: EngineConfig
    workload: WorkloadConfig
    prune: bool
    margin_mib: float
    """Memory to stay free on each device."""
    max_attempts: int
    measure: MeasureConfig
    other_axes: tuple[tuple[str, object], ...]
    launches: int = 1
    """Server lives in which it is to be measured, or rounds of them."""
    beside: int = 1
    """Launches of it that run side by side on one host, each on GPUs of its own."""
    baseline: NamedFile | None = None
    """Whose answers it is compared with."""

    @property
    def file_key(self) -> FileKey:
        """Its model file."""
        return self.model.name, self.quant, self.model.path

    @property
    def named_files(self) -> tuple[NamedFile, ...]:
        """The files that it needs on its host, its model's first."""
        own = NamedFile(self.model, self.quant)
        return (own,) if self.baseline is None else (own, self.baseline)

    @property
    def file_keys(self) -> tuple[FileKey, ...]:
        """Those files' keys."""
        return tuple(file.file_key for file in self.named_files)


def specs(points: Iterable[Mapping[str, object]], composer: Composer) -> list[CellSpec]:
    """The cells of all points.

    Raises:
        ConfigError: a value of an axis is unknown or malformed.
    """
    return [spec for point in points for spec in _cells_of(point, composer)]


def _cells_of(point: Mapping[str, object], composer: Composer) -> Iterator[CellSpec]:
    config = composer.cell(point)
    cache_k, cache_v = parse_cache(config.cache)
    other = tuple((k, v) for k, v in sorted(point.items()) if k not in NAMED_AXES)
    for quant in _quants(config, point.get("quant")):
        yield CellSpec(
            model=config.model,
            quant=quant,
            context=parse_context(config.context),
            cache_k=cache_k,
            cache_v=cache_v,
            pairing=check_pairing(config.pairing),
            split=parse_split(config.split),
            engine=_engine(config),
            workload=_workload(config),
            prune=_prune(config),
            margin_mib=config.plan.margin_mib,
            max_attempts=config.plan.max_attempts,
            measure=check_measure(config.measure),
            other_axes=other,
            launches=_at_least_one("launches", config.plan.launches),
            beside=_at_least_one("beside", config.plan.beside),
            baseline=_baseline(config),
        )


def _quants(config: HerdConfig, asked: object) -> Sequence[str]:
    model = config.model
    if model.path is not None:
        return [config.quant or FROM_HEADER]
    if isinstance(asked, Glob):
        quants = expand_quants(asked, model.files)
        if not quants:
            raise ConfigError(f"model {model.name}: no quant matches {asked.include}")
        return quants
    quant = model.default_quant if config.quant is None else config.quant
    if quant is None:
        raise ConfigError(f"model {model.name} has no default quant: write quant=...")
    return [check_quant(model.name, quant, model.files)]


def _engine(config: HerdConfig) -> EngineConfig:
    asked = config.engine.n_cpu_moe
    if isinstance(asked, str) and asked != EngineConfig.AUTO:
        raise ConfigError(f"engine.n_cpu_moe={asked}: write a number of layers, or auto")
    return config.engine


def _workload(config: HerdConfig) -> WorkloadConfig:
    workload: WorkloadConfig = config.workload
    if isinstance(workload, AgentConfig):
        return checked_agent(workload, config.model, config.engine)
    if isinstance(workload, LlamaBenchConfig) and config.engine.bench_binary is None:
        raise ConfigError("workload=llama_bench needs engine.bench_binary=/path/to/llama-bench")
    if isinstance(workload, PerplexityConfig):
        return check_perplexity(workload, config.engine, parse_context(config.context))
    return workload


def _at_least_one(key: str, number: int) -> int:
    if number < 1:
        raise ConfigError(f"plan.{key}={number}: write 1 or more")
    return number


def _baseline(config: HerdConfig) -> NamedFile | None:
    """A quant of the cell's own model, or any file by its path."""
    workload: WorkloadConfig = config.workload
    if not isinstance(workload, PerplexityConfig) or workload.baseline_quant is None:
        return None
    quant, model = workload.baseline_quant, config.model
    if "/" in quant:
        return NamedFile(ModelConfig(path=quant), FROM_HEADER)
    if model.path is not None:
        raise ConfigError(
            f"workload.baseline_quant={quant}: a model given by path has one file, write the "
            "path of the baseline's"
        )
    return NamedFile(model, check_quant(model.name, quant, model.files))


def _prune(config: HerdConfig) -> bool:
    if config.plan.prune not in ("predict", "off"):
        raise ConfigError(f"plan.prune={config.plan.prune}: write predict or off")
    return config.plan.prune == "predict"
