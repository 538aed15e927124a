"""L2: chains of 3 to 8 calls."""

from workers.agent.suite.l2 import (
    coding,
    files,
    weather,
)

TASKS = (
    *coding.TASKS,
    *files.TASKS,
    *weather.TASKS,
)
