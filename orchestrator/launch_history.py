"""What the warehouse knows of the memory of earlier launches, for predictions."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.identity import engine_of
from orchestrator.memory.compute import MeasuredLaunch
from orchestrator.memory.server import ServerShape, server_shape
from orchestrator.memory.weights import weights
from orchestrator.placement import Resolved
from warehouse.connection import Connection
from workers.models.shape import ModelShape

_SQL = """
WITH servers AS (
    SELECT
        server_id,
        any_value(server_config) AS server_config,
        any_value(model_sha256) AS model_sha256
    FROM planned_cells
    GROUP BY server_id
),
digests AS (
    SELECT model_sha256, max(shape_digest) AS shape_digest FROM models GROUP BY model_sha256
)
SELECT
    m.launch_id,
    m.devices,
    m.context,
    s.server_config,
    s.model_sha256,
    d.shape_digest,
    list(struct_pack(device := m.device, part := m.part, source := m.source, mib := m.mib)) AS parts
FROM launch_memory AS m
JOIN servers AS s ON s.server_id = m.server_id
LEFT JOIN digests AS d ON d.model_sha256 = s.model_sha256
WHERE m.context IS NOT NULL
GROUP BY ALL
ORDER BY m.launch_id
"""

_RESOLVED_SQL = """
SELECT p.unresolved_id, json_extract(p.server_config, '$.engine.n_cpu_moe')::INTEGER AS n_cpu_moe
FROM planned_cells AS p
JOIN sweeps AS s ON s.sweep_id = p.sweep_id
WHERE
    p.unresolved_id IS NOT NULL
    AND p.decision <> 'pruned'
    AND p.server_id NOT IN (SELECT server_id FROM cells WHERE failure_class LIKE 'oom%')
QUALIFY row_number() OVER (PARTITION BY p.unresolved_id ORDER BY s.started_at DESC) = 1
"""


def read_launches(
    connection: Connection, shapes: Iterable[tuple[str, ModelShape]]
) -> tuple[MeasuredLaunch, ...]:
    """Every launch that came up and whose model's shape is known.

    Args:
        connection: to the warehouse.
        shapes: of model files that are at hand, by sha256.

    Raises:
        WarehouseError: the warehouse holds a file that cannot be read.
    """
    known = dict(shapes)
    found = (_measured(row, known) for row in connection.query(_SQL).to_pylist())
    return tuple(launch for launch in found if launch is not None)


def read_resolved(connection: Connection) -> Resolved:
    """What earlier plans took for `n_cpu_moe=auto`, unless it then ran out of memory.

    Raises:
        WarehouseError: the warehouse holds a file that cannot be read.
    """
    rows = connection.query(_RESOLVED_SQL).to_pylist()
    return {row["unresolved_id"]: row["n_cpu_moe"] or 0 for row in rows}


def _measured(row: Mapping[str, Any], known: Mapping[str, ModelShape]) -> MeasuredLaunch | None:
    config = json.loads(row["server_config"])
    server = _server({**config, "context": row["context"]}, tuple(row["devices"]))
    shape = known.get(row["model_sha256"])
    digest = shape.digest if shape else row["shape_digest"]
    moved = weights(shape, server).moved if shape else 0
    if digest is None or (shape is None and (server.n_cpu_moe or server.overrides)):
        return None  # which tensors lay on the host is not known
    seen = _seen(row["parts"])
    return MeasuredLaunch(
        digest=digest,
        engine_build=config["engine_sha256"],
        hardware_class=config["hardware_class"],
        server=server,
        moved=moved,
        compute_mib=seen.part("compute"),
        overhead_mib=seen.overhead(),
    )


def _server(config: Mapping[str, Any], devices: tuple[str, ...]) -> ServerShape:
    cache_k, cache_v = config["cache"]
    return server_shape(
        engine_of(config["engine"]),
        context=config["context"],
        cache_k=cache_k,
        cache_v=cache_v,
        devices=devices,
        split=tuple(config["tensor_split"]),
    )


@dataclass(slots=True)
class _Seen:
    """What was seen of a launch's memory, MiB by device."""

    logged: defaultdict[str, dict[str, float]]
    """Buffers by device and part."""
    totals: dict[str, float]
    """All that a device held: NVML over idle, resident set of the process."""
    unaccounted: dict[str, float]
    """Of the breakdown: with what other processes held."""

    def part(self, name: str) -> dict[str, float]:
        """A part of the buffers, by device."""
        return {device: parts[name] for device, parts in self.logged.items() if name in parts}

    def overhead(self) -> dict[str, float]:
        """What a device held beyond its buffers; not below 0: mapped pages may not be resident."""
        beyond = {
            device: max(0.0, self.totals[device] - sum(parts.values()) + parts.get("output", 0.0))
            for device, parts in self.logged.items()
            if device in self.totals
        }
        return {**self.unaccounted, **beyond}


def _seen(parts: Iterable[Mapping[str, Any]]) -> _Seen:
    seen = _Seen(defaultdict(dict), {}, {})
    for part in parts:
        device = part["device"]
        match part["source"], part["part"]:
            case "log", name:
                seen.logged[device][name] = part["mib"]
            case "nvml" | "psutil", _:
                seen.totals[device] = part["mib"]
            case "breakdown", "unaccounted":
                seen.unaccounted[device] = part["mib"]
    return seen
