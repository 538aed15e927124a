-- One row per planned cell of each sweep, and what became of it. The latest attempt of that sweep
-- decides; without one the plan does, and what it planned to run is pending.
-- sweep: name of the sweep
-- decision: what the plan decided (run, pruned or cached)
-- outcome: ok, failed, pruned, cached, cancelled or pending
-- cached_as: outcome of the earlier attempt that a cached cell stands for
-- failure_class: class of the failure, for a cached cell that of the earlier attempt
-- reason: what happened, or why it is pruned or cached
-- host_id: host that ran it, else the host that the plan chose
-- attempt: number of the attempt, for a cached cell that of the earlier one
-- launch_id: the server life that it ran in
WITH here AS (
    SELECT *
    FROM cells
    QUALIFY row_number() OVER (PARTITION BY sweep_id, cell_id ORDER BY attempt DESC) = 1
),
earlier AS (
    -- What the plan could see: an ok attempt counts for more than a later failure. Sweeps begin by
    -- the clocks of drivers; that of a host, by which an attempt ends, may be off.
    SELECT p.sweep_id, c.*
    EXCLUDE (sweep_id)
    FROM planned_cells AS p
    JOIN sweeps AS s ON s.sweep_id = p.sweep_id
    JOIN cells AS c ON c.cell_id = p.cell_id
    LEFT JOIN sweeps AS own ON own.sweep_id = c.sweep_id
    WHERE p.decision = 'cached' AND coalesce(own.started_at < s.started_at, c.ended_at <= s.started_at)
    QUALIFY row_number() OVER (
        PARTITION BY p.sweep_id, p.cell_id ORDER BY (c.status = 'ok') DESC, c.attempt DESC
    ) = 1
)
SELECT
    p.sweep_id,
    s.name AS sweep,
    p.plan_order,
    p.* EXCLUDE (sweep_id, plan_order, decision, reason, host_id, predicted_s, predicted_tg_tok_s, schema_version),
    coalesce(h.host_id, e.host_id, p.host_id) AS host_id,
    p.decision,
    coalesce(h.status, CASE p.decision WHEN 'run' THEN 'pending' ELSE p.decision END) AS outcome,
    CASE WHEN h.cell_id IS NULL THEN e.status END AS cached_as,
    CASE WHEN h.cell_id IS NULL THEN e.failure_class ELSE h.failure_class END AS failure_class,
    CASE WHEN h.cell_id IS NULL THEN coalesce(p.reason, e.reason) ELSE h.reason END AS reason,
    coalesce(h.attempt, e.attempt) AS attempt,
    coalesce(h.launch_id, e.launch_id) AS launch_id,
    p.predicted_s,
    p.predicted_tg_tok_s
FROM planned_cells AS p
JOIN sweeps AS s ON s.sweep_id = p.sweep_id
LEFT JOIN here AS h ON h.sweep_id = p.sweep_id AND h.cell_id = p.cell_id
LEFT JOIN earlier AS e ON e.sweep_id = p.sweep_id AND e.cell_id = p.cell_id
ORDER BY s.started_at, p.plan_order
