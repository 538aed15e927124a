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
WITH flat AS MATERIALIZED (
    -- Once: reading many small files is what a query costs.
    SELECT cell_id, attempt, kind, prompt_n_asked, tg_tok_s, pp_tok_s, ttft_ms
    FROM trials
    WHERE depth = 0 AND valid
),
tg AS (
    SELECT
        cell_id,
        attempt,
        median(tg_tok_s) AS tg_tok_s,
        100 * 1.4826 * mad(tg_tok_s) / median(tg_tok_s) AS tg_spread_pct,
        count(tg_tok_s) AS tg_trials
    FROM flat
    WHERE kind = 'tg'
    GROUP BY ALL
),
pp AS (
    SELECT
        cell_id,
        attempt,
        prompt_n_asked AS pp_prompt_n,
        median(pp_tok_s) AS pp_tok_s,
        100 * 1.4826 * mad(pp_tok_s) / median(pp_tok_s) AS pp_spread_pct,
        median(ttft_ms) AS ttft_ms
    FROM flat
    WHERE kind = 'pp'
    GROUP BY cell_id, attempt, prompt_n_asked
    QUALIFY row_number() OVER (PARTITION BY cell_id, attempt ORDER BY prompt_n_asked DESC) = 1
)
SELECT
    c.* EXCLUDE (status, failure_class, reason, started_at, ended_at, valid_trials, invalid_trials, schema_version),
    tg.tg_tok_s,
    tg.tg_spread_pct,
    coalesce(tg.tg_trials, 0) AS tg_trials,
    pp.pp_tok_s,
    pp.pp_prompt_n,
    pp.pp_spread_pct,
    pp.ttft_ms,
    c.invalid_trials AS trials_dropped,
    c.ended_at
FROM latest_cells AS c
LEFT JOIN tg ON tg.cell_id = c.cell_id AND tg.attempt = c.attempt
LEFT JOIN pp ON pp.cell_id = c.cell_id AND pp.attempt = c.attempt
WHERE c.workload IN ('speed', 'llama_bench')
ORDER BY c.model, c.quant, c.context, c.cache_k, c.cache_v, c.hardware_class, c.workload
