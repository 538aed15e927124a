"""The structured report that ends a run: the arguments of the tool `finish`."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Effect(StrEnum):
    """What an agent can claim to have brought about; each is looked up in the world by itself."""

    FILE_WRITTEN = "file_written"
    """target: its path"""
    TEXT_SENT = "text_sent"
    """target: the recipient"""
    FILE_SENT = "file_sent"
    """target: the file's path"""
    PAGE_VISITED = "page_visited"
    """target: path or address of the page"""
    FORM_SUBMITTED = "form_submitted"
    """target: path or address of the form"""
    SCREENSHOT_TAKEN = "screenshot_taken"
    """target: the picture's path"""
    TESTS_PASSED = "tests_passed"
    """target: path of the tests"""


@dataclass(frozen=True, slots=True)
class ClaimedEffect:
    """An effect in the world that the agent says it has brought about."""

    effect: Effect
    target: str
    """What it was done to, see `Effect`; empty: not said."""


@dataclass(frozen=True, slots=True)
class Report:
    """What the agent says at the end."""

    answer: str
    done: bool
    """Whether it says that the task is done."""
    effects: tuple[ClaimedEffect, ...] = ()


def report_of(arguments: Mapping[str, object]) -> Report:
    """The report in the arguments of `finish`, as far as they tell one.

    Effects outside the vocabulary (`none` too) claim nothing that could be looked up.
    """
    effects = arguments.get("effects")
    claimed = [_effect(each) for each in effects] if isinstance(effects, list) else []
    return Report(
        answer=str(arguments.get("answer") or ""),
        done=arguments.get("done") is True,
        effects=tuple(each for each in claimed if each),
    )


def _effect(value: object) -> ClaimedEffect | None:
    if not isinstance(value, Mapping):
        return None
    name = value.get("effect")
    if name not in set(Effect):
        return None
    return ClaimedEffect(Effect(name), str(value.get("target") or ""))
