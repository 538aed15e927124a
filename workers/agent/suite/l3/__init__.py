"""L3: trouble."""

from workers.agent.suite.l3 import (
    browser,
    coding,
    files,
    pages,
    sources,
)

TASKS = (
    *browser.TASKS,
    *coding.TASKS,
    *files.TASKS,
    *pages.TASKS,
    *sources.TASKS,
)
