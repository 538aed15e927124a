"""L0: single answers, without tools."""

from workers.agent.suite.l0 import (
    coding,
    form,
    honesty,
    multilingual,
    reasoning,
)

TASKS = (
    *form.TASKS,
    *reasoning.TASKS,
    *multilingual.TASKS,
    *coding.TASKS,
    *honesty.TASKS,
)
