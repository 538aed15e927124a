-- One row per measured cell: its latest ok attempt.
SELECT *
FROM cells
WHERE status = 'ok'
QUALIFY row_number() OVER (PARTITION BY cell_id ORDER BY attempt DESC) = 1
