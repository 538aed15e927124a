"""A host as the plan sees it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.cells import FileKey
from warehouse.rows import Host
from workers.contract import ModelFile
from workers.engine.build import EngineBuild
from workers.models.shape import ModelShape

EngineKey = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class HostView:
    """A host's facts, engines and model files."""

    host: Host
    engines: Mapping[EngineKey, EngineBuild | None]
    """By `EngineConfig.probe_key`; None: not usable on this host."""
    models: Mapping[FileKey, ModelFile]
    """By `CellSpec.file_key`; a file that is nowhere has no sha256."""
    shapes: Mapping[FileKey, ModelShape] = field(default_factory=dict)
    """Of the files whose header can be read."""
    unreadable: Mapping[FileKey, str] = field(default_factory=dict)
    """Why a file or its header cannot."""
    free_ram_mib: float | None = None
