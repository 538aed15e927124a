-- One row per measured cell: its latest ok attempt.
-- What a later one supersedes is looked for, not sorted out: only attempts after the first can do that,
-- and those are few.
SELECT c.*
FROM cells AS c
ANTI JOIN (SELECT cell_id, attempt FROM cells WHERE status = 'ok' AND attempt > 1) AS later
    ON later.cell_id = c.cell_id AND later.attempt > c.attempt
WHERE c.status = 'ok'
