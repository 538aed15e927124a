"""What an adapter makes of a file: server lives with what was measured in them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from warehouse import rows
from warehouse.canonical import canonical, digest

Child = rows.Trial | rows.AgentRun
"""Rows that a cell commits, of the tables that imports fill."""


@dataclass(frozen=True, slots=True)
class Run:
    """A server life, the cell measured in it and its rows; the attempt is numbered when written."""

    launch: rows.Launch
    cell: rows.Cell
    children: tuple[Child, ...] = ()
    memory: tuple[rows.Memory, ...] = ()

    def numbered(self, attempt: int) -> tuple[rows.Cell, list[Child]]:
        """The cell and its rows as that attempt."""
        children = [replace(each, attempt=attempt) for each in self.children]
        return replace(self.cell, attempt=attempt), children


@dataclass(frozen=True, slots=True)
class Given:
    """What the user knows of a file beside what it holds."""

    host_id: str | None = None
    """Label of the host, which no file tells."""
    models: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Name of a model file -> model and quant, as the catalogue names them."""


@dataclass(frozen=True, slots=True)
class Imported:
    """The content of a file."""

    source: str
    form: str
    runs: tuple[Run, ...]
    hosts: tuple[rows.Host, ...] = ()
    models: tuple[rows.Model, ...] = ()
    notes: tuple[str, ...] = ()
    """What is odd about it, or was left out."""
    left_out: int = 0
    """Measurements that no table can hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """A server configuration as far as it is known; unknown is None."""

    source: str
    model: str
    quant: str | None
    host_id: str
    hardware_class: str
    context: int | None = None
    cache_k: str | None = None
    cache_v: str | None = None
    pairing: str | None = None
    split: tuple[float, ...] = ()
    split_mode: str | None = None
    engine: str
    engine_build: str | None = None
    facts: Mapping[str, object] = field(default_factory=dict)
    """Fields of an engine configuration, by herd's names."""
    other: Mapping[str, object] = field(default_factory=dict)
    """What else decides the result, by the source's own names."""
    gpus: tuple[str, ...] = ()
    """GPU models in split order."""

    @property
    def server_config(self) -> str:
        """Canonical JSON of what decides the result, shaped as that of measured servers."""
        return canonical(
            {
                "source": self.source,
                "model": f"{self.model} {self.quant}",
                "context": self.context,
                "cache": [self.cache_k, self.cache_v],
                "devices": list(self.gpus),
                "tensor_split": list(self.split),
                "engine": dict(self.facts),
                "engine_build": self.engine_build,
                "hardware_class": self.hardware_class,
                "other": dict(self.other),
            }
        )

    @property
    def server_id(self) -> str:
        """Identity of the server configuration; never that of a measured one."""
        return digest(self.server_config)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What was done to a server, and when."""

    workload: str
    config: Mapping[str, object]
    first: object
    """What no other server life of that host has: its configuration, and what it measured first,
    when. The launch's identity, so that a file that comes again, in another form too, or has
    grown since, adds nothing twice."""
    started_at: datetime
    ended_at: datetime
    note: str | None = None
