-- One row per hardware class of what was otherwise measured alike: same model, quant, context,
-- caches, pairing and split, engine with its flags (but for threads; its build may differ and is
-- shown), and workload with its config. Baseline of the ratios: the fastest hardware class of the group (1 is the
-- fastest). Groups of one class are left out. A ratio is no verdict: see the spreads.
-- comparison: name of the group, the same in every answer
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
            model_sha256, json_merge_patch(
                json_extract(server_config, '$.engine'), '{"threads":null,"threads_batch":null}'
            )::VARCHAR,
            workload, workload_config
        ) AS key
    FROM speed
),
grouped AS (
    SELECT
        *,
        max(tg_tok_s) OVER alike AS tg_best,
        max(pp_tok_s) OVER alike AS pp_best,
        count(DISTINCT hardware_class) OVER alike AS hardware_classes
    FROM keyed
    -- By name: who asks for one of these reads no other group.
    WINDOW alike AS (
        PARTITION BY model, quant, context, cache_k, cache_v, pairing, split, split_mode, engine, key
    )
)
SELECT
    to_hex(hash(model, quant, context, cache_k, cache_v, pairing, split, split_mode, engine, key)) AS comparison,
    model, quant, context, cache_k, cache_v, pairing, split, split_mode,
    engine, other_axes, hardware_class, host_id, engine_build, tg_tok_s, tg_spread_pct,
    tg_tok_s / tg_best AS tg_ratio,
    pp_prompt_n, pp_tok_s, pp_spread_pct,
    pp_tok_s / pp_best AS pp_ratio,
    ttft_ms, tg_trials, trials_dropped, hardware_classes, cell_id, source
FROM grouped
WHERE hardware_classes > 1
ORDER BY model, quant, context, comparison, tg_ratio DESC
