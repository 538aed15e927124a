-- One row per cell whose workload measures speed at an empty cache (speed, llama_bench; a file of
-- llama-bench that was imported too): its latest ok attempt. Spreads are robust:
-- 100 * 1.4826 * median absolute deviation / median. Only valid trials count.
-- tg_tok_s: generation speed at an empty cache: median over the trials
-- tg_spread_pct: spread of it over the trials
-- tg_trials: valid trials of it
-- pp_tok_s: prompt speed of the largest prompt at an empty cache: median over the trials
-- pp_prompt_n: size of that prompt
-- pp_spread_pct: spread of its speed over the trials
-- ttft_ms: median time from sending that prompt to its first token, by the client
-- trials_dropped: trials of the cell that are marked invalid
-- ended_at: end of the attempt, UTC
SELECT
    c.* EXCLUDE (status, failure_class, reason, started_at, ended_at, valid_trials, invalid_trials, schema_version),
    s.tg_tok_s,
    s.tg_spread_pct,
    coalesce(s.tg_trials, 0) AS tg_trials,
    s.pp_tok_s,
    s.pp_prompt_n,
    s.pp_spread_pct,
    s.ttft_ms,
    c.invalid_trials AS trials_dropped,
    c.ended_at
FROM latest_cells AS c
LEFT JOIN attempt_speeds AS s ON s.cell_id = c.cell_id AND s.attempt = c.attempt
WHERE c.workload IN ('speed', 'llama_bench')
ORDER BY c.model, c.quant, c.context, c.cache_k, c.cache_v, c.hardware_class, c.workload
