"""KV caches that the warehouse has seen of a model, beside those that are computed."""

from collections.abc import Mapping

from warehouse.storage import Place, is_warehouse

_SQL = """
WITH files AS (
    SELECT DISTINCT model_sha256 FROM models WHERE shape_digest = '{digest}'
),
servers AS (
    SELECT
        server_id,
        any_value(cache_k) AS cache_k,
        any_value(cache_v) AS cache_v
    FROM planned_cells
    WHERE
        model_sha256 IN (SELECT model_sha256 FROM files)
        AND json_extract(server_config, '$.engine.parallel')::INTEGER = 1
    GROUP BY server_id
),
launched AS (
    SELECT m.launch_id, s.cache_k, s.cache_v, m.context, sum(m.mib) AS mib
    FROM launch_memory AS m
    JOIN servers AS s ON s.server_id = m.server_id
    WHERE m.part = 'kv' AND m.source = 'log' AND m.context IS NOT NULL
    GROUP BY ALL
)
SELECT cache_k, cache_v, context, median(mib) AS mib FROM launched GROUP BY ALL
"""

MeasuredKv = Mapping[tuple[str, str, int], float]
"""MiB by cache types of K and V and context, tokens; one slot."""


def read_measured_kv(place: Place, shape_digest: str) -> MeasuredKv:
    """Of all files of this shape; nothing where there is no warehouse.

    Raises:
        WarehouseError: the warehouse holds a file that cannot be read.
    """
    if not is_warehouse(place):
        return {}
    # DuckDB and Arrow take a third of a second to load, and most headers are looked at without
    from warehouse.connection import connect

    with connect(place) as connection:
        rows = connection.query(_SQL.format(digest=shape_digest)).to_pylist()
    return {(row["cache_k"], row["cache_v"], row["context"]): row["mib"] for row in rows}
