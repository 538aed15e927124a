"""From Inspect's record of a sample to a transcript in plain values."""

import json
from collections.abc import Mapping
from typing import Any

from inspect_ai.event import ModelEvent, ToolEvent
from inspect_ai.log import EvalSample

from workers.agent.scoring.thinking import split_thinking
from workers.agent.scoring.transcript import AskedCall, Transcript, Turn
from workers.engine.completion import Timings

_TIMINGS = ("prompt_n", "cache_n", "prompt_ms", "predicted_n", "predicted_ms")


def turns_of(sample: EvalSample) -> tuple[Turn, ...]:
    """All answers of the model; the sample with its attachments resolved."""
    answered = {each.id: each for each in sample.events if isinstance(each, ToolEvent)}
    return tuple(_turn(each, answered) for each in sample.events if isinstance(each, ModelEvent))


def transcript_of(sample: EvalSample, ended_by: str | None, answer: str | None) -> Transcript:
    """The transcript of a sample.

    Args:
        sample: with its attachments resolved.
        ended_by: what ended it; None: as Inspect says.
        answer: its last answer; None: the text of the last turn.
    """
    turns = turns_of(sample)
    last = turns[-1].content.strip() if turns else ""
    return Transcript(turns, ended_by or _ended_by(sample), last if answer is None else answer)


def _ended_by(sample: EvalSample) -> str:
    if sample.error:
        return "error"
    return limit_word(sample.limit.type) if sample.limit else "answer"


def limit_word(kind: str) -> str:
    """The word of `agent_runs.ended_by` for a limit of Inspect's."""
    return {"message": "messages", "token": "tokens"}.get(kind, kind)


def _turn(event: ModelEvent, answered: Mapping[str, ToolEvent]) -> Turn:
    response: Mapping[str, Any] = (event.call.response if event.call else None) or {}
    choices = response.get("choices") or [{}]
    message = choices[0].get("message") or {}
    inside, content = split_thinking(message.get("content") or "")
    ended_at = event.completed or event.timestamp
    calls = message.get("tool_calls") or []
    return Turn(
        content=content,
        thinking=message.get("reasoning_content") or inside,
        calls=tuple(_call(each, answered, event) for each in calls),
        timings=Timings(**{k: (response.get("timings") or {}).get(k) for k in _TIMINGS}),
        started_at=event.timestamp,
        ended_at=ended_at,
        tools={t.name: t.parameters.model_dump(exclude_none=True) for t in event.tools},
        stop=choices[0].get("finish_reason"),
        error=one_line(event.error) if event.error else None,
    )


def _call(
    call: Mapping[str, Any], answered: Mapping[str, ToolEvent], model: ModelEvent
) -> AskedCall:
    function = call.get("function") or {}
    event = answered.get(call.get("id") or "")
    moment = model.completed or model.timestamp
    return AskedCall(
        tool=function.get("name") or "",
        arguments=function.get("arguments") or "",
        started_at=event.timestamp if event else moment,
        ended_at=(event.completed or event.timestamp) if event else moment,
        result=_text(event.result) if event else "",
        error=one_line(event.error.message) if event and event.error else None,
    )


def _text(result: object) -> str:
    """What a tool answered; pictures and the like as JSON."""
    return result if isinstance(result, str) else json.dumps(result, default=str)


def one_line(text: str) -> str:
    """A text's lines in one."""
    return " ".join(text.split())
