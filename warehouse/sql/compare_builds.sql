-- One row per measured engine build of what was otherwise measured alike: same model, quant, context,
-- caches, pairing and split, flags of the engine, hardware class, and workload with its config; the
-- oldest build of each group first (see the view builds). Baseline of the ratios: the fastest build of
-- the group (1 is the fastest). Groups of one build are left out. A ratio is no verdict: see the spreads,
-- and `herd compare --by engine_build`.
-- comparison: number of the group
-- builds: builds in the group
-- engine: name of the engine configuration
-- build_number: llama.cpp's number of the build; null where it has none (see the view builds)
-- build_date: day of the build by its config
-- build_order: position among all builds, from 1 for the oldest
-- tg_ratio: generation speed against the fastest generation in the group
-- tg_change_pct: generation speed against the build before it in the group, percent
-- pp_ratio: prompt speed against the fastest prompt processing in the group
-- pp_change_pct: prompt speed against the build before it in the group, percent
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
        coalesce(engine_sha256, engine_build) AS build,
        hash(
            model, quant, model_sha256, context, cache_k, cache_v, pairing, split, split_mode,
            json_extract(server_config, '$.engine')::VARCHAR, hardware_class, workload, workload_config
        ) AS key
    FROM speed
),
counted AS (
    SELECT
        key,
        count(DISTINCT build) AS builds,
        row_number() OVER (ORDER BY min(model), min(quant), min(context), key) AS comparison
    FROM keyed
    GROUP BY key
    HAVING count(DISTINCT build) > 1
)
SELECT
    c.comparison, g.model, g.quant, g.context, g.cache_k, g.cache_v, g.pairing, g.split, g.split_mode,
    g.hardware_class, g.engine, g.engine_build, b.build_number, b.build_date, b.build_order,
    g.tg_tok_s, g.tg_spread_pct,
    g.tg_tok_s / max(g.tg_tok_s) OVER w AS tg_ratio,
    100 * (g.tg_tok_s / lag(g.tg_tok_s) OVER aged - 1) AS tg_change_pct,
    g.pp_prompt_n, g.pp_tok_s, g.pp_spread_pct,
    g.pp_tok_s / max(g.pp_tok_s) OVER w AS pp_ratio,
    100 * (g.pp_tok_s / lag(g.pp_tok_s) OVER aged - 1) AS pp_change_pct,
    g.ttft_ms, g.tg_trials, g.trials_dropped, c.builds, g.engine_sha256, g.cell_id, g.source
FROM keyed AS g
JOIN counted AS c ON c.key = g.key
JOIN builds AS b ON b.build = g.build
WINDOW
    w AS (PARTITION BY c.comparison),
    aged AS (PARTITION BY c.comparison ORDER BY b.build_order, g.cell_id)
ORDER BY c.comparison, b.build_order, g.cell_id
