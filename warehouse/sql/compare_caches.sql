-- One row per measured pair of KV cache types of what was otherwise measured alike: same model, quant,
-- context, pairing and split, engine with its build and flags, hardware class, and workload with its
-- config. Baseline of the ratios: the fastest pair of the group (1 is the fastest), of kv_pct the
-- largest cache. Groups of one pair are left out. A ratio is no verdict: see the spreads.
-- comparison: number of the group
-- caches: pairs of cache types in the group
-- tg_ratio: generation speed against the fastest generation in the group
-- pp_ratio: prompt speed against the fastest prompt processing in the group
-- kv_mib: KV cache on all devices together, in the cell's launch
-- kv_pct: of it, percent of the largest in the group
-- gpu_mib: memory on all GPUs together, in the cell's launch; null without GPUs
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
            model, quant, model_sha256, context, pairing, split, split_mode, engine, engine_build,
            engine_sha256, json_extract(server_config, '$.engine')::VARCHAR, hardware_class, workload,
            workload_config
        ) AS key
    FROM speed
),
counted AS (
    SELECT
        key,
        count(DISTINCT (cache_k, cache_v)) AS caches,
        row_number() OVER (ORDER BY min(model), min(quant), min(context), key) AS comparison
    FROM keyed
    GROUP BY key
    HAVING count(DISTINCT (cache_k, cache_v)) > 1
)
SELECT
    c.comparison, g.model, g.quant, g.context, g.pairing, g.split, g.split_mode,
    g.engine, g.engine_build, g.hardware_class, g.other_axes, g.cache_k, g.cache_v, g.tg_tok_s, g.tg_spread_pct,
    g.tg_tok_s / max(g.tg_tok_s) OVER w AS tg_ratio,
    g.pp_prompt_n, g.pp_tok_s, g.pp_spread_pct,
    g.pp_tok_s / max(g.pp_tok_s) OVER w AS pp_ratio,
    g.ttft_ms,
    m.kv_mib,
    100 * m.kv_mib / max(m.kv_mib) OVER w AS kv_pct,
    m.gpu_mib,
    g.tg_trials, g.trials_dropped, c.caches, g.cell_id, g.source
FROM keyed AS g
JOIN counted AS c ON c.key = g.key
LEFT JOIN launch_totals AS m ON m.launch_id = g.launch_id
WINDOW w AS (PARTITION BY c.comparison)
ORDER BY c.comparison, tg_ratio DESC
