"""L4 reasoning: a session of 40 messages over a list that is added to, cut, renamed and moved."""

from collections.abc import Callable
from random import Random

from workers.agent.suite.demands import bare
from workers.agent.suite.draws import GOODS, draw
from workers.agent.suite.l4.exchange import EXCHANGES, Exchange, exchange, session
from workers.agent.suite.spec import Level, PoseContext, Posed, Task, TaskClass
from workers.agent.world.facts import Facts

_Change = Callable[[Random, list[str], list[str]], str]
"""Changes the list, with what is still unused at hand; gives the words for it."""


def _add(_source: Random, items: list[str], unused: list[str]) -> str:
    items.append(unused.pop())
    return f"Put {items[-1]} at the end."


def _insert(_source: Random, items: list[str], unused: list[str]) -> str:
    items.insert(0, unused.pop())
    return f"Put {items[0]} at the front."


def _remove(source: Random, items: list[str], unused: list[str]) -> str:
    item = items.pop(source.randrange(len(items)))
    unused.insert(0, item)
    return f"Take {item} out."


def _swap(source: Random, items: list[str], _unused: list[str]) -> str:
    first, second = source.sample(range(len(items)), 2)
    items[first], items[second] = items[second], items[first]
    return f"Swap {items[second]} and {items[first]}."


def _replace(source: Random, items: list[str], unused: list[str]) -> str:
    place = source.randrange(len(items))
    old, items[place] = items[place], unused.pop()
    unused.insert(0, old)
    return f"Replace {old} by {items[place]}, in the same place."


def _exchanges(seed: int) -> list[Exchange]:
    source = draw("session_list", seed)
    unused = source.sample(GOODS, len(GOODS))
    items = [unused.pop() for _ in range(4)]
    found = [
        exchange(
            "Keep a packing list with me. After each message answer with the whole list in order, "
            f"separated by commas, nothing else. The list: {', '.join(items)}.",
            bare(", ".join(items), ",".join(items)),
        )
    ]
    for _ in range(1, EXCHANGES):
        growing: tuple[_Change, ...] = (_add, _insert, _swap, _replace)
        shrinking: tuple[_Change, ...] = (_remove, _swap, _replace)
        change = source.choice(growing if len(items) < 5 else shrinking)
        says = change(source, items, unused)
        found.append(exchange(says, bare(", ".join(items), ",".join(items))))
    return found


def _pose(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
    return session(_exchanges(seed))


TASKS = (
    Task(
        name="l4_session_list",
        level=Level.L4,
        task_class=TaskClass.REASONING,
        asks="40 messages: a packing list that is added to, cut, swapped and replaced in",
        checks="the whole list in order after each of the 20 messages",
        pose=_pose,
        messages_max=2 * EXCHANGES,
        language=None,
        context_min_n=4096,
    ),
)
