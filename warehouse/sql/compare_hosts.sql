-- One row per hardware class of what was otherwise measured alike: same model, quant, context,
-- caches, pairing and split, engine with its flags (but for threads; its build may differ and is
-- shown), and workload with its config. Baseline of the ratios: the fastest hardware class of the group (1 is the
-- fastest). Groups of one class are left out. A ratio is no verdict: see the spreads.
-- comparison: number of the group
-- hardware_classes: hardware classes in the group
-- tg_ratio: generation speed against the fastest generation in the group
-- pp_ratio: prompt speed against the fastest prompt processing in the group
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
            model, quant, model_sha256, context, cache_k, cache_v, pairing, split, split_mode,
            engine, json_merge_patch(
                json_extract(server_config, '$.engine'), '{"threads":null,"threads_batch":null}'
            )::VARCHAR,
            workload, workload_config
        ) AS key
    FROM speed
),
counted AS (
    SELECT
        key,
        count(DISTINCT hardware_class) AS hardware_classes,
        row_number() OVER (ORDER BY min(model), min(quant), min(context), key) AS comparison
    FROM keyed
    GROUP BY key
    HAVING count(DISTINCT hardware_class) > 1
)
SELECT
    c.comparison, g.model, g.quant, g.context, g.cache_k, g.cache_v, g.pairing, g.split, g.split_mode,
    g.engine, g.other_axes, g.hardware_class, g.host_id, g.engine_build, g.tg_tok_s, g.tg_spread_pct,
    g.tg_tok_s / max(g.tg_tok_s) OVER w AS tg_ratio,
    g.pp_prompt_n, g.pp_tok_s, g.pp_spread_pct,
    g.pp_tok_s / max(g.pp_tok_s) OVER w AS pp_ratio,
    g.ttft_ms, g.tg_trials, g.trials_dropped, c.hardware_classes, g.cell_id, g.source
FROM keyed AS g
JOIN counted AS c ON c.key = g.key
WINDOW w AS (PARTITION BY c.comparison)
ORDER BY c.comparison, tg_ratio DESC
