"""What the warehouse knows of earlier cells, for forecasts."""

import json
from collections.abc import Mapping
from typing import Any

from orchestrator.measured import CellFacts, MeasuredCell, Setting, workload_tokens
from warehouse.canonical import canonical
from warehouse.connection import Connection

# Each table once: opening many small files is what a query costs. The views would read `cells`
# twice more, and know the speed of a cell's latest attempt only.
_SQL = """
WITH steps AS (
    SELECT cell_id, attempt, kind, prompt_n_asked, median(tg_tok_s) AS tg, median(pp_tok_s) AS pp
    FROM trials
    WHERE depth = 0 AND valid
    GROUP BY cell_id, attempt, kind, prompt_n_asked
),
speeds AS (
    SELECT
        cell_id,
        attempt,
        max(tg) FILTER (kind = 'tg') AS tg_tok_s,
        max_by(pp, prompt_n_asked) FILTER (kind = 'pp') AS pp_tok_s
    FROM steps
    GROUP BY cell_id, attempt
),
sizes AS (
    SELECT model_sha256, max(size_bytes) AS size_bytes FROM models GROUP BY model_sha256
)
SELECT
    c.cell_id, c.model, c.quant, z.size_bytes, c.context, c.cache_k, c.cache_v, c.server_config,
    c.workload, c.workload_config, s.tg_tok_s, s.pp_tok_s,
    epoch(c.ended_at) - epoch(c.started_at) AS seconds, l.load_ms
FROM cells AS c
LEFT JOIN speeds AS s ON s.cell_id = c.cell_id AND s.attempt = c.attempt
LEFT JOIN launches AS l ON l.launch_id = c.launch_id
LEFT JOIN sizes AS z ON z.model_sha256 = c.model_sha256
WHERE c.status = 'ok' AND c.source = 'measured'
ORDER BY c.cell_id, c.attempt
"""


def read_history(connection: Connection) -> tuple[MeasuredCell, ...]:
    """Every attempt that succeeded.

    Raises:
        WarehouseError: the warehouse holds a file that cannot be read.
    """
    return tuple(_measured(row) for row in connection.query(_SQL).to_pylist())


def _measured(row: Mapping[str, Any]) -> MeasuredCell:
    workload = workload_tokens(row["workload"], row["workload_config"], row["context"])
    facts = CellFacts(
        cell_id=row["cell_id"],
        model=row["model"],
        quant=row["quant"],
        size_bytes=row["size_bytes"],
        context=row["context"],
        cache_k=row["cache_k"],
        cache_v=row["cache_v"],
        setting=setting_of(row["server_config"]),
        workload=workload,
    )
    return MeasuredCell(facts, row["tg_tok_s"], row["pp_tok_s"], row["seconds"], row["load_ms"])


def setting_of(server_config: str) -> Setting:
    """The setting in what `identity.server_identity` hashed."""
    config = json.loads(server_config)
    return Setting(
        config["hardware_class"],
        tuple(config["devices"]),
        tuple(config["tensor_split"]),
        canonical(config["engine"]),
    )
