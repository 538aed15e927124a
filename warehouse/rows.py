"""Every table of the warehouse as a frozen dataclass; `warehouse.schemas` derives Arrow from it.

A column's annotation holds its type and its meaning; the unit is the suffix of the name
(`_ms`, `_mib`, `_tok_s`, `_w`, `_j`, ...). Later versions only add nullable columns.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of a table; subclasses name the table."""

    TABLE: ClassVar[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes(Row):
    """The axes of a cell as columns, shared by plan and results."""

    cell_id: Annotated[str, "identity of the cell: server configuration and workload"]
    server_id: Annotated[str, "identity of the server configuration on its hardware class"]
    model: Annotated[str, "catalogue name of the model"]
    quant: Annotated[str, "quant of the model file"]
    context: Annotated[int, "context size, tokens"]
    cache_k: Annotated[str, "KV cache type of K"]
    cache_v: Annotated[str, "KV cache type of V"]
    pairing: Annotated[str, "GPUs wanted, as a pattern (cpu, single, pair, all)"]
    split: Annotated[str | None, "tensor split over the devices, in their order"]
    split_mode: Annotated[str | None, "llama.cpp's split mode"]
    engine: Annotated[str, "name of the engine configuration"]
    engine_build: Annotated[str | None, "what the binary says of its build"]
    engine_sha256: Annotated[str | None, "hash of the binary and its ggml libraries"]
    model_sha256: Annotated[str | None, "hash of the model file"]
    workload: Annotated[str, "what is done to the running server"]
    workload_config: Annotated[str, "configuration of the workload, JSON"]
    server_config: Annotated[str, "everything that server_id hashes, JSON"]
    other_axes: Annotated[str, "values of the further axes of the sweep, JSON"]
    hardware_class: Annotated[str, "hosts that are alike for benchmarking"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep(Row):
    """A start of the command."""

    TABLE: ClassVar[str] = "sweeps"
    sweep_id: Annotated[str, "identity of this start"]
    name: Annotated[str, "name of the sweep"]
    command: Annotated[str, "overrides as typed"]
    config: Annotated[str, "resolved configuration before the axes, JSON"]
    code_version: Annotated[str, "version of herd"]
    started_at: Annotated[datetime, "start, UTC"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCell(Axes):
    """A cell in a sweep's plan, written before the first start."""

    TABLE: ClassVar[str] = "planned_cells"
    sweep_id: Annotated[str, "the sweep that planned it"]
    decision: Annotated[str, "run, pruned or cached"]
    reason: Annotated[str | None, "why pruned or cached"]
    plan_order: Annotated[int, "position in the plan"]
    host_id: Annotated[str | None, "host that the plan chose"]
    predicted_s: Annotated[float | None, "predicted time of the cell, seconds"]
    predicted_tg_tok_s: Annotated[float | None, "predicted generation speed, tokens per second"]
    note: Annotated[str | None, "what the plan warns of: memory that may lack, or is unknown"] = (
        None
    )
    unresolved_id: Annotated[
        str | None, "server_id with auto values (n_cpu_moe) left open; null where there are none"
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedMemory(Row):
    """A part of a device's memory in a planned launch."""

    TABLE: ClassVar[str] = "predicted_memory"
    sweep_id: Annotated[str, "the sweep that planned it"]
    server_id: Annotated[str, "the planned server configuration"]
    device: Annotated[str, "device as the engine names it, or Host"]
    part: Annotated[str, "weights, kv, recurrent, compute or overhead"]
    mib: Annotated[float, "predicted memory, MiB"]
    basis: Annotated[str | None, "exact, history (learned from launches) or estimate"] = None
    free_mib: Annotated[float | None, "free memory of the device when it was planned, MiB"] = None


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU as NVML shows it."""

    index: int
    name: str
    uuid: str
    pci_bus_id: str
    memory_mib: int
    pcie_generation: int | None
    pcie_width: int | None
    power_limit_w: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Host(Row):
    """A host as seen at a time."""

    TABLE: ClassVar[str] = "hosts"
    host_id: Annotated[str, "the host's label"]
    seen_at: Annotated[datetime, "when it was looked at, UTC"]
    hardware_class: Annotated[str, "hosts that are alike for benchmarking"]
    cpu_model: Annotated[str, "CPU model"]
    cpu_physical_cores: Annotated[int, "physical cores that this system has"]
    cpu_logical_cores: Annotated[int, "logical cores that this system has"]
    ram_mib: Annotated[int, "RAM, MiB"]
    kernel: Annotated[str, "operating system's kernel"]
    gpus: Annotated[tuple[Gpu, ...], "GPUs as NVML shows them"]
    driver: Annotated[str | None, "GPU driver version"]
    cuda: Annotated[str | None, "CUDA version of the driver"]
    python: Annotated[str, "Python version of the worker"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model(Row):
    """A model file as seen on a host."""

    TABLE: ClassVar[str] = "models"
    model_sha256: Annotated[str, "hash of the file"]
    host_id: Annotated[str, "host that holds the file"]
    seen_at: Annotated[datetime, "when it was looked at, UTC"]
    model: Annotated[str, "catalogue name"]
    quant: Annotated[str, "quant"]
    path: Annotated[str, "path on that host"]
    size_bytes: Annotated[int, "size of the file, bytes"]
    architecture: Annotated[str | None, "general.architecture of the header"]
    facts: Annotated[str | None, "what the header says of the model's shape, JSON"]
    shape_digest: Annotated[
        str | None, "equal for files whose memory beside the weights is alike (quants of a model)"
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch(Row):
    """One life of one llama-server."""

    TABLE: ClassVar[str] = "launches"
    launch_id: Annotated[str, "identity of this life"]
    server_id: Annotated[str, "the server configuration"]
    sweep_id: Annotated[str, "the sweep that started it"]
    host_id: Annotated[str, "host that it ran on"]
    devices: Annotated[tuple[str, ...], "exact devices, in split order; none is the CPU"]
    command_line: Annotated[tuple[str, ...], "exact command line"]
    engine_build: Annotated[str | None, "what the binary says of its build"]
    status: Annotated[str, "ok, failed or cancelled"]
    failure_class: Annotated[str | None, "class of the failure"]
    reason: Annotated[str | None, "first error line, or what was seen"]
    exit_code: Annotated[int | None, "exit code of the process, negative for a signal"]
    log_tail: Annotated[str, "end of the server's log"]
    log_path: Annotated[str | None, "whole log, relative to the warehouse, gzip"]
    load_ms: Annotated[float | None, "from start to ready, ms"]
    page_cache_fraction: Annotated[float | None, "part of the model file in memory before, 0 to 1"]
    idle_power_w: Annotated[
        float | None, "idle power of the devices: lowest seen by the worker until the start, W"
    ]
    started_at: Annotated[datetime, "start of the process, UTC"]
    ended_at: Annotated[
        datetime | None, "end of the process, UTC; null while it runs, and if nobody saw it"
    ]
    foreign_gpu: Annotated[str | None, "other processes on the devices before the start"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory(Row):
    """A part of a device's memory in a launch."""

    TABLE: ClassVar[str] = "memory"
    launch_id: Annotated[str, "the launch"]
    device: Annotated[str, "device or buffer as the engine names it, or Host"]
    part: Annotated[str, "model, kv, recurrent, compute, output, context, total, process, rss, ..."]
    mib: Annotated[float, "measured memory, MiB"]
    source: Annotated[str, "log, breakdown, nvml or psutil"]


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
    source: Annotated[str, "measured, or what it was imported from"] = "measured"


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
    prompt_n_asked: Annotated[int, "prompt tokens sent"]
    predicted_n_asked: Annotated[int, "tokens asked to be generated"]
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
    source: Annotated[str, "measured, or what it was imported from"] = "measured"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadStep(Row):
    """A number of parallel streams for a while, once."""

    TABLE: ClassVar[str] = "load_steps"
    cell_id: Annotated[str, "the cell"]
    attempt: Annotated[int, "attempt at the cell"]
    step: Annotated[str, "name of the step (streams4)"]
    streams: Annotated[int, "parallel streams"]
    repetition: Annotated[int, "number of the repetition, from 1"]
    run_order: Annotated[int, "position among the steps of the cell"]
    slots: Annotated[int, "slots of the server"]
    requests: Annotated[int, "requests that ended"]
    errors: Annotated[int, "requests that the server answered with an error"]
    busy_ms: Annotated[float | None, "time in which every stream had a request in flight, ms"]
    busy_n: Annotated[int | None, "tokens that arrived in that time, of all streams"]
    total_tok_s: Annotated[float | None, "busy_n / busy_ms, tokens per second"]
    inter_token_p50_ms: Annotated[float | None, "median time between tokens of a stream, ms"]
    inter_token_p95_ms: Annotated[float | None, "95th percentile of it over all gaps, ms"]
    inter_token_p99_ms: Annotated[float | None, "99th percentile of it over all gaps, ms"]
    valid: Annotated[bool, "whether its rates count"]
    invalid_reason: Annotated[str | None, "why they do not"]
    started_at: Annotated[datetime, "begin that all streams were scheduled for, UTC"]
    ended_at: Annotated[datetime, "end of the last answer, UTC"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(Row):
    """A request of a step with parallel streams."""

    TABLE: ClassVar[str] = "requests"
    cell_id: Annotated[str, "the cell"]
    attempt: Annotated[int, "attempt at the cell"]
    step: Annotated[str, "name of the step (streams4)"]
    streams: Annotated[int, "parallel streams"]
    repetition: Annotated[int, "number of the repetition, from 1"]
    stream: Annotated[int, "the stream, from 1"]
    request: Annotated[int, "position in its stream, from 1"]
    scheduled_at: Annotated[datetime, "when it should have been sent, UTC"]
    scheduled_ms: Annotated[float, "the same since the step's begin, ms"]
    sent_ms: Annotated[float, "sent, since the step's begin, ms"]
    first_token_ms: Annotated[float | None, "first token, since the step's begin, ms"]
    last_token_ms: Annotated[float | None, "last token, since the step's begin, ms"]
    ended_ms: Annotated[float, "end of the answer, since the step's begin, ms"]
    prompt_n_asked: Annotated[int, "prompt tokens sent"]
    predicted_n_asked: Annotated[int, "tokens asked to be generated"]
    prompt_n: Annotated[int | None, "prompt tokens processed, by the server"]
    cache_n: Annotated[int | None, "prompt tokens reused from the cache, by the server"]
    predicted_n: Annotated[int | None, "tokens generated, by the server"]
    prompt_ms: Annotated[float | None, "prompt time, by the server, ms"]
    predicted_ms: Annotated[float | None, "time from first to last token, by the server, ms"]
    queue_ms: Annotated[float | None, "scheduled to taken by a slot, by the client, ms"]
    ttft_ms: Annotated[float | None, "scheduled to first token, by the client, ms"]
    tg_tok_s: Annotated[
        float | None, "generation speed: (predicted_n - 1) / predicted_ms, tokens per second"
    ]
    inter_token_p50_ms: Annotated[float | None, "median time between its tokens, ms"]
    inter_token_p95_ms: Annotated[float | None, "95th percentile of it, ms"]
    inter_token_p99_ms: Annotated[float | None, "99th percentile of it, ms"]
    error: Annotated[str | None, "what the server answered instead"]
    valid: Annotated[bool, "whether it counts"]
    invalid_reason: Annotated[str | None, "why it does not"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StabilityRound(Row):
    """A slot filled from empty and a generation on top."""

    TABLE: ClassVar[str] = "stability_rounds"
    cell_id: Annotated[str, "the cell"]
    attempt: Annotated[int, "attempt at the cell"]
    round: Annotated[int, "number of the round, from 1"]
    slots: Annotated[int, "slots of the server"]
    slot_context: Annotated[int, "tokens that fit the slot"]
    fill_n_asked: Annotated[int, "tokens to fill the slot with"]
    filled_n: Annotated[int, "tokens in it before the generation, by cache_n and prompt_n"]
    fill_pct: Annotated[float, "filled_n in percent of the slot"]
    predicted_n: Annotated[int | None, "tokens generated on top, by the server"]
    pp_tok_s: Annotated[float | None, "prompt speed over the whole fill, tokens per second"]
    tg_tok_s: Annotated[float | None, "generation speed at that fill, tokens per second"]
    rss_before_mib: Annotated[float | None, "resident set of the engine before, MiB"]
    rss_after_mib: Annotated[float | None, "resident set of the engine after, MiB"]
    private_before_mib: Annotated[float | None, "part of it that no file backs, before, MiB"]
    private_after_mib: Annotated[float | None, "part of it that no file backs, after, MiB"]
    vram_before_mib: Annotated[float | None, "on its GPUs, its own where known, before, MiB"]
    vram_after_mib: Annotated[float | None, "on its GPUs, its own where known, after, MiB"]
    truncated: Annotated[bool, "whether an answer was truncated"]
    error: Annotated[str | None, "what ended the round before its end"]
    valid: Annotated[bool, "whether the server's counts are those asked for"]
    invalid_reason: Annotated[str | None, "why not"]
    started_at: Annotated[datetime, "start of the fill, UTC"]
    ended_at: Annotated[datetime, "end of the round, UTC"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Telemetry(Row):
    """A sample of a host, a device or the engine process."""

    TABLE: ClassVar[str] = "telemetry"
    host_id: Annotated[str, "the host"]
    launch_id: Annotated[str, "the launch that held the devices"]
    cell_id: Annotated[str, "the cell that was measured"]
    attempt: Annotated[int, "attempt at the cell"]
    device: Annotated[str, "GPU uuid, host or engine (the process)"]
    sampled_at: Annotated[datetime, "time of the sample, UTC"]
    cpu_pct: Annotated[float | None, "CPU in use, percent of one core"]
    ram_used_mib: Annotated[float | None, "RAM in use (engine: resident set), MiB"]
    vram_used_mib: Annotated[float | None, "memory of the device in use, MiB"]
    utilisation_pct: Annotated[float | None, "GPU in use, percent"]
    clock_mhz: Annotated[float | None, "SM clock (host: mean CPU clock), MHz"]
    temperature_c: Annotated[float | None, "GPU temperature, C"]
    power_w: Annotated[float | None, "power, W"]
    throttle_reasons: Annotated[str | None, "throttle reasons in force"]
    engine_vram_mib: Annotated[
        float | None, "memory of the device that the engine's process holds, MiB"
    ] = None
    memory_clock_mhz: Annotated[float | None, "clock of the GPU's memory, MHz"] = None
    pcie_tx_mib_s: Annotated[float | None, "sent by the GPU over PCIe, MiB per second"] = None
    pcie_rx_mib_s: Annotated[float | None, "received by it, MiB per second"] = None
    foreign_gpu_pids: Annotated[str | None, "other processes that compute on the GPU"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration(Row):
    """A step of a host's calibration: its noise between launches, or agreement with llama-bench."""

    TABLE: ClassVar[str] = "calibrations"
    calibration_id: Annotated[str, "the calibration: all its steps share it"]
    kind: Annotated[str, "a_a (launches of one and the same cell) or llama_bench"]
    calibrated_at: Annotated[datetime, "end of its last launch, UTC"]
    host_id: Annotated[str, "the host"]
    hardware_class: Annotated[str, "hosts that are alike for benchmarking"]
    engine_build: Annotated[str | None, "what the binary says of its build"]
    engine_sha256: Annotated[str | None, "hash of the binary and its ggml libraries"]
    bench_build: Annotated[str | None, "what llama-bench says of its build"]
    server_id: Annotated[str, "the server configuration"]
    cell_ids: Annotated[tuple[str, ...], "evidence: the cell; with llama-bench ours, then theirs"]
    launch_ids: Annotated[tuple[str, ...], "evidence: the launches of the first cell, in order"]
    bench_launch_ids: Annotated[tuple[str, ...], "evidence: the runs of llama-bench, in order"]
    metric: Annotated[str, "pp (prompt processing) or tg (text generation)"]
    step: Annotated[str, "name of the step (pp512, tg32)"]
    depth: Annotated[int, "tokens asked for in the cache before the measured ones"]
    launches: Annotated[int, "launches with a valid repetition; pairs of them with llama-bench"]
    tok_s: Annotated[float, "speed: geometric mean of the launch medians, tokens per second"]
    between_sd_pct: Annotated[float, "standard deviation of the launches' log medians, percent"]
    within_sd_pct: Annotated[
        float | None, "standard deviation of the log repetitions in a launch, percent"
    ]
    floor_pct: Annotated[
        float, "two launches, one a side, that differ by less show nothing (95 %), percent"
    ]
    difference_pct: Annotated[float | None, "llama-bench against llama-server, percent"]
    low_pct: Annotated[float | None, "low end of its 95 % interval, percent"]
    high_pct: Annotated[float | None, "high end of its 95 % interval, percent"]
    verdict: Annotated[str | None, "whether llama-bench agrees, in words"]


TABLES: tuple[type[Row], ...] = (
    Sweep,
    PlannedCell,
    PredictedMemory,
    Host,
    Model,
    Launch,
    Memory,
    Cell,
    Trial,
    ContextProbe,
    Prefill,
    DepthRun,
    LoadStep,
    Request,
    StabilityRound,
    Telemetry,
    Calibration,
)
