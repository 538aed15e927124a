"""A program that grows over several user messages and is judged by hidden tests in the end."""

from collections.abc import Callable, Mapping
from random import Random
from string import Template

from workers.agent.suite import effects, toolsets
from workers.agent.suite.demands import Demand
from workers.agent.suite.draws import draw
from workers.agent.suite.posing import posed
from workers.agent.suite.spec import Level, Need, PoseContext, Posed, Task, TaskClass
from workers.agent.world.facts import Facts

HIDDEN_NAME = "test_hidden.py"

_MESSAGES = 20
"""For a user message: some rounds of writing, running and repairing."""
_HEAD = (
    "Write Python 3.11 with the standard library only, in the directory that your tools show. When "
    "all is done I run tests of my own; they cover every message of mine. Try what you write "
    "before you say that it works.\n\n"
)

Values = Callable[[Random], Mapping[str, object]]
"""What changes with the seed: `$name` in messages and tests."""


def tests_of(source: str) -> int:
    """How many tests a test file holds."""
    return source.count("    def test_")


def program(
    name: str,
    turns: str,
    hidden: str,
    values: Values,
    *,
    asks: str,
    files: Callable[[Random], Mapping[str, bytes]] | None = None,
    demands: Callable[[Mapping[str, bytes]], tuple[Demand, ...]] | None = None,
) -> Task:
    """A coding task: its turns and hidden tests are templates over `values`.

    Args:
        name: Of the task; it seeds the values.
        turns: The user messages, a paragraph each.
        hidden: The hidden tests, unittest.
        values: What the seed draws.
        asks: One line for the documentation.
        files: What lies in the directory at the start, drawn after the values.
        demands: Further demands, of those files.
    """
    messages = [" ".join(each.split()) for each in turns.strip().split("\n\n")]

    def pose(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
        source = draw(name, seed)
        drawn = values(source)
        laid = files(source) if files else {}
        first, *others = (Template(each).substitute(drawn) for each in messages)
        return posed(
            _HEAD + first,
            effects.hidden_passed(tests_of(hidden)),
            *(demands(laid) if demands else ()),
            follow_ups=others,
            files=laid,
            hidden={HIDDEN_NAME: Template(hidden).substitute(drawn).encode()},
        )

    return Task(
        name=name,
        level=Level.L4,
        task_class=TaskClass.CODING,
        asks=f"{asks}, {len(messages)} messages",
        checks=f"{tests_of(hidden)} hidden tests in the sandbox",
        pose=pose,
        tools=toolsets.CODE,
        needs=frozenset({Need.SANDBOX}),
        messages_max=_MESSAGES * len(messages),
        language=None,
        context_min_n=8192,
    )
