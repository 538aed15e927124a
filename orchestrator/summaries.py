"""What a sweep prints at its end: queries that anybody can repeat. Pure."""

from collections.abc import Collection

_OUTCOMES = """\
select o.model, o.quant, o.context, o.cache_k || '/' || o.cache_v as cache, o.pairing, o.workload,
       o.outcome, coalesce(o.failure_class, '') as failure_class
from outcomes o where o.sweep_id = '{sweep_id}' order by o.plan_order"""

_SPEED = """\
select o.model, o.quant, o.context, o.cache_k || '/' || o.cache_v as cache, o.pairing, o.outcome,
       round(s.pp_tok_s, 1) as pp_tok_s, s.pp_prompt_n, round(s.tg_tok_s, 1) as tg_tok_s,
       round(s.tg_spread_pct, 1) as tg_spread_pct, coalesce(o.failure_class, '') as failure_class
from outcomes o left join speed s using (cell_id)
where o.sweep_id = '{sweep_id}' order by o.plan_order"""

_BY_WORKLOAD = {
    "depth_curve": """\
select model, quant, context, cache_k || '/' || cache_v as cache, depth,
       round(fill_pct) as fill_pct, round(tg_tok_s, 1) as tg_tok_s, round(tg_pct, 1) as tg_pct,
       round(pp_tok_s, 1) as pp_tok_s, round(pp_pct, 1) as pp_pct, trials, trials_dropped
from degradation""",
    "stability": """\
select model, quant, context, cache_k || '/' || cache_v as cache, verdict, rounds,
       round(fill_pct) as fill_pct, round(tg_tok_s, 1) as tg_tok_s, round(pp_tok_s, 1) as pp_tok_s
from stability""",
    "concurrency": """\
select model, quant, context, cache_k || '/' || cache_v as cache, slots, streams,
       round(total_tok_s, 1) as total_tok_s, round(ttft_p50_ms) as ttft_p50_ms,
       round(ttft_p99_ms) as ttft_p99_ms, errors, enough
from concurrency""",
    "agent": """\
select model, quant, context, cache_k || '/' || cache_v as cache, suite, level, sessions,
       filler_depth, tasks, round(first_try_pct) as first_try_pct,
       round(eventual_pct) as eventual_pct, overclaims, calls,
       round(malformed_pct, 1) as malformed_pct, round(tg_tok_s, 1) as tg_tok_s, runs_skipped
from agents""",
    "max_context": """\
select model, quant, cache_k || '/' || cache_v as cache, pairing, max_context, fails_at,
       failure_class, starts
from max_context""",
    "perplexity": """\
select model, quant, cache_k || '/' || cache_v as cache, corpus, chunk_context, chunks,
       round(perplexity, 3) as perplexity, round(perplexity_se, 3) as perplexity_se,
       baseline_quant, round(1000 * kld_mean_nats, 3) as kld_mean_mnat,
       round(1000 * kld_p99_nats, 1) as kld_p99_mnat, round(same_top_pct, 2) as same_top_pct,
       rows_dropped
from model_quality""",
}
_AGENTS = """
where task_class = 'all' and level is not null and (server_id, agent_config) in (
    select server_id, json_merge_patch(workload_config, '{{"level":null}}')::VARCHAR
    from outcomes where sweep_id = '{sweep_id}' and workload = 'agent'
)"""
"""That view has no cells: a level of a configuration is a cell."""
_CELLS = """
where cell_id in (select cell_id from outcomes where sweep_id = '{sweep_id}')"""


def summary_queries(sweep_id: str, workloads: Collection[str]) -> tuple[str, ...]:
    """The queries of a sweep with cells of these workloads; the first has every cell."""
    first = _SPEED if set(workloads) == {"speed"} else _OUTCOMES
    more = [
        query + (_AGENTS if name == "agent" else _CELLS)
        for name, query in _BY_WORKLOAD.items()
        if name in workloads
    ]
    if first == _OUTCOMES and "speed" in workloads:
        more.insert(0, _SPEED.replace("order by", "and o.workload = 'speed' order by"))
    return tuple(query.format(sweep_id=sweep_id) for query in (first, *more))
