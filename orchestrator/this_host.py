"""This host as the plan sees it, and where it keeps its model files."""

import socket
from collections.abc import Sequence
from pathlib import Path

from orchestrator.cells import CellSpec
from orchestrator.config import HerdConfig
from orchestrator.host_view import HostView, Looking
from warehouse import rows
from workers.look import look
from workers.models.store import ModelStore


def host_label(config: HerdConfig) -> str:
    """The label of this host."""
    return config.fleet.host_id or socket.gethostname()


def model_store(config: HerdConfig) -> ModelStore:
    """The folder of fetched model files that the configuration names."""
    return ModelStore(Path(config.model_store).expanduser() if config.model_store else None)


def look_at(
    config: HerdConfig, cells: Sequence[CellSpec]
) -> tuple[HostView, tuple[CellSpec, ...], tuple[rows.Model, ...]]:
    """What this host has for these cells, the cells with quants from headers, the model rows."""
    looking = Looking(cells, config.model_store)
    seen = looking.seen([look(looking.request(host_label(config)))])
    (view,) = seen.views
    return view, seen.cells, seen.models
