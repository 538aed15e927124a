-- One row per cell of the workload concurrency and number of parallel streams: its latest ok
-- attempt. Rates are medians over the repetitions of the step that count; latencies are percentiles
-- over its valid requests, from the moment each was scheduled, so that waiting counts.
-- slots: slots of the server; more streams than slots queue
-- total_tok_s: tokens generated per second, all streams together, while all of them were busy
-- total_spread_pct: robust spread of it over the repetitions: 100 * 1.4826 * median absolute deviation / median
-- stream_tok_s: generation speed of a request, median
-- ttft_p50_ms: scheduled to first token, median
-- ttft_p95_ms: 95th percentile of it
-- ttft_p99_ms: 99th percentile of it
-- inter_token_p50_ms: time between tokens of a stream, over all gaps of a step: median
-- inter_token_p95_ms: 95th percentile of it
-- inter_token_p99_ms: 99th percentile of it
-- queue_p50_ms: scheduled to taken by a slot, median
-- queue_p95_ms: 95th percentile of it
-- requests: requests that ended
-- requests_invalid: answers among them that are marked invalid
-- errors: requests among them that the server answered with an error
-- repetitions: repetitions of the step that count
-- repetitions_dropped: repetitions of the step that are marked invalid, or had errors
-- efficiency_pct: total_tok_s in percent of that of one stream times the streams; null without such a step
-- of_best_pct: total_tok_s in percent of the best total of the cell
-- enough: true on the smallest number of streams within 5 percent of the best total; more streams do not help
WITH steps AS (
    SELECT
        cell_id,
        attempt,
        streams,
        any_value(slots) AS slots,
        median(total_tok_s) FILTER (valid AND errors = 0) AS total_tok_s,
        100 * 1.4826 * mad(total_tok_s) FILTER (valid AND errors = 0)
            / median(total_tok_s) FILTER (valid AND errors = 0) AS total_spread_pct,
        median(inter_token_p50_ms) FILTER (valid) AS inter_token_p50_ms,
        median(inter_token_p95_ms) FILTER (valid) AS inter_token_p95_ms,
        median(inter_token_p99_ms) FILTER (valid) AS inter_token_p99_ms,
        count(*) FILTER (valid AND errors = 0) AS repetitions,
        count(*) FILTER (NOT valid OR errors > 0) AS repetitions_dropped
    FROM load_steps
    GROUP BY cell_id, attempt, streams
),
asked AS (
    SELECT
        cell_id,
        attempt,
        streams,
        median(tg_tok_s) FILTER (valid) AS stream_tok_s,
        quantile_cont(ttft_ms, 0.5) FILTER (valid) AS ttft_p50_ms,
        quantile_cont(ttft_ms, 0.95) FILTER (valid) AS ttft_p95_ms,
        quantile_cont(ttft_ms, 0.99) FILTER (valid) AS ttft_p99_ms,
        quantile_cont(queue_ms, 0.5) FILTER (valid) AS queue_p50_ms,
        quantile_cont(queue_ms, 0.95) FILTER (valid) AS queue_p95_ms,
        count(*) AS requests,
        count(*) FILTER (NOT valid AND error IS NULL) AS requests_invalid,
        count(error) AS errors
    FROM requests
    GROUP BY cell_id, attempt, streams
),
compared AS (
    SELECT
        s.*,
        a.* EXCLUDE (cell_id, attempt, streams),
        max(s.total_tok_s) OVER cell AS best_tok_s,
        max(s.total_tok_s) FILTER (s.streams = 1) OVER cell AS one_tok_s
    FROM steps AS s
    JOIN asked AS a ON a.cell_id = s.cell_id AND a.attempt = s.attempt AND a.streams = s.streams
    WINDOW cell AS (PARTITION BY s.cell_id, s.attempt)
)
SELECT
    c.cell_id, c.attempt, c.model, c.quant, c.context, c.cache_k, c.cache_v, c.pairing, c.engine_build,
    c.hardware_class, c.host_id,
    x.slots, x.streams, x.total_tok_s, x.total_spread_pct, x.stream_tok_s,
    x.ttft_p50_ms, x.ttft_p95_ms, x.ttft_p99_ms,
    x.inter_token_p50_ms, x.inter_token_p95_ms, x.inter_token_p99_ms,
    x.queue_p50_ms, x.queue_p95_ms,
    x.requests, x.requests_invalid, x.errors, x.repetitions, x.repetitions_dropped,
    100 * x.total_tok_s / (x.streams * x.one_tok_s) AS efficiency_pct,
    100 * x.total_tok_s / x.best_tok_s AS of_best_pct,
    coalesce(
        x.streams = min(x.streams) FILTER (x.total_tok_s >= 0.95 * x.best_tok_s)
            OVER (PARTITION BY x.cell_id, x.attempt),
        false
    ) AS enough,
    c.source
FROM latest_cells AS c
JOIN compared AS x ON x.cell_id = c.cell_id AND x.attempt = c.attempt
ORDER BY c.model, c.quant, c.context, c.cache_k, c.cache_v, c.cell_id, x.streams
