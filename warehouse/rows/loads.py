"""Tables of a server under load and full."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from warehouse.rows.base import Row


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
