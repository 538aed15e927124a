"""Tables of what was measured: `cells` commits all of them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from warehouse.rows.base import Axes, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell(Axes):
    """An attempt at a cell; its file is the commit of all its rows."""

    TABLE: ClassVar[str] = "cells"
    attempt: Annotated[int, "number of the attempt, from 1"]
    sweep_id: Annotated[str, "the sweep that ran it"]
    launch_id: Annotated[str, "the server life that it ran in"]
    host_id: Annotated[str, "host that it ran on"]
    status: Annotated[str, "ok, failed or cancelled"]
    failure_class: Annotated[str | None, "class of the failure"]
    reason: Annotated[str | None, "what happened, one line"]
    started_at: Annotated[datetime, "start, UTC"]
    ended_at: Annotated[datetime, "end, UTC"]
    valid_trials: Annotated[int, "trials (of concurrency, requests) that count"]
    invalid_trials: Annotated[int, "trials (of concurrency, requests) that are marked invalid"]
    cool_down_s: Annotated[float | None, "wait for the GPUs to cool down before it, seconds"] = None
    cooled: Annotated[bool | None, "whether they were cool then; false: the limit came first"] = (
        None
    )
    slot_context: Annotated[
        int | None, "tokens that fit the slot, by the server: its context, at most the trained one"
    ] = None
    source: Annotated[str, "measured, or what it was imported from"] = "measured"
    note: Annotated[str | None, "what is odd about it, as imported"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial(Row):
    """A repetition of a step of a cell."""

    TABLE: ClassVar[str] = "trials"
    cell_id: Annotated[str, "the cell"]
    attempt: Annotated[int, "attempt at the cell"]
    step: Annotated[str, "name of the step (pp512, tg32)"]
    kind: Annotated[str, "pp (prompt processing) or tg (text generation)"]
    depth: Annotated[int, "tokens asked for in the cache before the measured ones"]
    repetition: Annotated[int, "number of the repetition, from 1"]
    run_order: Annotated[int, "position among the trials of the cell"]
    prompt_n_asked: Annotated[int | None, "prompt tokens sent"]
    predicted_n_asked: Annotated[int | None, "tokens asked to be generated"]
    prompt_n: Annotated[int | None, "prompt tokens processed, by the server"]
    cache_n: Annotated[int | None, "prompt tokens reused from the cache, by the server"]
    predicted_n: Annotated[int | None, "tokens generated, by the server"]
    prompt_ms: Annotated[float | None, "prompt time, by the server, ms"]
    predicted_ms: Annotated[float | None, "time from first to last token, by the server, ms"]
    ttft_ms: Annotated[float | None, "request sent to first token, by the client, ms"]
    total_ms: Annotated[float | None, "request sent to end, by the client, ms"]
    inter_token_p50_ms: Annotated[float | None, "median time between tokens, by the client, ms"]
    inter_token_p95_ms: Annotated[float | None, "95th percentile of it, ms"]
    inter_token_p99_ms: Annotated[float | None, "99th percentile of it, ms"]
    pp_tok_s: Annotated[float | None, "prompt speed: prompt_n / prompt_ms, tokens per second"]
    tg_tok_s: Annotated[
        float | None, "generation speed: (predicted_n - 1) / predicted_ms, tokens per second"
    ]
    valid: Annotated[bool, "whether it counts"]
    invalid_reason: Annotated[str | None, "why it does not"]
    clock_min_mhz: Annotated[float | None, "lowest GPU clock over its span, MHz"]
    temperature_max_c: Annotated[float | None, "highest GPU temperature over its span, C"]
    power_mean_w: Annotated[float | None, "mean power of the devices over its span, W"]
    throttle_reasons: Annotated[str | None, "throttle reasons seen over its span"]
    energy_j: Annotated[float | None, "energy of the devices over its span, J"]
    energy_reason: Annotated[str | None, "why there is no energy"]
    energy_source: Annotated[str | None, "counter, or integrated from power samples"] = None
    clock_mean_mhz: Annotated[
        float | None, "mean SM clock of the slowest GPU under load over its span, MHz"
    ] = None
    foreign_gpu_pids: Annotated[
        str | None, "other processes on the GPUs over its span; empty: none, null: not known"
    ] = None
    host_busy_pct: Annotated[
        float | None, "CPU of other processes than the engine over its span, percent of all cores"
    ] = None
    disturbed: Annotated[
        str | None, "what disturbed it: throttled, clock_drop, foreign_gpu, host_busy"
    ] = None
    started_at: Annotated[datetime, "request sent, UTC"]
    ended_at: Annotated[datetime, "end of the answer, UTC"]
    outlier: Annotated[
        bool | None, "whether it lies far from the step's other repetitions; it counts all the same"
    ] = None
    source: Annotated[str, "measured, or what it was imported from"] = "measured"
    averaged: Annotated[
        bool | None, "whether it is an average: repetitions that were imported without their values"
    ] = None
    sd_tok_s: Annotated[
        float | None, "of an average: standard deviation of the repetitions, tokens per second"
    ] = None
    note: Annotated[str | None, "what is odd about it, as imported"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefill(Row):
    """A batch of the long prompt that a depth curve fills the cache with."""

    TABLE: ClassVar[str] = "prefill"
    cell_id: Annotated[str, "the cell"]
    attempt: Annotated[int, "attempt at the cell"]
    fill: Annotated[int, "number of the request that it is part of, from 1"]
    depth: Annotated[int, "tokens in the cache before it"]
    prompt_n: Annotated[int, "tokens of the batch"]
    prompt_ms: Annotated[float, "its time, by the server, whole ms"]
    pp_tok_s: Annotated[float | None, "prompt speed: prompt_n / prompt_ms, tokens per second"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthRun(Row):
    """How a depth curve was measured, and what that took."""

    TABLE: ClassVar[str] = "depth_runs"
    cell_id: Annotated[str, "the cell"]
    attempt: Annotated[int, "attempt at the cell"]
    interleaved: Annotated[bool, "repetitions over all depths in turn, else at each depth in place"]
    restored: Annotated[bool, "from a slot file before each trial, else by going back in the cache"]
    reason: Annotated[str | None, "why not interleaved"]
    sliding_window: Annotated[bool, "the memory drops tokens: found by trying"]
    slot_file_mib: Annotated[float | None, "size of the deepest slot file, MiB"]
    processed_n: Annotated[int, "prompt tokens that the server processed for fills and trials"]
    least_n: Annotated[int, "those of them that had to be; more were prefilled twice"]
    fill_ms: Annotated[float, "time of the fills, by the client, ms"]
    save_ms: Annotated[float, "time of the saves, by the client, ms"]
    restore_ms: Annotated[float, "time of the restores, by the client, ms"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextProbe(Row):
    """A server start of the workload max_context."""

    TABLE: ClassVar[str] = "context_probes"
    cell_id: Annotated[str, "the cell"]
    attempt: Annotated[int, "attempt at the cell"]
    launch_id: Annotated[str, "the launch"]
    probe: Annotated[int, "number of the start, from 1"]
    context: Annotated[int, "context that was tried, tokens"]
    started: Annotated[bool, "whether the server got ready"]
    generated: Annotated[bool, "whether it then generated"]
    failure_class: Annotated[str | None, "class of the failure"]
    reason: Annotated[str | None, "what happened, one line"]
    load_ms: Annotated[float | None, "from start to ready, ms"]
