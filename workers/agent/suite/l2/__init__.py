"""L2: chains of 3 to 8 calls."""

from workers.agent.suite.l2 import browser, coding, files, multilingual, tables, weather, web

TASKS = (
    *weather.TASKS,
    *web.TASKS,
    *tables.TASKS,
    *multilingual.TASKS,
    *files.TASKS,
    *coding.TASKS,
    *browser.TASKS,
)
