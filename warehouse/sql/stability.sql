-- One row per cell of the workload stability: its latest ok attempt, else its latest failed one,
-- with the verdict; this view is the verdict's one definition. Stable is a cell that ended, whose slot
-- holds the whole context, whose rounds all proved a fill of at least 90 percent and a whole answer, whose
-- engine took no more than 32 MiB more memory (and the GPUs no more than 32 MiB) at the end of the last round
-- than at the end of the first, and whose slowest generation is at most 20 percent below the fastest.
-- verdict: stable, or all that speaks against it
-- failure_class: class of the failure of the cell
-- failed_attempts: attempts at the cell that failed, in any sweep
-- rounds: rounds that were begun
-- fill_pct: lowest proven fill of the slot
-- tg_tok_s: generation speed at that fill, median over the valid rounds
-- tg_spread_pct: slowest generation below the fastest, in percent of the fastest
-- pp_tok_s: prompt speed over the fill, median over the valid rounds
-- rss_first_mib: resident set of the engine at the end of the first round
-- rss_last_mib: resident set of the engine at the end of the last round
-- private_growth_mib: what no file backs of it: end of the last round over end of the first
-- vram_growth_mib: the same of the leased GPUs: the engine's own memory where the driver tells it, else all in use
-- rounds_invalid: rounds whose counts are not those asked for, or that an error ended
-- truncated: whether any answer was truncated
WITH tried AS (
    SELECT
        *,
        count(*) FILTER (status = 'failed') OVER (PARTITION BY cell_id) AS failed_attempts
    FROM cells
    WHERE workload = 'stability' AND status IN ('ok', 'failed')
    QUALIFY row_number() OVER (PARTITION BY cell_id ORDER BY status = 'ok' DESC, attempt DESC) = 1
),
seen AS (
    SELECT
        cell_id,
        attempt,
        count(*) AS rounds,
        min(fill_pct) AS fill_pct,
        min(slot_context * slots) AS slots_context,
        median(tg_tok_s) FILTER (valid) AS tg_tok_s,
        100 * (1 - min(tg_tok_s) FILTER (valid) / max(tg_tok_s) FILTER (valid)) AS tg_spread_pct,
        median(pp_tok_s) FILTER (valid) AS pp_tok_s,
        arg_min(rss_after_mib, round) AS rss_first_mib,
        arg_max(rss_after_mib, round) AS rss_last_mib,
        arg_max(private_after_mib, round) - arg_min(private_after_mib, round) AS private_growth_mib,
        arg_max(vram_after_mib, round) - arg_min(vram_after_mib, round) AS vram_growth_mib,
        count(*) FILTER (NOT valid) AS rounds_invalid,
        arg_min(invalid_reason, round) AS invalid_reason,
        bool_or(truncated) AS truncated
    FROM stability_rounds
    GROUP BY cell_id, attempt
),
judged AS (
    SELECT
        t.*,
        s.* EXCLUDE (cell_id, attempt),
        list_filter([
            CASE WHEN t.status = 'failed' THEN t.failure_class || ': ' || t.reason END,
            CASE WHEN s.slots_context < t.context
                THEN printf('the slots hold only %d of %d tokens', s.slots_context, t.context) END,
            CASE WHEN s.rounds_invalid > 0 AND t.status = 'ok' THEN s.invalid_reason END,
            CASE WHEN s.truncated AND NOT contains(coalesce(s.invalid_reason, ''), 'truncated')
                THEN 'truncated' END,
            CASE WHEN s.fill_pct < 90 THEN printf('filled to %.1f %% only', s.fill_pct) END,
            CASE WHEN s.private_growth_mib > 32
                THEN printf('memory grew by %.0f MiB', s.private_growth_mib) END,
            CASE WHEN s.vram_growth_mib > 32
                THEN printf('VRAM grew by %.0f MiB', s.vram_growth_mib) END,
            CASE WHEN s.tg_spread_pct > 20
                THEN printf('generation speed differs by %.0f %%', s.tg_spread_pct) END
        ], lambda reason: reason IS NOT NULL) AS against
    FROM tried AS t
    LEFT JOIN seen AS s ON s.cell_id = t.cell_id AND s.attempt = t.attempt
)
SELECT
    cell_id, attempt, model, quant, context, cache_k, cache_v, pairing, engine_build, hardware_class, host_id,
    CASE
        WHEN len(against) > 0 THEN array_to_string(against, '; ')
        WHEN rounds IS NULL THEN 'no round was measured'
        ELSE 'stable'
    END AS verdict,
    failure_class, failed_attempts,
    coalesce(rounds, 0) AS rounds, fill_pct, tg_tok_s, tg_spread_pct, pp_tok_s,
    rss_first_mib, rss_last_mib, private_growth_mib, vram_growth_mib, rounds_invalid, truncated, source
FROM judged
ORDER BY model, quant, context, cache_k, cache_v, cell_id
