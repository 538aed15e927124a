-- One row per server configuration, device, part and source: memory of its latest launch that came
-- up and of whose memory something was seen.
-- device: device as the engine names it; all buffers in the host's memory are Host
-- part: part of the memory
-- source: where the figure is from (log, breakdown, nvml or psutil; of an imported launch what its file says)
-- mib: measured memory, summed over the device's buffers
-- launch_source: measured, or what the launch was imported from
SELECT
    v.server_id, v.model, v.quant, v.context, v.cache_k, v.cache_v, v.pairing, v.hardware_class,
    m.launch_id,
    m.host_id,
    m.device,
    m.part,
    m.source,
    m.mib,
    m.launch_source
FROM launch_memory AS m
JOIN servers AS v ON v.server_id = m.server_id
QUALIFY m.launch_id
    = first_value(m.launch_id) OVER (PARTITION BY m.server_id ORDER BY m.started_at DESC, m.launch_id)
ORDER BY v.model, v.quant, v.context, v.cache_k, v.cache_v, v.server_id, 11, 12, 13
