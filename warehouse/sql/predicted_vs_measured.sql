-- One row per launch that came up, device and part of its memory: what the plan of its sweep
-- predicted, and what was measured. Launches of max_context at other contexts are left out.
-- architecture: general.architecture of the model's header
-- device: device as the engine names it, or Host
-- part: weights, kv, recurrent, compute, overhead or total
-- basis: what the prediction rests on (exact, history or estimate); of total the weakest
-- predicted_mib: predicted memory
-- measured_mib: buffers by log; total by NVML over idle or resident set; overhead is the difference
-- error_mib: predicted minus measured
-- error_pct [%]: of the measured
WITH parts AS MATERIALIZED (
    -- Once: reading many small files is what a query costs.
    SELECT * REPLACE (CASE part WHEN 'model' THEN 'weights' ELSE part END AS part)
    FROM launch_memory
),
totals AS (
    SELECT launch_id, device, mib
    FROM parts
    WHERE (source = 'nvml' AND part = 'total') OR (source = 'psutil' AND part = 'rss')
),
buffers AS (
    SELECT launch_id, device, sum(mib) AS mib
    FROM parts
    WHERE source = 'log' AND part <> 'output'
    GROUP BY ALL
),
started AS (
    SELECT DISTINCT
        launch_id, server_id, sweep_id, host_id, engine_build, started_at, context
    FROM parts
),
measured AS (
    SELECT launch_id, device, part, mib FROM parts WHERE source = 'log' AND part <> 'output'
    UNION ALL
    SELECT launch_id, device, 'total', mib FROM totals
    UNION ALL
    SELECT t.launch_id, t.device, 'overhead', greatest(0, t.mib - b.mib)
    FROM totals AS t
    JOIN buffers AS b ON b.launch_id = t.launch_id AND b.device = t.device
),
predicted AS (
    SELECT sweep_id, server_id, device, part, mib, basis FROM predicted_memory
    UNION ALL
    SELECT
        sweep_id,
        server_id,
        device,
        'total',
        sum(mib),
        CASE WHEN bool_or(basis = 'estimate') THEN 'estimate'
            WHEN bool_or(basis = 'history') THEN 'history'
            ELSE 'exact' END
    FROM predicted_memory
    GROUP BY ALL
),
files AS (
    SELECT model_sha256, any_value(architecture) AS architecture FROM models GROUP BY ALL
)
SELECT
    l.launch_id, l.server_id, f.architecture, v.model, v.quant, v.context, v.cache_k, v.cache_v,
    v.pairing, v.hardware_class, l.host_id, l.engine_build,
    p.device,
    p.part,
    p.basis,
    p.mib AS predicted_mib,
    m.mib AS measured_mib,
    p.mib - m.mib AS error_mib,
    100 * (p.mib - m.mib) / nullif(m.mib, 0) AS error_pct
FROM started AS l
JOIN servers AS v ON v.server_id = l.server_id
JOIN predicted AS p ON p.server_id = l.server_id AND p.sweep_id = l.sweep_id
JOIN measured AS m ON m.launch_id = l.launch_id AND m.device = p.device AND m.part = p.part
LEFT JOIN files AS f ON f.model_sha256 = v.model_sha256
WHERE l.context = v.context
ORDER BY l.started_at, l.launch_id, p.device, p.part
