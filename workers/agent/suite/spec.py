"""What a task is: what it asks, what it offers, and what decides whether the work was done.

A task is bound to a world's facts, a seed and a context by `Task.pose`; what came of a run is an
`Outcome`, and `Posed.check` judges it. Both are pure: same arguments, same words, same verdict.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from workers.agent.scoring.report import Effect, Report
from workers.agent.world.facts import Facts
from workers.agent.world.state import TestRun, WorldState


class Level(StrEnum):
    """How much work a task is."""

    L0 = "L0"
    """Single answers, no tools."""
    L1 = "L1"
    """One tool call with right arguments."""
    L2 = "L2"
    """Chains of 3 to 8 calls."""
    L3 = "L3"
    """Trouble: errors, contradictions, planted instructions, what cannot be done."""
    L4 = "L4"
    """Long work: many turns, much text."""


class TaskClass(StrEnum):
    """What kind of work a task is; the words of `agent_runs.task_class`."""

    WEATHER = "weather lookup"
    BROWSER = "browser automation"
    WEB = "web research"
    MULTILINGUAL = "multilingual"
    CODING = "coding"
    LONG_CONTEXT = "long context"
    TOOL_CHAIN = "tool chain"
    ERROR_EDGE = "error edge"
    REASONING = "reasoning"


class Need(StrEnum):
    """What of the host a task cannot do without."""

    BROWSER = "browser"
    SANDBOX = "sandbox"


@dataclass(frozen=True, slots=True)
class PoseContext:
    """What a task may take of the model's context."""

    context_n: int
    """Tokens that prompt and answers of a run may take together."""
    tokens_of: Callable[[str], int]
    """How many tokens a text has, counted or estimated."""
    answer_n: int = 1024
    """Of `context_n`, tokens that are kept for question, thinking and answer."""


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call of a run, as a check sees it."""

    tool: str
    arguments: Mapping[str, object]
    error: str | None = None
    """The error that it was answered with, one line."""
    turn: int = 0
    """The user message that it was made for, from 0."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run."""

    answer: str
    """The last answer, without thinking; empty: none."""
    report: Report | None
    """The structured report that ended the run; None: there was none."""
    state: WorldState
    """The world at the end."""
    turns: tuple[str, ...] = ()
    """The answer to each user message, in order; the last is `answer`."""
    hidden: TestRun | None = None
    """What the hidden tests said; None: there are none, or they did not run."""
    calls: tuple[Call, ...] = ()
    """Tool calls in order."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the work was done."""

    success: bool
    reason: str
    """What the check found, one line."""


Check = Callable[[Outcome], Verdict]


@dataclass(frozen=True, slots=True)
class Posed:
    """A task bound to facts, a seed and a context."""

    prompt: str
    """The first user message."""
    check: Check
    """Pure: what decides success."""
    follow_ups: tuple[str, ...] = ()
    """Later user messages, each sent when the agent has ended its turn."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Laid into the agent's directory before the run."""
    hidden: Mapping[str, bytes] = field(default_factory=dict)
    """Tests that are laid beside the agent's files after the run; the model never sees them."""
    text_n: int = 0
    """Tokens of the text that the prompt carries, by `PoseContext.tokens_of`; 0: no long text."""


@dataclass(frozen=True, slots=True)
class Task:
    """A task: one checker over one state of the world, in variants by seed."""

    name: str
    level: Level
    task_class: TaskClass
    asks: str
    """What is asked, one line (for the documentation)."""
    checks: str
    """What is checked, one line (for the documentation)."""
    pose: Callable[[Facts, int, PoseContext], Posed]
    """Facts, seed and context to the task that is set."""
    tools: tuple[str, ...] = ()
    """Names of the tools that it offers; none: the answer ends the run."""
    effects: tuple[Effect, ...] = ()
    """Effects in the world that it demands, in order (for reporting)."""
    needs: frozenset[Need] = frozenset()
    """What of the host it cannot do without: skipped where that lacks."""
    messages_max: int = 2
    """Messages of a run at most, the system's not counted: user, model and tools."""
    language: str | None = "en"
    """Language of the answer asked for, ISO 639-1; None: the answer is no language."""
    context_min_n: int = 2048
    """Context below which the task cannot be set, tokens: skipped there."""
