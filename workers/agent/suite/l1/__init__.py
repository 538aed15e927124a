"""L1: one tool call with right arguments."""

from workers.agent.suite.l1 import (
    browser,
    coding,
    files,
    weather,
    web,
)

TASKS = (
    *weather.TASKS,
    *web.TASKS,
    *files.TASKS,
    *coding.TASKS,
    *browser.TASKS,
)
