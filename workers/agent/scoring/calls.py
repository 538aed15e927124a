"""Tool calls: which are none, which the schema refuses, which repeat, which came right after."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import jsonschema

from workers.agent.scoring.transcript import AskedCall, Turn

_FENCE = re.compile(r"```[\w-]*\s*\n?(.*?)(?:```|\Z)", re.DOTALL)
_TAG = re.compile(r"</?tool_call>|<function[=\s]|\[TOOL_CALLS\]|<\|(?:python_tag|tool_call)\S*\|?>")
_NAME_KEYS = ("name", "function", "tool")
_ARGUMENT_KEYS = ("arguments", "parameters", "args")
_UNREADABLE = re.compile(r"\bpars(?:e|ing)\b|does not match the expected \S+ format", re.I)
"""Of the server's error 500: "Failed to parse input", "The model produced output that does not
match the expected peg-native format"."""


@dataclass(frozen=True, slots=True)
class JudgedCall:
    """A call, or what should have been one; the columns of `tool_calls`."""

    turn: int
    """From 1."""
    tool: str | None
    arguments: str | None
    started_at: datetime
    ended_at: datetime
    malformed: str | None = None
    """fence, bare_json, tag, broken_json, no_object, unknown_tool, unparsable"""
    invalid_arguments: str | None = None
    error: str | None = None
    repeats: int | None = None
    recovered_by: int | None = None
    """Numbers of calls in the run, from 1."""
    result: str | None = None

    @property
    def wrong(self) -> bool:
        """Whether it brought nothing."""
        return bool(self.malformed or self.invalid_arguments or self.error)


def judge_calls(turns: Sequence[Turn]) -> tuple[JudgedCall, ...]:
    """All calls of a run in order; a call's number is its position, from 1."""
    calls = [call for number, turn in enumerate(turns, 1) for call in _of_turn(number, turn)]
    return tuple(
        replace(call, repeats=_repeats(calls, at), recovered_by=_recovered_by(calls, at))
        for at, call in enumerate(calls)
    )


def _of_turn(number: int, turn: Turn) -> Iterator[JudgedCall]:
    kind = _unparsable(turn) or _as_text(turn)
    if kind:
        text = turn.error if turn.error else turn.content.strip()
        tool = next((name for name in turn.tools if name in text), None)
        yield JudgedCall(number, tool, text or None, turn.ended_at, turn.ended_at, malformed=kind)
    for call in turn.calls:
        yield _asked(number, call, turn.tools)


def _asked(number: int, call: AskedCall, tools: Mapping[str, Mapping[str, object]]) -> JudgedCall:
    malformed, invalid = None, None
    arguments = _parsed(call.arguments)
    if call.tool not in tools:
        malformed = "unknown_tool"
    elif arguments is None:
        malformed = "broken_json"
    elif not isinstance(arguments[0], dict):
        malformed = "no_object"
    else:
        invalid = _refused(arguments[0], tools[call.tool])
    return JudgedCall(
        number,
        call.tool,
        call.arguments,
        call.started_at,
        call.ended_at,
        malformed=malformed,
        invalid_arguments=invalid,
        error=None if malformed or invalid else call.error,
        result=call.result or call.error or "",
    )


def _parsed(text: str) -> tuple[object] | None:
    """The value of a JSON text, in a tuple since it may be null; no text is no argument."""
    try:
        return (json.loads(text or "{}"),)
    except ValueError:
        return None


def _refused(arguments: Mapping[str, object], schema: Mapping[str, object]) -> str | None:
    validator = jsonschema.Draft202012Validator(dict(schema))
    first = next(iter(sorted(validator.iter_errors(dict(arguments)), key=str)), None)
    return first.message.splitlines()[0] if first else None


def is_unreadable(error: str) -> bool:
    """Whether the server's error is that it could not read what the model wrote."""
    return _UNREADABLE.search(error) is not None


def _unparsable(turn: Turn) -> str | None:
    """A server that could not read the model's call answers an error in its place."""
    return "unparsable" if turn.error and turn.tools and is_unreadable(turn.error) else None


def _as_text(turn: Turn) -> str | None:
    """How a call was written into the text, if one was."""
    if not turn.tools:
        return None
    if _TAG.search(turn.content):
        return "tag"
    if turn.calls:
        return None
    if any(_is_call(text, turn.tools) for text in _FENCE.findall(turn.content)):
        return "fence"
    text = turn.content.strip()
    return "bare_json" if text.startswith("{") and _is_call(text, turn.tools) else None


def _is_call(text: str, tools: Mapping[str, object]) -> bool:
    """Whether a text is meant as a call of one of the tools, broken or not."""
    value = _parsed(text.strip())
    if value is None:
        keys = (f'"{key}"' for key in (*_NAME_KEYS, *_ARGUMENT_KEYS))
        return sum(key in text for key in keys) > 1 and any(f'"{n}"' in text for n in tools)
    found = value[0]
    if not isinstance(found, dict) or not any(key in found for key in _ARGUMENT_KEYS):
        return False
    return any(found.get(key) in tools for key in _NAME_KEYS if isinstance(found.get(key), str))


def _canonical(arguments: str | None) -> str:
    parsed = _parsed(arguments or "")
    return arguments or "" if parsed is None else json.dumps(parsed[0], sort_keys=True)


def _repeats(calls: Sequence[JudgedCall], at: int) -> int | None:
    """The first equal call before it, if the results are equal too."""
    call = calls[at]
    if call.result is None:
        return None
    for number, earlier in enumerate(calls[:at], 1):
        same = (earlier.tool, earlier.result) == (call.tool, call.result)
        if same and _canonical(earlier.arguments) == _canonical(call.arguments):
            return number
    return None


def _recovered_by(calls: Sequence[JudgedCall], at: int) -> int | None:
    """The first later call that is right and of the same tool (of any, where none is known)."""
    call = calls[at]
    if not call.wrong:
        return None
    known = call.tool is not None and call.malformed != "unknown_tool"
    for number, later in enumerate(calls[at + 1 :], at + 2):
        if not later.wrong and (not known or later.tool == call.tool):
            return number
    return None
