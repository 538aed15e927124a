-- One row per server configuration in the view speed (its latest cell) with a generation speed and a
-- memory, and whether any other of the same hardware class, model and context beats it: is as good in all of speed, memory and
-- quality, and better in one. Quality is the perplexity of the model file with these cache types over
-- the text with which most files of the model were scored, on any hardware. Speeds count as they are:
-- what noise can do to a front of near equals, the spreads tell.
-- tg_tok_s: generation speed at an empty cache: median over the valid trials
-- tg_spread_pct: spread of it over the trials, robust
-- memory_mib: memory of the launch on all devices together
-- perplexity: the quality; lower is better; null where it was not measured
-- kld_mean_nats: KL divergence from the baseline over the same text, mean by token
-- corpus: that text
-- on_front: no cell with a known quality beats it in quality, speed and memory; null where its quality is unknown
-- on_front_without_quality: no cell beats it in speed and memory
-- beaten_by: the fastest cell that beats it in all three, else in speed and memory where its quality is unknown
-- trials_dropped: trials of the cell that are marked invalid
WITH texts AS (
    SELECT model, corpus_sha256, chunk_context
    FROM model_quality
    WHERE perplexity IS NOT NULL
    GROUP BY model, corpus_sha256, chunk_context
    QUALIFY row_number() OVER (
        PARTITION BY model
        ORDER BY count(DISTINCT (model_sha256, cache_k, cache_v)) DESC, corpus_sha256, chunk_context
    ) = 1
),
scores AS (
    SELECT
        q.model, q.quant, q.model_sha256, q.cache_k, q.cache_v,
        any_value(q.corpus) AS corpus,
        arg_max(q.perplexity, q.ended_at) AS perplexity,
        arg_max(q.kld_mean_nats, q.ended_at) AS kld_mean_nats
    FROM model_quality AS q
    JOIN texts AS t
        ON t.model = q.model AND t.corpus_sha256 = q.corpus_sha256 AND t.chunk_context = q.chunk_context
    GROUP BY q.model, q.quant, q.model_sha256, q.cache_k, q.cache_v
),
candidates AS (
    SELECT
        s.cell_id, s.hardware_class, s.host_id, s.model, s.quant, s.context, s.cache_k, s.cache_v, s.pairing,
        s.split, s.split_mode, s.engine, s.engine_build, s.workload, s.other_axes, s.tg_tok_s,
        s.tg_spread_pct,
        coalesce(m.gpu_mib, 0) + coalesce(m.host_mib, 0) AS memory_mib,
        q.perplexity, q.kld_mean_nats, q.corpus,
        s.trials_dropped, s.source
    FROM speed AS s
    JOIN launch_totals AS m ON m.launch_id = s.launch_id
    LEFT JOIN scores AS q
        ON q.model = s.model AND q.quant = s.quant AND q.cache_k = s.cache_k AND q.cache_v = s.cache_v
        AND q.model_sha256 IS NOT DISTINCT FROM s.model_sha256
    WHERE s.tg_tok_s IS NOT NULL AND coalesce(m.gpu_mib, m.host_mib) IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY s.server_id ORDER BY s.ended_at DESC, s.cell_id) = 1
),
beaten AS (
    SELECT
        a.cell_id,
        bool_or(a.perplexity >= b.perplexity) AS beaten,
        bool_or(a.tg_tok_s < b.tg_tok_s OR a.memory_mib > b.memory_mib) AS beaten_without_quality,
        arg_max(b.cell_id, b.tg_tok_s) FILTER (
            a.perplexity IS NULL OR a.perplexity >= b.perplexity
        ) AS beaten_by
    FROM candidates AS a
    JOIN candidates AS b
        ON b.hardware_class = a.hardware_class AND b.model = a.model AND b.context = a.context
        AND b.tg_tok_s >= a.tg_tok_s AND b.memory_mib <= a.memory_mib
    WHERE a.tg_tok_s < b.tg_tok_s OR a.memory_mib > b.memory_mib OR a.perplexity > b.perplexity
    GROUP BY a.cell_id
)
SELECT
    c.hardware_class, c.host_id, c.model, c.context, c.quant, c.cache_k, c.cache_v, c.pairing, c.split,
    c.split_mode, c.engine, c.engine_build, c.workload, c.other_axes, c.tg_tok_s, c.tg_spread_pct, c.memory_mib,
    c.perplexity, c.kld_mean_nats, c.corpus,
    CASE WHEN c.perplexity IS NOT NULL THEN NOT coalesce(b.beaten, false) END AS on_front,
    NOT coalesce(b.beaten_without_quality, false) AS on_front_without_quality,
    CASE WHEN c.perplexity IS NULL AND NOT b.beaten_without_quality THEN NULL ELSE b.beaten_by END AS beaten_by,
    c.trials_dropped, c.cell_id, c.source
FROM candidates AS c
LEFT JOIN beaten AS b ON b.cell_id = c.cell_id
ORDER BY c.hardware_class, c.model, c.context, c.tg_tok_s DESC
