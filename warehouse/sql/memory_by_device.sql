-- One row per server configuration, device, part and source: memory of its latest launch that came
-- up.
-- device: device as the engine names it; all buffers in the host's memory are Host
-- part: part of the memory
-- source: where the figure is from (log, breakdown, nvml or psutil)
-- mib: measured memory, summed over the device's buffers
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
)
SELECT
    v.server_id, v.model, v.quant, v.context, v.cache_k, v.cache_v, v.pairing, v.hardware_class,
    m.launch_id,
    m.host_id,
    m.device,
    m.part,
    m.source,
    m.mib
FROM launch_memory AS m
JOIN latest_launches AS l ON l.launch_id = m.launch_id
JOIN servers AS v ON v.server_id = m.server_id
ORDER BY v.model, v.quant, v.context, v.cache_k, v.cache_v, v.server_id, 11, 12, 13
