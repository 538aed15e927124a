-- One row per launch that came up, the latest first: how long its start took, and how much of the
-- model file lay in memory before. Compare loads of one load_state only.
-- load_state: cold (less than 5 % of the file in the page cache before), warm (more than 95 %), partly (between), unknown (the file is another user's, or the system does not tell)
-- file_mib: size of the model file
-- load_mib_s: file_mib over load_ms: the whole start, with what else the server does in it
-- page_cache_fraction: part of the model file in memory before
-- source: measured, or what it was imported from
WITH sizes AS (
    SELECT model_sha256, any_value(size_bytes) / 1048576 AS file_mib FROM models GROUP BY model_sha256
)
SELECT
    l.launch_id, l.started_at, s.model, s.quant, s.context, s.hardware_class, l.host_id, l.devices,
    CASE
        WHEN l.page_cache_fraction IS NULL THEN 'unknown'
        WHEN l.page_cache_fraction < 0.05 THEN 'cold'
        WHEN l.page_cache_fraction > 0.95 THEN 'warm'
        ELSE 'partly'
    END AS load_state,
    l.page_cache_fraction,
    l.load_ms,
    z.file_mib,
    z.file_mib / l.load_ms * 1000 AS load_mib_s,
    coalesce(l.source, 'measured') AS source
FROM launches AS l
LEFT JOIN servers AS s ON s.server_id = l.server_id
LEFT JOIN sizes AS z ON z.model_sha256 = s.model_sha256
WHERE l.load_ms IS NOT NULL
ORDER BY l.started_at DESC, l.launch_id
