-- One row per server configuration, stress (parallel sessions, tokens of filler), level and tool: how its
-- calls went in the runs that count (see the view agents), of the latest ok attempts.
-- tool: the tool; null for malformed calls that name none
-- calls: its calls
-- malformed_pct: of them, those that are no call
-- invalid_arguments_pct: of them, those whose arguments the tool's schema refuses
-- failed_pct: of them, those that the tool answered with an error
-- repeated_pct: of them, those equal to an earlier one with the same result
-- recovered_pct: of the wrong ones of the three, those after which the call came right
-- call_p50_ms: time of a call, median
-- calls_dropped: calls of runs that do not count
WITH tried AS (
    SELECT
        c.server_id, c.model, c.quant, c.context, c.cache_k, c.cache_v, c.pairing, c.engine_build,
        c.hardware_class, c.source, r.suite, r.sessions, r.filler_depth, r.level, t.tool, t.malformed,
        t.invalid_arguments, t.error, t.repeats, t.recovered_by,
        coalesce(t.malformed, t.invalid_arguments, t.error) IS NOT NULL AS wrong,
        epoch_us(t.ended_at) - epoch_us(t.started_at) AS us,
        r.valid AND r.outcome IN ('success', 'failure') AS counts
    FROM latest_cells AS c
    JOIN agent_runs AS r ON r.cell_id = c.cell_id AND r.attempt = c.attempt
    JOIN tool_calls AS t ON t.cell_id = r.cell_id AND t.attempt = r.attempt AND t.run = r.run
)
SELECT
    server_id, model, quant, context, cache_k, cache_v, pairing, engine_build, hardware_class, suite,
    sessions, filler_depth, level, tool,
    count(*) FILTER (counts) AS calls,
    100 * count(malformed) FILTER (counts) / count(*) FILTER (counts) AS malformed_pct,
    100 * count(invalid_arguments) FILTER (counts) / count(*) FILTER (counts) AS invalid_arguments_pct,
    100 * count(error) FILTER (counts) / count(*) FILTER (counts) AS failed_pct,
    100 * count(repeats) FILTER (counts) / count(*) FILTER (counts) AS repeated_pct,
    100 * count(recovered_by) FILTER (counts)
        / nullif(count(*) FILTER (counts AND wrong), 0) AS recovered_pct,
    median(us) FILTER (counts) / 1000 AS call_p50_ms,
    count(*) FILTER (NOT counts) AS calls_dropped,
    source
FROM tried
GROUP BY
    server_id, model, quant, context, cache_k, cache_v, pairing, engine_build, hardware_class, suite, sessions,
    filler_depth, level, tool, source
HAVING bool_or(counts)
ORDER BY model, quant, context, cache_k, cache_v, server_id, suite, sessions, filler_depth, level, tool
