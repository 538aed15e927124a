"""Thinking: apart from the answer, against its budget, and with the answer inside it."""

import re
from collections.abc import Callable

from workers.agent.scoring.transcript import Transcript

_OPEN = re.compile(r"^\s*<think(?:ing)?>", re.IGNORECASE)
_CLOSE = re.compile(r"</think(?:ing)?>", re.IGNORECASE)


def split_thinking(content: str) -> tuple[str, str]:
    """Thinking and answer of a text in which the server left both.

    Templates may open the thinking themselves: then only its end stands in the text. What is
    never closed is thinking to the end.
    """
    closed = _CLOSE.search(content)
    opened = _OPEN.match(content)
    if closed:
        return content[opened.end() if opened else 0 : closed.start()], content[closed.end() :]
    if opened:
        return content[opened.end() :], ""
    return "", content


def thinking_tokens(run: Transcript, tokens_of: Callable[[str], int]) -> tuple[int, ...]:
    """Tokens of thinking by turn; `tokens_of` counts those of a text."""
    return tuple(tokens_of(turn.thinking) if turn.thinking else 0 for turn in run.turns)


def budget_overrun(by_turn: tuple[int, ...], budget: int | None) -> bool | None:
    """Whether a turn thought for more tokens than it was allowed; None: no limit."""
    return None if budget is None else max(by_turn, default=0) > budget


def answer_in_thinking(run: Transcript) -> bool | None:
    """Whether the last turn ends of itself with thinking and nothing else; None: no turn."""
    if not run.turns:
        return None
    last = run.turns[-1]
    return bool(
        last.thinking.strip()
        and not last.content.strip()
        and not last.calls
        and last.stop == "stop"
        and not run.answer.strip()
    )
