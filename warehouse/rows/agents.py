"""Tables of the quality of answers: tasks of an agent, and figures of a model file."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from warehouse.rows.base import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRun(Row):
    """A try at a task by the model as an agent."""

    TABLE: ClassVar[str] = "agent_runs"
    cell_id: Annotated[str, "the cell"]
    attempt: Annotated[int, "attempt at the cell"]
    run: Annotated[int, "number of the run in the cell, from 1"]
    suite: Annotated[str, "suite that the task is from"]
    suite_version: Annotated[str | None, "version of its tasks and checks"]
    task: Annotated[str, "name of the task: one checker and one state of the world"]
    variant: Annotated[str | None, "variant of the task (its facts, its wording)"]
    seed: Annotated[int | None, "seed of world and sampling"]
    level: Annotated[str | None, "L0 (single answers) to L4 (long work)"]
    task_class: Annotated[str, "weather lookup, browser automation, web research, coding, ..."]
    language_asked: Annotated[str | None, "language that the answer should have, ISO 639-1"]
    language_given: Annotated[str | None, "language that it has; null: none, or not to be told"]
    try_number: Annotated[int, "number of the try at that task, variant and seed, from 1"]
    outcome: Annotated[str, "success, failure, skipped or error (of the harness, not the model)"]
    reason: Annotated[str | None, "what the check found, or why it was skipped, one line"]
    ended_by: Annotated[str | None, "answer, or the limit that ended it: steps, tokens, time, ..."]
    sandbox: Annotated[str | None, "what held what the model wrote (docker, bubblewrap)"]
    claimed: Annotated[bool | None, "whether its report says that the task is done"]
    claimed_effects: Annotated[str | None, "effects that it says it has brought about, JSON"]
    claimed_by: Annotated[str | None, "where it says so: report or prose"]
    overclaimed: Annotated[
        bool | None, "whether the world's state lacks an effect that it claims; null: no claim seen"
    ]
    overclaimed_effect: Annotated[str | None, "the claimed effect that the world lacks"]
    calls: Annotated[int | None, "tool calls, malformed ones too"]
    calls_malformed: Annotated[int | None, "of them, those that are no call (a fence, broken JSON)"]
    calls_invalid: Annotated[int | None, "of them, those whose arguments the tool's schema refuses"]
    calls_failed: Annotated[int | None, "of them, those that the tool answered with an error"]
    calls_repeated: Annotated[
        int | None, "of them, those equal to an earlier one with the same result"
    ]
    calls_recovered: Annotated[
        int | None, "of the wrong ones, those after which the call came right"
    ]
    steps: Annotated[int | None, "turns of the model"]
    prompt_n: Annotated[int | None, "prompt tokens processed over all turns, by the server"]
    cache_n: Annotated[int | None, "prompt tokens reused over all turns, by the server"]
    predicted_n: Annotated[int | None, "tokens generated over all turns, by the server"]
    thinking_n: Annotated[int | None, "of them, tokens of thinking"]
    thinking_budget_n: Annotated[int | None, "tokens of thinking that were allowed; null: no limit"]
    budget_overrun: Annotated[bool | None, "whether thinking went over that"]
    answer_in_thinking: Annotated[bool | None, "whether the answer stands in the thinking only"]
    context_start_n: Annotated[int | None, "tokens in the context at the first answer's begin"]
    context_end_n: Annotated[int | None, "tokens in the context at the last answer's end"]
    prompt_ms: Annotated[float | None, "prompt time over all turns, by the server, ms"]
    predicted_ms: Annotated[float | None, "generation time over all turns, by the server, ms"]
    tg_tok_s: Annotated[
        float | None, "generation speed in the run: over all turns, by the server, tokens/s"
    ]
    tools_ms: Annotated[float | None, "time spent in tools, ms"]
    full_prefills: Annotated[
        int | None, "turns whose whole prompt was processed again for lack of a usable cache"
    ]
    sessions: Annotated[int | None, "sessions that ran at the same time; 1 without stress"]
    session: Annotated[int | None, "number of its session, from 1"]
    filler_depth: Annotated[int | None, "tokens of filler before the task"]
    filler_cache_n: Annotated[int | None, "prompt tokens that its first answer found cached"]
    transcript_path: Annotated[str | None, "log of the run, relative to the warehouse"]
    valid: Annotated[bool, "whether it counts"]
    invalid_reason: Annotated[str | None, "why it does not"]
    started_at: Annotated[datetime, "start, UTC"]
    ended_at: Annotated[datetime, "end, UTC"]
    filler_how: Annotated[
        str | None, "restored from a saved slot, or refilled where that brings nothing back"
    ] = None
    sampling: Annotated[str | None, "parameters of the sampler as they were sent, JSON"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentTurn(Row):
    """An answer of the model in a run: its speed at the depth that the run had reached."""

    TABLE: ClassVar[str] = "agent_turns"
    cell_id: Annotated[str, "the cell"]
    attempt: Annotated[int, "attempt at the cell"]
    run: Annotated[int, "number of the run in the cell"]
    turn: Annotated[int, "number of the turn, from 1"]
    context_n: Annotated[int | None, "tokens in the context at its end"]
    prompt_n: Annotated[int | None, "prompt tokens processed, by the server"]
    cache_n: Annotated[int | None, "prompt tokens reused from the cache, by the server"]
    predicted_n: Annotated[int | None, "tokens generated, by the server"]
    thinking_n: Annotated[int | None, "of them, tokens of thinking"]
    prompt_ms: Annotated[float | None, "prompt time, by the server, ms"]
    predicted_ms: Annotated[float | None, "generation time, by the server, ms"]
    ttft_ms: Annotated[float | None, "request sent to first token, by the client, ms"]
    tg_tok_s: Annotated[
        float | None, "generation speed: (predicted_n - 1) / predicted_ms, tokens per second"
    ]
    full_prefill: Annotated[bool | None, "whether a usable cache was lacking"]
    error: Annotated[str | None, "what the server answered instead"]
    started_at: Annotated[datetime, "request sent, UTC"]
    ended_at: Annotated[datetime, "end of the answer, UTC"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall(Row):
    """A tool call of a run, or what should have been one."""

    TABLE: ClassVar[str] = "tool_calls"
    cell_id: Annotated[str, "the cell"]
    attempt: Annotated[int, "attempt at the cell"]
    run: Annotated[int, "number of the run in the cell"]
    turn: Annotated[int, "turn that made it"]
    call: Annotated[int, "number of the call in the run, from 1"]
    tool: Annotated[str | None, "the tool; null if a malformed call names none"]
    arguments: Annotated[str | None, "arguments as the model wrote them"]
    malformed: Annotated[str | None, "what makes it no call (fence, broken_json, ...)"]
    invalid_arguments: Annotated[str | None, "what the tool's schema refuses"]
    error: Annotated[str | None, "error that the tool answered with, one line"]
    repeats: Annotated[int | None, "the equal earlier call with the same result"]
    recovered_by: Annotated[int | None, "the later call that came right after this wrong one"]
    result_bytes: Annotated[int | None, "size of the result, bytes"]
    started_at: Annotated[datetime, "start, UTC"]
    ended_at: Annotated[datetime, "end, UTC"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality(Row):
    """Perplexity over a text, and how far it is from a baseline's answers."""

    TABLE: ClassVar[str] = "quality"
    cell_id: Annotated[str, "the cell"]
    attempt: Annotated[int, "attempt at the cell"]
    corpus: Annotated[str, "name of the text"]
    corpus_sha256: Annotated[str, "hash of the text"]
    chunk_context: Annotated[int, "tokens of a chunk, each with an empty cache"]
    chunks: Annotated[int, "chunks that were scored"]
    perplexity: Annotated[float | None, "exp of the mean negative log likelihood by token"]
    perplexity_se: Annotated[float | None, "its standard error"]
    baseline_cell_id: Annotated[str | None, "evidence: the cell that gave the baseline's logits"]
    baseline_quant: Annotated[str | None, "quant of the baseline"]
    baseline_sha256: Annotated[str | None, "hash of the baseline's model file"]
    baseline_perplexity: Annotated[float | None, "perplexity of the baseline over the same text"]
    kld_mean_nats: Annotated[float | None, "KL divergence from the baseline, mean by token, nats"]
    kld_mean_se_nats: Annotated[float | None, "its standard error, nats"]
    kld_median_nats: Annotated[float | None, "median of it, nats"]
    kld_p99_nats: Annotated[float | None, "99th percentile of it, nats"]
    kld_max_nats: Annotated[float | None, "largest of it, nats"]
    same_top_pct: Annotated[float | None, "tokens whose likeliest is the baseline's, percent"]
    same_top_se_pct: Annotated[float | None, "its standard error, percent"]
    p_change_mean_pct: Annotated[
        float | None, "mean change of the right token's probability, percent points"
    ]
    p_change_rms_pct: Annotated[float | None, "root mean square of that change, percent points"]
    valid: Annotated[bool, "whether it counts"]
    invalid_reason: Annotated[str | None, "why it does not"]
    started_at: Annotated[datetime, "start, UTC"]
    ended_at: Annotated[datetime, "end, UTC"]
