-- One row per engine build of which a cell was planned, measured or imported, the oldest first: by
-- the date in its config (the last of several) where all have one, else by its number.
-- build: identity of the build: the hash of its files, else what it says of itself
-- engine_build: what the binary says of its build
-- build_number: llama.cpp's number of the build, from that; null for 0 and 1, which are none (a wheel says 1)
-- engines: engine configurations that ran it
-- measured_cells: cells with an ok attempt
-- build_order: position, from 1 for the oldest
WITH used AS (
    SELECT engine_sha256, engine_build, engine, build_date, cell_id, NULL AS status FROM planned_cells
    UNION ALL
    SELECT engine_sha256, engine_build, engine, build_date, cell_id, status FROM cells
),
known AS (
    SELECT
        coalesce(engine_sha256, engine_build) AS build,
        any_value(engine_sha256) AS engine_sha256,
        max(engine_build) AS engine_build,
        max(build_date) AS build_date,
        list_sort(list(DISTINCT engine)) AS engines,
        count(DISTINCT cell_id) FILTER (status = 'ok') AS measured_cells
    FROM used
    WHERE coalesce(engine_sha256, engine_build) IS NOT NULL
    GROUP BY coalesce(engine_sha256, engine_build)
),
numbered AS (
    SELECT
        *,
        CASE WHEN try_cast(regexp_extract(engine_build, '\d+') AS BIGINT) > 1
            THEN try_cast(regexp_extract(engine_build, '\d+') AS BIGINT) END AS build_number,
        bool_and(build_date IS NOT NULL) OVER () AS dated
    FROM known
)
SELECT
    build, engine_sha256, engine_build, build_number, build_date, engines, measured_cells,
    row_number() OVER (
        ORDER BY CASE WHEN dated THEN build_date END, build_number NULLS FIRST, engine_build, build
    ) AS build_order
FROM numbered
ORDER BY build_order
