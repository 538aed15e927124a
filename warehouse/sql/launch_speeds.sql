-- One row per ok attempt at a cell (a launch of its own) and step: the speeds of its valid
-- repetitions. What verdicts rest on: launches, not repetitions, are independent.
-- tok_s: median speed of the step: prompt speed for pp, generation speed for tg
-- speeds [tok/s]: speeds of the repetitions, in the order in which they ran
-- trials_dropped: repetitions marked invalid or without a speed, not in it
-- build: what the binary that was run says of its build; for workload llama_bench its own
WITH steps AS (
    SELECT
        cell_id,
        attempt,
        step,
        kind,
        depth,
        median(speed_tok_s) FILTER (counts) AS tok_s,
        list(speed_tok_s ORDER BY run_order) FILTER (counts) AS speeds,
        count(*) FILTER (NOT counts) AS trials_dropped
    FROM (
        SELECT
            *,
            CASE kind WHEN 'pp' THEN pp_tok_s ELSE tg_tok_s END AS speed_tok_s,
            coalesce(valid AND speed_tok_s > 0, false) AS counts
        FROM trials
    )
    GROUP BY cell_id, attempt, step, kind, depth
    HAVING bool_or(counts)
)
SELECT
    c.* EXCLUDE (status, failure_class, reason, valid_trials, invalid_trials, schema_version),
    s.* EXCLUDE (cell_id, attempt),
    l.engine_build AS build
FROM cells AS c
INNER JOIN steps AS s ON s.cell_id = c.cell_id AND s.attempt = c.attempt
LEFT JOIN launches AS l ON l.launch_id = c.launch_id
WHERE c.status = 'ok'
ORDER BY c.started_at, c.cell_id, s.kind, s.depth, s.step
