"""Configuration of the workload `agent`."""

from dataclasses import dataclass, field
from typing import ClassVar

HERD = "herd"
"""The suite that ships with herd; any other name is a task of Inspect."""
GREEDY = "greedy"
MODEL = "model"
THINKING = ("on", "off", "model")


@dataclass(frozen=True)
class AgentConfig:
    """Tasks of one level, done by the model as an agent."""

    NAME: ClassVar[str] = "agent"
    METHOD_VERSION: ClassVar[int] = 1

    name: str = "agent"
    suite: str = HERD
    """`herd`, or any task of Inspect: `path.py@task`, `inspect_evals/NAME`."""
    suite_version: str | None = None
    """Filled in by the plan for `herd`, and for a file by its hash; else what you say it is."""
    level: str = "L0"
    """L0 (single answers) to L4 (long work); of `herd` only."""
    tasks: list[str] = field(default_factory=list)
    """Names of tasks (for other suites: ids of samples); none: all."""
    tries: int = 1
    """Tries at each task."""
    seed: int = 0
    """Of the world's facts and of the sampler."""
    variants: int = 1
    """Worlds, each with facts of a seed of its own: seed, seed + 1, ..."""
    sampling: str = GREEDY
    """greedy, or model: what the catalogue recommends for the model, or its file's header."""
    temperature: float | None = None
    """This and the next five: null is what `sampling` says."""
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    repeat_penalty: float | None = None
    presence_penalty: float | None = None
    thinking: str = MODEL
    """on or off, told to the chat template; model: as the template does by itself."""
    thinking_budget: int | None = None
    """Tokens of thinking in a turn, told to the server; null: no limit."""
    sessions: int = 1
    """Sessions at the same time, the tasks shared out over them; `engine.parallel` has to be the
    same."""
    filler_depth: int = 0
    """Tokens of filler before each task, filled once and restored."""
    messages: int | None = None
    """Messages of a run at most; null: as the task says."""
    turn_tokens: int = 2048
    """Tokens of a turn at most."""
    time_s: float = 900.0
    """Time of a run at most, s."""
    live: bool = False
    """Whether the tools of `herd` reach the real web in place of the sealed site: what comes of it
    is not comparable."""
    live_search: str | None = None
    """Address of a search engine for that, with `{query}` in it; null: no search."""
