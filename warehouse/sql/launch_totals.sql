-- One row per launch that came up or was imported: its memory in all, of each device what NVML saw
-- over idle (imported: its total), else the sum of the buffers in the server's log.
-- gpu_mib: memory on all GPUs together; null without GPUs
-- host_mib: buffers in the host's memory
-- kv_mib: KV cache on all devices together
-- launch_source: measured, or what the launch was imported from
WITH devices AS (
    SELECT
        launch_id,
        device,
        launch_source,
        max(mib) FILTER (part = 'total') AS total_mib,
        sum(mib) FILTER (source = 'log') AS log_mib,
        sum(mib) FILTER (part = 'kv') AS kv_mib
    FROM launch_memory
    GROUP BY launch_id, device, launch_source
)
SELECT
    launch_id,
    sum(coalesce(total_mib, log_mib)) FILTER (device <> 'Host') AS gpu_mib,
    sum(coalesce(total_mib, log_mib)) FILTER (device = 'Host') AS host_mib,
    sum(kv_mib) AS kv_mib,
    launch_source
FROM devices
GROUP BY launch_id, launch_source
