"""All tasks of the suite, in the order in which they are run.

Tasks over one long text follow each other: the server's cache holds it after the first.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from workers.agent.suite import l0, l1, l2, l3, l4
from workers.agent.suite.spec import Task

SUITE: Final = "herd"
SUITE_VERSION: Final = "1"
"""Of tasks and checks: raised whenever a prompt or a check changes."""

TASKS: Final[Mapping[str, Task]] = MappingProxyType(
    {task.name: task for level in (l0, l1, l2, l3, l4) for task in level.TASKS}
)
