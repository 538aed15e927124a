-- One row per measured cell: its latest ok attempt.
SELECT c.*
FROM cells AS c
JOIN (SELECT cell_id, max(attempt) AS attempt FROM cells WHERE status = 'ok' GROUP BY cell_id) AS last
    ON last.cell_id = c.cell_id AND last.attempt = c.attempt
WHERE c.status = 'ok'
