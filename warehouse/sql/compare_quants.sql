-- One row per measured quant of what was otherwise measured alike: same model, context, caches,
-- pairing and split, engine with its build and flags, hardware class, and workload with its config.
-- Baseline of the ratios: the fastest quant of the group (1 is the fastest). Groups of one quant
-- are left out. A ratio is no verdict: see the spreads, and measure several launches.
-- comparison: number of the group
-- quants: quants in the group
-- tg_ratio: generation speed against the fastest generation in the group
-- pp_ratio: prompt speed against the fastest prompt processing in the group
-- file_mib: size of the model file
-- tg_tok_s: generation speed at an empty cache: median over the valid trials
-- tg_spread_pct: spread of it over the trials, robust (see the view speed)
-- tg_trials: valid trials of it
-- pp_tok_s: prompt speed of the largest prompt at an empty cache: median over the valid trials
-- pp_prompt_n: size of that prompt
-- pp_spread_pct: spread of its speed over the trials
-- ttft_ms: median time from sending that prompt to its first token, by the client
-- trials_dropped: trials of the cell that are marked invalid
WITH keyed AS (
    SELECT
        *,
        hash(
            model, context, cache_k, cache_v, pairing, split, split_mode, engine, engine_build,
            engine_sha256, json_extract(server_config, '$.engine')::VARCHAR, hardware_class, workload,
            workload_config
        ) AS key
    FROM speed
),
counted AS (
    SELECT
        key,
        count(DISTINCT quant) AS quants,
        row_number() OVER (ORDER BY min(model), min(context), key) AS comparison
    FROM keyed
    GROUP BY key
    HAVING count(DISTINCT quant) > 1
),
files AS (
    SELECT model_sha256, any_value(size_bytes) / 1048576 AS file_mib FROM models GROUP BY model_sha256
)
SELECT
    c.comparison, g.model, g.context, g.cache_k, g.cache_v, g.pairing, g.split, g.split_mode,
    g.engine, g.engine_build, g.hardware_class, g.other_axes, g.quant, g.tg_tok_s, g.tg_spread_pct,
    g.tg_tok_s / max(g.tg_tok_s) OVER w AS tg_ratio,
    g.pp_prompt_n, g.pp_tok_s, g.pp_spread_pct,
    g.pp_tok_s / max(g.pp_tok_s) OVER w AS pp_ratio,
    g.ttft_ms, f.file_mib, g.tg_trials, g.trials_dropped, c.quants, g.cell_id, g.source
FROM keyed AS g
JOIN counted AS c ON c.key = g.key
LEFT JOIN files AS f ON f.model_sha256 = g.model_sha256
WINDOW w AS (PARTITION BY c.comparison)
ORDER BY c.comparison, tg_ratio DESC
