-- One row per measured depth of a depth curve (the workload depth_curve, its latest ok attempt):
-- speed with so many tokens in the cache, against the same server with an empty one. Only valid
-- trials count. Without a valid trial at depth 0 there is no baseline, and the percents are null.
-- depth: tokens in the cache before the measured ones, as asked for and proven by cache_n
-- fill_pct: depth, percent of the context (of the slot's, where the server caps it)
-- tg_tok_s: generation speed: median over the valid trials
-- tg_pct: generation speed, percent of that at an empty cache
-- tg_spread_pct: robust spread of it: 100 * 1.4826 * median absolute deviation / median
-- pp_tok_s: prompt speed: median over the valid trials
-- pp_pct: prompt speed, percent of that at an empty cache
-- pp_spread_pct: robust spread of it
-- pp_prompt_n: prompt tokens that it is measured with
-- tg_drift_pct: at the first depth, where depths ascend: generation speed measured once more at the end against that median, percent
-- trials: valid trials at this depth
-- trials_dropped: trials at this depth that are marked invalid
-- interleaved: repetitions ran over all depths in turn; else at each depth in place, ascending
WITH timed AS (
    SELECT
        cell_id, attempt, kind, depth, valid, prompt_n_asked, step LIKE '%-again' AS again,
        CASE kind WHEN 'pp' THEN pp_tok_s ELSE tg_tok_s END AS tok_s
    FROM trials
),
depths AS (
    SELECT
        cell_id,
        attempt,
        depth,
        median(tok_s) FILTER (valid AND kind = 'tg' AND NOT again) AS tg_tok_s,
        mad(tok_s) FILTER (valid AND kind = 'tg' AND NOT again) AS tg_mad,
        median(tok_s) FILTER (valid AND kind = 'pp' AND NOT again) AS pp_tok_s,
        mad(tok_s) FILTER (valid AND kind = 'pp' AND NOT again) AS pp_mad,
        max(prompt_n_asked) FILTER (kind = 'pp') AS pp_prompt_n,
        median(tok_s) FILTER (valid AND kind = 'tg' AND again) AS tg_again,
        count(*) FILTER (valid) AS trials,
        count(*) FILTER (NOT valid) AS trials_dropped
    FROM timed
    GROUP BY cell_id, attempt, depth
)
SELECT
    c.cell_id, c.model, c.quant, c.context, c.cache_k, c.cache_v, c.pairing, c.split, c.split_mode,
    c.engine, c.engine_build, c.hardware_class, c.host_id, c.other_axes, d.depth,
    100 * d.depth / coalesce(c.slot_context, c.context) AS fill_pct,
    d.tg_tok_s,
    100 * d.tg_tok_s / b.tg_tok_s AS tg_pct,
    100 * 1.4826 * d.tg_mad / d.tg_tok_s AS tg_spread_pct,
    d.pp_tok_s,
    100 * d.pp_tok_s / b.pp_tok_s AS pp_pct,
    100 * 1.4826 * d.pp_mad / d.pp_tok_s AS pp_spread_pct,
    d.pp_prompt_n,
    100 * (d.tg_again / d.tg_tok_s - 1) AS tg_drift_pct,
    d.trials,
    d.trials_dropped,
    r.interleaved,
    c.source
FROM latest_cells AS c
JOIN depths AS d ON d.cell_id = c.cell_id AND d.attempt = c.attempt
LEFT JOIN depths AS b ON b.cell_id = c.cell_id AND b.attempt = c.attempt AND b.depth = 0
LEFT JOIN depth_runs AS r ON r.cell_id = c.cell_id AND r.attempt = c.attempt
WHERE c.workload = 'depth_curve'
ORDER BY c.model, c.quant, c.context, c.cache_k, c.cache_v, c.hardware_class, c.cell_id, d.depth
