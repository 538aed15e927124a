-- One row per known point (model, quant, context, caches, pairing, split, hardware class) and workload
-- that any sweep knows: whether the point was measured with it, and if not, why. Further flags, the
-- workload's config and the build do not tell points apart: cells counts what they hold.
-- state: measured, failed, cancelled, pending (planned, not yet run), pruned, or missing (never planned)
-- reason: why it is not measured
-- cells: cells of the point with the workload that were planned or tried
-- cells_measured: cells of them with an ok attempt
-- attempts: attempts at them
-- failure_class: class of the latest failure, where none was measured
-- valid_trials: valid trials of the ok attempts
-- trials_dropped: trials of the ok attempts that are marked invalid
-- measured_at: end of the latest ok attempt, UTC
-- sources: measured, or what its ok attempts were imported from
WITH known AS (
    SELECT
        model, quant, context, cache_k, cache_v, pairing, split, hardware_class, workload, cell_id,
        decision AS state, reason, NULL AS failure_class, NULL AS ended_at, 0 AS valid_trials,
        0 AS invalid_trials, NULL AS source, sweep_id
    FROM planned_cells
    UNION ALL
    SELECT
        model, quant, context, cache_k, cache_v, pairing, split, hardware_class, workload, cell_id,
        status, reason, failure_class, ended_at, valid_trials, invalid_trials, source, NULL
    FROM cells
),
seen AS (
    SELECT
        model, quant, context, cache_k, cache_v, pairing, split, hardware_class, workload,
        CASE
            WHEN bool_or(state = 'ok') THEN 'measured'
            WHEN bool_or(state = 'failed') THEN 'failed'
            WHEN bool_or(state = 'cancelled') THEN 'cancelled'
            WHEN bool_or(state = 'run') THEN 'pending'
            ELSE 'pruned'
        END AS state,
        arg_max(reason, ended_at) FILTER (state = 'failed') AS failure,
        arg_max(reason, sweep_id) FILTER (state = 'pruned') AS pruned,
        arg_max(failure_class, ended_at) FILTER (state = 'failed') AS failure_class,
        count(DISTINCT cell_id) AS cells,
        count(DISTINCT cell_id) FILTER (state = 'ok') AS cells_measured,
        count(ended_at) AS attempts,
        sum(valid_trials) FILTER (state = 'ok') AS valid_trials,
        sum(invalid_trials) FILTER (state = 'ok') AS trials_dropped,
        max(ended_at) FILTER (state = 'ok') AS measured_at,
        list_sort(list(DISTINCT source) FILTER (state = 'ok')) AS sources
    FROM known
    GROUP BY model, quant, context, cache_k, cache_v, pairing, split, hardware_class, workload
),
points AS (
    SELECT DISTINCT model, quant, context, cache_k, cache_v, pairing, split, hardware_class FROM seen
),
workloads AS (
    SELECT DISTINCT workload FROM seen
)
SELECT
    p.model, p.quant, p.context, p.cache_k, p.cache_v, p.pairing, p.split, p.hardware_class, w.workload,
    coalesce(s.state, 'missing') AS state,
    CASE coalesce(s.state, 'missing')
        WHEN 'measured' THEN NULL
        WHEN 'failed' THEN s.failure
        WHEN 'pruned' THEN s.pruned
        WHEN 'cancelled' THEN 'the sweep was stopped'
        WHEN 'pending' THEN 'planned, not yet run'
        ELSE 'no sweep has planned it'
    END AS reason,
    CASE s.state WHEN 'failed' THEN s.failure_class END AS failure_class,
    coalesce(s.cells, 0) AS cells,
    coalesce(s.cells_measured, 0) AS cells_measured,
    coalesce(s.attempts, 0) AS attempts,
    coalesce(s.valid_trials, 0)::BIGINT AS valid_trials,
    coalesce(s.trials_dropped, 0)::BIGINT AS trials_dropped,
    s.measured_at,
    s.sources
FROM points AS p
CROSS JOIN workloads AS w
LEFT JOIN seen AS s
    ON s.model = p.model AND s.quant = p.quant AND s.context = p.context AND s.cache_k = p.cache_k
    AND s.cache_v = p.cache_v AND s.pairing = p.pairing AND s.split IS NOT DISTINCT FROM p.split
    AND s.hardware_class = p.hardware_class AND s.workload = w.workload
ORDER BY p.model, p.quant, p.context, p.cache_k, p.cache_v, p.pairing, p.split, p.hardware_class, w.workload
