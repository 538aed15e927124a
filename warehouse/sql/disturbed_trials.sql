-- One row per trial that something disturbed, valid or not, the latest first, beside the
-- undisturbed trials of its step in the same attempt.
-- tok_s: speed of the trial: prompt speed for pp, generation speed for tg
-- undisturbed_tok_s: median speed of the undisturbed trials of the step at its depth
-- ratio: tok_s against that
WITH speeds AS (
    SELECT *, CASE kind WHEN 'pp' THEN pp_tok_s ELSE tg_tok_s END AS tok_s FROM trials
),
quiet AS (
    SELECT cell_id, attempt, step, depth, median(tok_s) AS undisturbed_tok_s
    FROM speeds
    WHERE disturbed IS NULL AND valid
    GROUP BY cell_id, attempt, step, depth
)
SELECT
    c.cell_id, c.attempt, c.model, c.quant, c.context, c.workload, c.hardware_class, c.host_id,
    t.step, t.depth, t.repetition, t.started_at, t.disturbed, t.valid, t.invalid_reason,
    t.throttle_reasons, t.clock_mean_mhz, t.clock_min_mhz, t.temperature_max_c, t.foreign_gpu_pids,
    t.host_busy_pct, t.tok_s, q.undisturbed_tok_s,
    t.tok_s / q.undisturbed_tok_s AS ratio,
    c.source
FROM speeds AS t
JOIN cells AS c ON c.cell_id = t.cell_id AND c.attempt = t.attempt
LEFT JOIN quiet AS q
    ON q.cell_id = t.cell_id AND q.attempt = t.attempt AND q.step = t.step AND q.depth = t.depth
WHERE t.disturbed IS NOT NULL
ORDER BY t.started_at DESC
