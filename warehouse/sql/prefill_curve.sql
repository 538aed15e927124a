-- One row per batch of the long prompt that a depth curve fills the cache with (its latest ok
-- attempt): prompt speed as the cache fills, from the server's own progress, for free. Times are
-- whole ms: short batches on fast devices are coarse. The last batch of a fill may be short.
-- depth: tokens in the cache before the batch
-- fill_pct: depth, percent of the context (of the slot's, where the server caps it)
SELECT
    c.cell_id, c.model, c.quant, c.context, c.cache_k, c.cache_v, c.pairing, c.split, c.split_mode,
    c.engine, c.engine_build, c.hardware_class, c.host_id, c.other_axes, p.depth,
    100 * p.depth / coalesce(c.slot_context, c.context) AS fill_pct,
    p.fill, p.prompt_n, p.prompt_ms, p.pp_tok_s, c.source
FROM latest_cells AS c
JOIN prefill AS p ON p.cell_id = c.cell_id AND p.attempt = c.attempt
ORDER BY c.model, c.quant, c.context, c.cache_k, c.cache_v, c.hardware_class, c.cell_id, p.fill, p.depth
