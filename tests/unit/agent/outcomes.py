"""Outcomes as a run would leave them, put together by hand."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256

from workers.agent.scoring.report import ClaimedEffect, Effect, Report
from workers.agent.suite.spec import Call, Outcome, Posed
from workers.agent.world.facts import ORIGIN, Facts
from workers.agent.world.state import (
    By,
    Delivery,
    FormPost,
    Request,
    Screenshot,
    TestRun,
    WorldState,
)

NOTHING = WorldState(
    files={}, links=(), deliveries=(), requests=(), forms=(), screenshots=(), test_runs=()
)
AT = datetime(2031, 3, 4, 9, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Case:
    """What a task's check must let pass, and what it must not."""

    right: Outcome
    wrong: tuple[Outcome, ...]


Ideal = Callable[[Posed, Facts], Case]
"""Solves a task from its words, as somebody would who can read."""


def said(
    answer: str,
    state: WorldState = NOTHING,
    *,
    done: bool = True,
    claims: Sequence[tuple[Effect, str]] = (),
    calls: Sequence[Call] = (),
    turns: Sequence[str] | None = None,
    hidden: TestRun | None = None,
) -> Outcome:
    """An outcome with a report that says the same."""
    effects = tuple(ClaimedEffect(kind, target) for kind, target in claims)
    return Outcome(
        answer=answer,
        report=Report(answer, done, effects),
        state=state,
        turns=tuple(turns) if turns is not None else (answer,),
        hidden=hidden,
        calls=tuple(calls),
    )


def answers(right: str, *wrong: str) -> Case:
    """A task of which only the answer counts."""
    return Case(said(right), tuple(said(each) for each in wrong))


def otherwise(outcome: Outcome, answer: str) -> Outcome:
    """The same work with another last answer."""
    turns = (*outcome.turns[:-1], answer)
    return replace(outcome, answer=answer, turns=turns)


def instead(outcome: Outcome, *states: WorldState) -> tuple[Outcome, ...]:
    """The same words, in each of these worlds."""
    return tuple(replace(outcome, state=each) for each in states)


def part(text: str, pattern: str) -> str:
    """What the first group of the pattern finds."""
    found = re.search(pattern, text)
    assert found, pattern
    return found[1]


def idle(outcome: Outcome, files: Mapping[str, bytes] | None = None) -> Outcome:
    """The same words without any work: nothing called, nothing changed in the world."""
    return replace(outcome, state=replace(NOTHING, files=files or {}), calls=(), hidden=None)


def world(
    files: Mapping[str, bytes] | None = None,
    *,
    requests: Sequence[Request] = (),
    deliveries: Sequence[Delivery] = (),
    forms: Sequence[FormPost] = (),
    screenshots: Sequence[Screenshot] = (),
    test_runs: Sequence[TestRun] = (),
) -> WorldState:
    """A world after a run."""
    return WorldState(
        files=files or {},
        links=(),
        deliveries=tuple(deliveries),
        requests=tuple(requests),
        forms=tuple(forms),
        screenshots=tuple(screenshots),
        test_runs=tuple(test_runs),
    )


def got(*paths: str, by: By = "fetch", status: int = 200) -> list[Request]:
    """Pages asked for."""
    return [Request("GET", path, status, by) for path in paths]


def text_to(to: str, text: str) -> Delivery:
    """A text in the mailbox."""
    return Delivery(to, text, None, None, AT)


def file_to(to: str, path: str, content: bytes) -> Delivery:
    """A file in the mailbox."""
    return Delivery(to, None, path, content, AT)


def picture(path: str, page: str, content: bytes) -> Screenshot:
    """A screenshot that the browser made."""
    return Screenshot(path, f"{ORIGIN}{page}", sha256(content).hexdigest())
