"""This host as the plan sees it: hardware, engines, model files. Looks, changes nothing."""

import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import psutil

from orchestrator.cells import FROM_HEADER, CellSpec
from orchestrator.config import HerdConfig
from orchestrator.host_view import EngineKey, HostView
from warehouse import rows
from warehouse.errors import EngineError, ModelError
from workers.contract import ModelFile
from workers.engine.build import EngineBuild, probe
from workers.engine.config import EngineConfig
from workers.gpu import MIB, Nvml
from workers.inventory import inspect_host
from workers.models.hashing import file_sha256
from workers.models.header import GgufHeader, quant_of_file, read_header
from workers.models.shape import ModelShape, model_shape
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
    host = inspect_host(host_label(config), Nvml())
    quant_of = cache(quant_of_file)
    named = tuple(_named(cell, quant_of) for cell in cells)
    store = model_store(config)
    distinct = {cell.file_key: cell for cell in named}
    found = {key: _model_file(store, cell) for key, cell in distinct.items()}
    files = {key: file for key, (file, _) in found.items()}
    missing = {key: error for key, (_, error) in found.items() if error}
    heads = {key: _head(files[key]) for key in distinct if key not in missing}
    view = HostView(
        host=host,
        engines=_engines(cell.engine for cell in named),
        models=files,
        shapes={key: head.shape for key, head in heads.items() if head.shape},
        unreadable=missing | {key: head.error for key, head in heads.items() if head.error},
        free_ram_mib=psutil.virtual_memory().available / MIB,
    )
    models = (_model_row(host, distinct[key], files[key], head) for key, head in heads.items())
    return view, named, tuple(models)


@dataclass(frozen=True, slots=True)
class _Head:
    """What the header of a file that is there says."""

    header: GgufHeader | None = None
    shape: ModelShape | None = None
    error: str | None = None
    """Why it allows no prediction."""


def _head(file: ModelFile) -> _Head:
    header = None
    try:
        header = read_header(Path(file.path))
        return _Head(header, model_shape(header))
    except ModelError as error:
        return _Head(header, error=str(error))


def _named(cell: CellSpec, quant_of: Callable[[Path], str]) -> CellSpec:
    """A model given by path is called after its file, its quant read from the header."""
    if cell.model.path is None:
        return cell
    path = Path(cell.model.path).expanduser()
    quant = quant_of(path) if cell.quant == FROM_HEADER else cell.quant
    return replace(cell, model=replace(cell.model, name=path.stem, path=str(path)), quant=quant)


def _model_file(store: ModelStore, cell: CellSpec) -> tuple[ModelFile, str | None]:
    """Its file, and why it cannot be used."""
    path = store.path(cell.model, cell.quant).resolve()
    try:
        return ModelFile(str(path), file_sha256(path, store.memo), path.stat().st_size), None
    except ModelError as error:
        listed = cell.model.files.get(cell.quant)
        return ModelFile(str(path), None, listed.size_bytes if listed else None), str(error)


def _engines(configs: Iterable[EngineConfig]) -> dict[EngineKey, EngineBuild | None]:
    engines: dict[EngineKey, EngineBuild | None] = {}
    for config in configs:
        if config.probe_key not in engines:
            try:
                engines[config.probe_key] = probe(config.binary, config.env)
            except EngineError:
                engines[config.probe_key] = None
    return engines


def _model_row(host: rows.Host, cell: CellSpec, file: ModelFile, head: _Head) -> rows.Model:
    """The row of a file that is there; a damaged one has no facts."""
    header = head.header
    return rows.Model(
        model_sha256=file.sha256 or "",
        host_id=host.host_id,
        seen_at=datetime.now(UTC),
        model=cell.model.name,
        quant=cell.quant,
        path=file.path,
        size_bytes=file.size_bytes or 0,
        architecture=header.architecture if header else None,
        facts=header.facts_json() if header else None,
        shape_digest=head.shape.digest if head.shape else None,
    )
