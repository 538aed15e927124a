-- One row per launch that came up or was imported, device, part and source: what was seen of its memory.
-- context: context that the server was started with, tokens: max_context tries others than its cell's
-- device: device as the engine names it; all buffers in the host's memory are Host
-- part: part of the memory
-- source: where the figure is from (log, breakdown, nvml or psutil; of an imported launch what its file says)
-- mib: measured memory, summed over the device's buffers
-- launch_source: measured, or what the launch was imported from
SELECT
    l.launch_id,
    l.server_id,
    l.sweep_id,
    l.host_id,
    l.devices,
    l.engine_build,
    l.started_at,
    CASE WHEN list_contains(l.command_line, '--ctx-size')
        THEN l.command_line[list_position(l.command_line, '--ctx-size') + 1]::INTEGER END AS context,
    CASE WHEN m.device LIKE 'CPU%' OR m.device LIKE '%\_Host' ESCAPE '\' THEN 'Host'
        ELSE m.device END AS device,
    m.part,
    m.source,
    sum(m.mib) AS mib,
    coalesce(l.source, 'measured') AS launch_source
FROM launches AS l
JOIN memory AS m ON m.launch_id = l.launch_id
WHERE l.load_ms IS NOT NULL OR l.source IS NOT NULL
GROUP BY ALL
ORDER BY l.started_at, l.launch_id, 9, 10, 11
