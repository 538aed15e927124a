"""A session: user messages one after the other, each with what its answer must meet."""

from collections.abc import Sequence
from dataclasses import dataclass

from workers.agent.suite.demands import Demand, turn
from workers.agent.suite.posing import posed
from workers.agent.suite.spec import Posed

EXCHANGES = 20
"""Of a session: 40 messages of both sides."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A user message and what its answer must meet."""

    says: str
    demands: tuple[Demand, ...]


def exchange(says: str, *demands: Demand) -> Exchange:
    """A user message and what its answer must meet."""
    return Exchange(says, demands)


def session(exchanges: Sequence[Exchange]) -> Posed:
    """A session that succeeds if every answer meets its demands."""
    first, *others = (each.says for each in exchanges)
    return posed(
        first,
        *(turn(place, *each.demands) for place, each in enumerate(exchanges)),
        follow_ups=others,
    )
