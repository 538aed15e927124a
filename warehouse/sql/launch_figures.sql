-- One row per ok attempt at a cell (a launch of its own) and step: what its valid repetitions took
-- beside their speed (see the view launch_speeds).
-- ttfts_ms [ms]: time from request sent to first token of each repetition, by the client, ms
-- energies_j [J/token]: energy of the leased GPUs by token of each, by prompt token for pp, by generated token for tg, J
WITH steps AS (
    SELECT
        cell_id,
        attempt,
        step,
        kind,
        depth,
        list(ttft_ms) FILTER (ttft_ms > 0) AS ttfts_ms,
        list(energy_j / CASE kind WHEN 'pp' THEN prompt_n ELSE predicted_n END) FILTER (energy_j > 0)
            AS energies_j
    FROM trials
    WHERE valid
    GROUP BY cell_id, attempt, step, kind, depth
)
SELECT
    c.cell_id, c.launch_id, s.step, s.kind, s.depth,
    coalesce(s.ttfts_ms, []) AS ttfts_ms,
    coalesce(s.energies_j, []) AS energies_j
FROM cells AS c
JOIN steps AS s ON s.cell_id = c.cell_id AND s.attempt = c.attempt
WHERE c.status = 'ok'
ORDER BY c.started_at, c.cell_id, s.kind, s.depth, s.step
