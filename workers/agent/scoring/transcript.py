"""A run in plain values: what was said, called and answered, and what the server says of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from workers.engine.completion import Timings


@dataclass(frozen=True, slots=True)
class AskedCall:
    """A tool call as the server's API tells it, with what the tool answered."""

    tool: str
    arguments: str
    """As the model wrote them."""
    started_at: datetime
    ended_at: datetime
    result: str = ""
    error: str | None = None
    """One line; None: it was no error."""


@dataclass(frozen=True, slots=True)
class Turn:
    """An answer of the model."""

    content: str
    thinking: str
    """Apart from the content, or at its begin in `<think>` where the server left it there."""
    calls: tuple[AskedCall, ...]
    timings: Timings
    started_at: datetime
    ended_at: datetime
    tools: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """JSON schema of the arguments by tool that was offered."""
    stop: str | None = None
    """Why it ended: stop, tool_calls, length."""
    error: str | None = None
    """What the server answered instead, one line."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """All turns of a run, in order."""

    turns: tuple[Turn, ...]
    ended_by: str
    """answer, or the limit that ended it: messages, time, tokens, context, or error"""
    answer: str = ""
    """The last answer without thinking; empty: none."""
