-- One row per server configuration, device, part and source: memory of its latest launch that came
-- up, beside the latest prediction. A prediction without a measured part is a row of its own.
-- device: device as the engine names it; all buffers in the host's memory are Host
-- part: part of the memory; weights and model are both called model here
-- source: where the measured figure is from (log, breakdown, nvml or psutil), else predicted
-- mib: measured memory, summed over the device's buffers
-- predicted_mib: predicted memory
-- error_mib: predicted minus measured
WITH servers AS (
    SELECT
        server_id,
        any_value(model) AS model,
        any_value(quant) AS quant,
        any_value(context) AS context,
        any_value(cache_k) AS cache_k,
        any_value(cache_v) AS cache_v,
        any_value(pairing) AS pairing,
        any_value(hardware_class) AS hardware_class
    FROM (SELECT * FROM planned_cells UNION ALL BY NAME SELECT * FROM cells)
    GROUP BY server_id
),
measured AS (
    SELECT
        l.server_id,
        l.launch_id,
        l.host_id,
        CASE WHEN m.device LIKE 'CPU%' OR m.device LIKE '%\_Host' ESCAPE '\' THEN 'Host'
            ELSE m.device END AS device,
        m.part,
        m.source,
        sum(m.mib) AS mib
    FROM latest_launches AS l
    JOIN memory AS m ON m.launch_id = l.launch_id
    GROUP BY ALL
),
predicted AS (
    SELECT
        p.server_id,
        p.device,
        CASE p.part WHEN 'weights' THEN 'model' ELSE p.part END AS part,
        p.mib
    FROM predicted_memory AS p
    JOIN sweeps AS s ON s.sweep_id = p.sweep_id
    QUALIFY rank() OVER (PARTITION BY p.server_id ORDER BY s.started_at DESC, s.sweep_id) = 1
)
SELECT
    v.server_id, v.model, v.quant, v.context, v.cache_k, v.cache_v, v.pairing, v.hardware_class,
    m.launch_id,
    m.host_id,
    coalesce(m.device, p.device) AS device,
    coalesce(m.part, p.part) AS part,
    coalesce(m.source, 'predicted') AS source,
    m.mib,
    p.mib AS predicted_mib,
    p.mib - m.mib AS error_mib
FROM measured AS m
FULL JOIN predicted AS p
    ON p.server_id = m.server_id AND p.device = m.device AND p.part = m.part
JOIN servers AS v ON v.server_id = coalesce(m.server_id, p.server_id)
ORDER BY v.model, v.quant, v.context, v.cache_k, v.cache_v, v.server_id, 11, 12, 13
