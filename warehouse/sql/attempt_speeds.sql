-- One row per attempt at a cell with valid trials at an empty cache, whatever its workload and
-- status. Spreads are robust: 100 * 1.4826 * median absolute deviation / median. A compaction keeps
-- these rows beside the trials (docs/warehouse.md): they are what the trials give.
-- tg_tok_s: generation speed at an empty cache: median over the trials
-- tg_spread_pct: spread of it over the trials
-- tg_trials: valid trials of it; null if there is none
-- pp_tok_s: prompt speed of the largest prompt at an empty cache: median over the trials
-- pp_prompt_n: size of that prompt
-- pp_spread_pct: spread of its speed over the trials
-- ttft_ms: median time from sending that prompt to its first token, by the client
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
    GROUP BY cell_id, attempt
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
    cell_id, attempt, tg.tg_tok_s, tg.tg_spread_pct, tg.tg_trials, pp.pp_tok_s, pp.pp_prompt_n,
    pp.pp_spread_pct, pp.ttft_ms
FROM tg
FULL JOIN pp USING (cell_id, attempt)
