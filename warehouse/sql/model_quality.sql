-- One row per model file, pair of cache types, text and baseline: perplexity and distance from the
-- baseline of its latest ok attempt (the table quality). Perplexities compare within one model and text only.
-- rows_dropped: figures of the attempt that are marked invalid, not shown here
WITH scored AS (
    SELECT
        c.cell_id, c.attempt, c.model, c.quant, c.cache_k, c.cache_v, c.context, c.engine_build,
        c.hardware_class, c.host_id, c.model_sha256,
        q.* EXCLUDE (cell_id, attempt, invalid_reason, started_at, schema_version),
        c.source,
        count(*) FILTER (NOT q.valid) OVER (PARTITION BY c.cell_id) AS rows_dropped
    FROM latest_cells AS c
    JOIN quality AS q ON q.cell_id = c.cell_id AND q.attempt = c.attempt
)
SELECT * EXCLUDE (valid)
FROM scored
WHERE valid
QUALIFY row_number() OVER (
    PARTITION BY model, quant, model_sha256, cache_k, cache_v, corpus_sha256, chunk_context, baseline_sha256
    ORDER BY ended_at DESC, cell_id
) = 1
ORDER BY model, corpus, chunk_context, perplexity
