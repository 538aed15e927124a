"""What this host has for a sweep: hardware, engines, model files. Looks, changes nothing."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import psutil

from warehouse.errors import EngineError, ModelError
from warehouse.rows import Host, SeenDevice, SeenEngine
from workers.contract import ModelFile
from workers.engine.build import EngineBuild, probe
from workers.engine.config import EngineConfig
from workers.gpu import MIB, Nvml
from workers.inventory import inspect_host
from workers.models.config import ModelConfig
from workers.models.hashing import file_sha256
from workers.models.header import quant_of_file, read_header
from workers.models.shape import ModelShape, model_shape
from workers.models.store import ModelStore

EngineKey = tuple[str, tuple[tuple[str, str], ...]]
"""`EngineConfig.probe_key`"""


@dataclass(frozen=True, slots=True)
class WantedModel:
    """A model file that a sweep names."""

    model: ModelConfig
    quant: str | None
    """None: what the header says."""


@dataclass(frozen=True, slots=True)
class LookRequest:
    """What to look for on a host."""

    host_id: str
    model_store: str | None
    """Folder of fetched model files; None is herd's data folder (XDG) of that host."""
    engines: tuple[EngineConfig, ...]
    models: tuple[WantedModel, ...]


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A model file as it lies, or would lie, on a host."""

    quant: str
    file: ModelFile
    missing: str | None
    """Why it cannot be used; None if it is there."""
    unread: str | None = None
    """Why its header allows no prediction."""
    architecture: str | None = None
    facts: str | None = None
    """`GgufHeader.facts_json`"""
    shape: ModelShape | None = None


@dataclass(frozen=True, slots=True)
class HostReport:
    """What a host has of what was looked for."""

    host: Host
    engines: tuple[tuple[EngineKey, EngineBuild | None], ...]
    """None: not usable on this host."""
    models: tuple[FoundModel, ...]
    """In the order of the request."""
    free_ram_mib: float
    told_at: datetime
    """When this was said, by the host's clock, UTC."""


def look(request: LookRequest, nvml: Nvml | None = None) -> HostReport:
    """Look at this host; reads each model file once in its life, to hash it."""
    folder = request.model_store
    store = ModelStore(Path(folder).expanduser() if folder else None)
    host, engines = look_at_host(request.host_id, request.engines, nvml or Nvml())
    return HostReport(
        host=host,
        engines=tuple(engines.items()),
        models=tuple(_found(store, wanted) for wanted in request.models),
        free_ram_mib=psutil.virtual_memory().available / MIB,
        told_at=datetime.now(UTC),
    )


def look_at_host(
    host_id: str, configs: Iterable[EngineConfig], nvml: Nvml
) -> tuple[Host, dict[EngineKey, EngineBuild | None]]:
    """This host's row, and what these engines are on it; None: not usable."""
    engines = _engines(configs)
    host = replace(
        inspect_host(host_id, nvml),
        engines=tuple(_seen(key, build) for key, build in engines.items()),
        free_ram_mib=psutil.virtual_memory().available / MIB,
    )
    return host, engines


def engine_key(key: EngineKey) -> str:
    """The key of an engine as rows have it."""
    return json.dumps(key)


def _seen(key: EngineKey, build: EngineBuild | None) -> SeenEngine:
    if build is None:
        return SeenEngine(engine_key(key), None, None, None, ())
    devices = tuple(SeenDevice(**asdict(device)) for device in build.devices)
    return SeenEngine(engine_key(key), str(build.path), build.sha256, build.text, devices)


def _engines(configs: Iterable[EngineConfig]) -> dict[EngineKey, EngineBuild | None]:
    engines: dict[EngineKey, EngineBuild | None] = {}
    for config in configs:
        if config.probe_key not in engines:
            try:
                engines[config.probe_key] = probe(config.binary, config.env)
            except EngineError:
                engines[config.probe_key] = None
    return engines


def _found(store: ModelStore, wanted: WantedModel) -> FoundModel:
    model = wanted.model
    own = Path(model.path).expanduser() if model.path else None
    quant = wanted.quant or (quant_of_file(own) if own else "")
    path = store.path(model, quant).resolve()
    try:
        file = ModelFile(str(path), file_sha256(path, store.memo), path.stat().st_size)
    except ModelError as error:
        listed = model.files.get(quant)
        size_bytes = listed.size_bytes if listed else None
        return FoundModel(quant, ModelFile(str(path), None, size_bytes), str(error))
    header = shape = unread = None
    try:
        header = read_header(path)
        shape = model_shape(header)
    except ModelError as error:
        unread = str(error)
    return FoundModel(
        quant=quant,
        file=file,
        missing=None,
        unread=unread,
        architecture=header.architecture if header else None,
        facts=header.facts_json() if header else None,
        shape=shape,
    )
