"""Hosts of the fleet as they were last seen: what `herd plan` knows of those that are not here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warehouse import rows
from warehouse.connection import Connection
from workers.contract import ModelFile
from workers.engine.build import EngineBuild, EngineDevice
from workers.look import EngineKey, FoundModel, HostReport, LookRequest, WantedModel, engine_key
from workers.models.header import UNKNOWN_QUANT

_HOSTS = """
SELECT * FROM hosts WHERE source IS NULL AND engines IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY host_id ORDER BY seen_at DESC) = 1"""
_ENGINES = """
SELECT host_id, engine, seen_at FROM (
    SELECT host_id, seen_at, unnest(engines) AS engine FROM hosts WHERE source IS NULL
)
QUALIFY row_number() OVER (PARTITION BY host_id, engine.key ORDER BY seen_at DESC) = 1"""
_MODELS = """
SELECT * FROM models WHERE source IS NULL
QUALIFY row_number() OVER (PARTITION BY host_id, model, quant, path ORDER BY seen_at DESC) = 1"""


UNSEEN = "no sweep into this warehouse has seen it yet"


@dataclass(frozen=True, slots=True)
class LastSeen:
    """What is known of hosts that are not here."""

    reports: tuple[HostReport, ...]
    unknown: Mapping[str, str]
    """Of the others: why nothing can be planned for them."""


def read_last_seen(
    connection: Connection, labels: Sequence[str], request: LookRequest, here: HostReport
) -> LastSeen:
    """Hosts as the latest sweep, or `herd node add`, saw them.

    Args:
        connection: of the warehouse.
        labels: of the hosts.
        request: what a sweep would look for on each.
        here: what this host has of it: a file that is the same there has the same shape.

    Raises:
        WarehouseError: the warehouse holds a file that cannot be read.
    """
    hosts = {row["host_id"]: row for row in connection.query(_HOSTS).to_pylist()}
    engines = connection.query(_ENGINES).to_pylist()
    models = connection.query(_MODELS).to_pylist()
    reports, unknown = [], {}
    for label in labels:
        if label not in hosts:
            unknown[label] = UNSEEN
            continue
        seen = {row["engine"]["key"]: row["engine"] for row in engines if row["host_id"] == label}
        known = _builds(seen, request, here)
        if isinstance(known, str):
            unknown[label] = known
            continue
        own = [row for row in models if row["host_id"] == label]
        found = tuple(_found(*each, own) for each in zip(request.models, here.models, strict=True))
        host = _host(hosts[label])
        reports.append(
            HostReport(host, known, found, host.free_ram_mib or 0.0, told_at=host.seen_at)
        )
    return LastSeen(tuple(reports), unknown)


def _host(row: Mapping[str, Any]) -> rows.Host:
    gpus = tuple(rows.Gpu(**gpu) for gpu in row["gpus"] or ())
    plain = {name: row[name] for name in _PLAIN}
    return rows.Host(**plain, gpus=gpus)


_PLAIN = tuple(rows.Host.__dataclass_fields__.keys() - {"TABLE", "gpus", "engines"})


def _builds(
    seen: Mapping[str, Mapping[str, Any]], request: LookRequest, here: HostReport
) -> tuple[tuple[EngineKey, EngineBuild | None], ...] | str:
    """The builds by key; or which one nobody has looked for."""
    builds = []
    flags = {build.sha256: build.known_flags for _, build in here.engines if build}
    for config in request.engines:
        row = seen.get(engine_key(config.probe_key))
        if row is None:
            return f"nobody has looked there for the engine {config.name} yet"
        builds.append((config.probe_key, _build(row, flags)))
    return tuple(builds)


def _build(row: Mapping[str, Any], flags: Mapping[str, frozenset[str]]) -> EngineBuild | None:
    """Of a build that is not at hand no flags are known."""
    if row["sha256"] is None:
        return None
    devices = tuple(EngineDevice(**device) for device in row["devices"] or ())
    known = flags.get(row["sha256"], frozenset())
    return EngineBuild(Path(row["path"]), row["sha256"], row["build"], known, devices)


def _found(wanted: WantedModel, here: FoundModel, own: Sequence[Mapping[str, Any]]) -> FoundModel:
    """A file as a host had it; what its header says is known if it is the one that is here."""
    fits = (
        row
        for row in own
        if row["model"] == wanted.model.name and wanted.quant in (None, row["quant"])
    )
    row = next(fits, None)
    if row is None:
        size_bytes = here.file.size_bytes if here.missing else None
        file = ModelFile(here.file.path, None, size_bytes)
        return FoundModel(wanted.quant or UNKNOWN_QUANT, file, "no sweep has seen it there")
    file = ModelFile(row["path"], row["model_sha256"] or None, row["size_bytes"])
    same = file.sha256 is not None and here.file.sha256 == file.sha256
    return FoundModel(
        quant=row["quant"] or UNKNOWN_QUANT,
        file=file,
        missing=None if file.sha256 else "its content was never read there",
        architecture=row["architecture"],
        facts=row["facts"],
        shape=here.shape if same else None,
    )
