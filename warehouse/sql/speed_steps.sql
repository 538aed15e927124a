-- One row per measured cell and step (a prompt size, or a generation, at a depth): median and
-- spread over the valid repetitions of its latest ok attempt.
-- tok_s: median speed of the step: prompt speed for pp, generation speed for tg
-- spread_pct: robust spread of it: 100 * 1.4826 * median absolute deviation / median
-- tok_s_min [tok/s]: slowest valid repetition
-- tok_s_max [tok/s]: fastest valid repetition
-- ttft_ms: median time from request sent to first token, by the client
-- inter_token_p50_ms: median over the repetitions of the median time between tokens
-- trials: valid repetitions
-- outliers: of the trials, those that lie far from the others; they count all the same
-- trials_dropped: repetitions marked invalid, not counted here
WITH steps AS (
    SELECT
        cell_id,
        attempt,
        step,
        kind,
        depth,
        prompt_n_asked,
        predicted_n_asked,
        median(speed_tok_s) FILTER (valid) AS tok_s,
        100 * 1.4826 * mad(speed_tok_s) FILTER (valid) / tok_s AS spread_pct,
        min(speed_tok_s) FILTER (valid) AS tok_s_min,
        max(speed_tok_s) FILTER (valid) AS tok_s_max,
        median(ttft_ms) FILTER (valid) AS ttft_ms,
        median(inter_token_p50_ms) FILTER (valid) AS inter_token_p50_ms,
        count(*) FILTER (valid) AS trials,
        count(*) FILTER (valid AND outlier) AS outliers,
        count(*) FILTER (NOT valid) AS trials_dropped
    FROM (SELECT *, CASE kind WHEN 'pp' THEN pp_tok_s ELSE tg_tok_s END AS speed_tok_s FROM trials)
    GROUP BY ALL
)
SELECT
    c.cell_id, c.attempt, c.model, c.quant, c.context, c.cache_k, c.cache_v, c.pairing, c.workload,
    c.hardware_class, c.host_id, s.* EXCLUDE (cell_id, attempt), c.source
FROM latest_cells AS c
JOIN steps AS s ON s.cell_id = c.cell_id AND s.attempt = c.attempt
ORDER BY c.model, c.quant, c.context, c.cache_k, c.cache_v, s.kind, s.depth, s.prompt_n_asked
