-- One row per measured pairing (GPUs, tensor split, split mode) of what was otherwise measured alike:
-- same model, quant, context, caches, engine with its build and flags (but for the split mode), hardware
-- class, and workload with its config. Baseline of the ratios: the fastest pairing of the group (1 is the
-- fastest). Groups of one pairing are left out. A ratio is no verdict: see the spreads.
-- comparison: number of the group
-- pairings: pairings in the group
-- devices: devices of the cell's launch, in split order; none is the CPU
-- gpus: number of them
-- tg_ratio: generation speed against the fastest generation in the group
-- pp_ratio: prompt speed against the fastest prompt processing in the group
-- tg_of_one: generation speed against the fastest pairing of one GPU in the group; null without one
-- gpu_mib: memory on all GPUs together, in the cell's launch; null without GPUs
-- host_mib: buffers in the host's memory
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
            model, quant, model_sha256, context, cache_k, cache_v, engine, engine_build, engine_sha256,
            json_merge_patch(json_extract(server_config, '$.engine'), '{"split_mode":null}')::VARCHAR,
            hardware_class, workload, workload_config
        ) AS key
    FROM speed
),
counted AS (
    SELECT
        key,
        count(DISTINCT (pairing, split, split_mode)) AS pairings,
        row_number() OVER (ORDER BY min(model), min(quant), min(context), key) AS comparison
    FROM keyed
    GROUP BY key
    HAVING count(DISTINCT (pairing, split, split_mode)) > 1
),
placed AS (
    SELECT launch_id, any_value(devices) AS devices FROM launches GROUP BY launch_id
)
SELECT
    c.comparison, g.model, g.quant, g.context, g.cache_k, g.cache_v, g.engine, g.engine_build,
    g.hardware_class, g.other_axes, g.pairing, g.split, g.split_mode,
    l.devices,
    len(l.devices) AS gpus,
    g.tg_tok_s, g.tg_spread_pct,
    g.tg_tok_s / max(g.tg_tok_s) OVER w AS tg_ratio,
    g.tg_tok_s / max(g.tg_tok_s) FILTER (len(l.devices) = 1) OVER w AS tg_of_one,
    g.pp_prompt_n, g.pp_tok_s, g.pp_spread_pct,
    g.pp_tok_s / max(g.pp_tok_s) OVER w AS pp_ratio,
    g.ttft_ms, m.gpu_mib, m.host_mib, g.tg_trials, g.trials_dropped, c.pairings, g.cell_id, g.source
FROM keyed AS g
JOIN counted AS c ON c.key = g.key
LEFT JOIN placed AS l ON l.launch_id = g.launch_id
LEFT JOIN launch_totals AS m ON m.launch_id = g.launch_id
WINDOW w AS (PARTITION BY c.comparison)
ORDER BY c.comparison, tg_ratio DESC
