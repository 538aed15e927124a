-- One row per measured cell, step and depth: energy of the leased GPUs by token, medians over the
-- valid trials of its latest ok attempt that have an energy. Host and losses of the power supply
-- are not in it. A generation's span holds its prompt too, which is short.
-- j_per_token [J/token]: energy by token: by prompt token for pp, by generated token for tg
-- j_per_token_above_idle [J/token]: the same less what the GPUs would have drawn idle
-- power_mean_w: median of the mean power over the trials
-- idle_power_w: idle power of the GPUs before the launch
-- energy_source: counter, or integrated if any trial's energy is
-- trials: trials that it is made of
-- trials_without_energy: valid trials without an energy
-- energy_reason: why, of one of those
-- trials_dropped: trials marked invalid, not counted here
-- cost_per_million [per 10^6 tokens]: of j_per_token by the tariff (tariff.per_kwh) of the latest sweep that names one
-- currency: of the cost, as that sweep names it
WITH tariff AS (
    SELECT
        json_extract(config, '$.tariff.per_kwh')::DOUBLE AS per_kwh,
        json_extract_string(config, '$.tariff.currency') AS currency
    FROM sweeps
    WHERE per_kwh IS NOT NULL
    ORDER BY started_at DESC, sweep_id DESC
    LIMIT 1
),
spent AS (
    SELECT
        c.cell_id, c.attempt, t.step, t.kind, t.depth, t.energy_source, t.energy_reason, t.power_mean_w,
        l.idle_power_w,
        t.energy_j,
        CASE t.kind WHEN 'pp' THEN t.prompt_n ELSE t.predicted_n END AS tokens,
        l.idle_power_w * t.total_ms / 1000 AS idle_j,
        t.valid
    FROM latest_cells AS c
    JOIN trials AS t ON t.cell_id = c.cell_id AND t.attempt = c.attempt
    LEFT JOIN launches AS l ON l.launch_id = c.launch_id
    WHERE t.kind IN ('pp', 'tg')
),
steps AS (
    SELECT
        cell_id, attempt, step, kind, depth,
        median(energy_j / tokens) FILTER (valid) AS j_per_token,
        median((energy_j - idle_j) / tokens) FILTER (valid) AS j_per_token_above_idle,
        median(power_mean_w) FILTER (valid AND energy_j IS NOT NULL) AS power_mean_w,
        any_value(idle_power_w) AS idle_power_w,
        max(energy_source) FILTER (valid) AS energy_source,
        count(energy_j) FILTER (valid) AS trials,
        count(*) FILTER (valid AND energy_j IS NULL) AS trials_without_energy,
        min(energy_reason) FILTER (valid) AS energy_reason,
        count(*) FILTER (NOT valid) AS trials_dropped
    FROM spent
    GROUP BY cell_id, attempt, step, kind, depth
)
SELECT
    c.cell_id, c.attempt, c.model, c.quant, c.context, c.cache_k, c.cache_v, c.pairing, c.workload,
    c.hardware_class, c.host_id, s.* EXCLUDE (cell_id, attempt),
    s.j_per_token / 3.6 * f.per_kwh AS cost_per_million,
    f.currency,
    c.source
FROM latest_cells AS c
JOIN steps AS s ON s.cell_id = c.cell_id AND s.attempt = c.attempt
LEFT JOIN tariff AS f ON true
ORDER BY c.model, c.quant, c.context, c.cache_k, c.cache_v, s.kind, s.depth, s.step
