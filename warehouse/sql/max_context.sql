-- One row per cell of the workload max_context: its latest ok attempt, and the largest context that worked.
-- context_limit: largest context of the search, tokens
-- max_context: largest context that started and generated, tokens
-- fails_at: smallest context that was tried and failed, tokens; null if none did
-- starts: server starts that the answer took
-- failure_class: why the server at fails_at failed
SELECT
    c.cell_id, c.attempt, c.model, c.quant, c.cache_k, c.cache_v, c.pairing, c.engine_build,
    c.hardware_class, c.host_id,
    c.context AS context_limit,
    max(p.context) FILTER (WHERE p.generated) AS max_context,
    min(p.context) FILTER (WHERE NOT p.generated) AS fails_at,
    arg_min(p.failure_class, p.context) FILTER (WHERE NOT p.generated) AS failure_class,
    count(*) AS starts,
    c.source
FROM latest_cells AS c
INNER JOIN context_probes AS p ON p.cell_id = c.cell_id AND p.attempt = c.attempt
GROUP BY ALL
ORDER BY c.model, c.quant, c.cache_k, c.cache_v
