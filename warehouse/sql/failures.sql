-- One row per failed attempt at a cell, the latest first, with what its server said.
-- command_line: exact command line of the server, one string
-- launch_status: how the launch itself ended (ok, failed or cancelled)
-- log_tail: end of the server's log
SELECT
    c.ended_at, c.cell_id, c.attempt, c.sweep_id, c.model, c.quant, c.context, c.cache_k, c.cache_v,
    c.pairing, c.workload, c.hardware_class, c.host_id, c.failure_class, c.reason, c.launch_id,
    l.status AS launch_status,
    l.exit_code,
    array_to_string(l.command_line, ' ') AS command_line,
    l.log_tail,
    l.log_path,
    c.source
FROM cells AS c
LEFT JOIN launches AS l ON l.launch_id = c.launch_id
WHERE c.status = 'failed'
ORDER BY c.ended_at DESC
