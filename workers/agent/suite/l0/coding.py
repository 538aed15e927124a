"""L0 coding: what a program prints, and where it is wrong."""

from functools import partial

from workers.agent.suite import demands
from workers.agent.suite.draws import distinct, draw
from workers.agent.suite.posing import posed
from workers.agent.suite.spec import Level, PoseContext, Posed, Task, TaskClass
from workers.agent.world.facts import Facts


def _printed(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
    source = draw("printed", seed)
    values = distinct(source, 5, 2, 19)
    least, step = source.randrange(6, 12), source.randrange(2, 5)
    total = 0
    for place, value in enumerate(values):
        total += value * step if value > least else place
    return posed(
        "What does this Python program print?\n\n```python\n"
        f"total = 0\nfor place, value in enumerate({values}):\n    if value > {least}:\n"
        f"        total += value * {step}\n    else:\n        total += place\nprint(total)\n```\n\n"
        "Reply with what it prints only.",
        demands.number(total),
    )


_LOOP = (
    "def mean_of_positive(values):",
    "    total = 0",
    "    count = 0",
    "    for value in values:",
    "        if value > 0:",
    "            total += value",
    "            count += 1",
    "    if count == 0:",
    "        return None",
    "    return total / count",
)
_FAULTS = {
    2: "    total = 1",
    5: "        if value < 0:",
    6: "            total = value",
    7: "            count += value",
    10: "    return count / total",
}


def _wrong_line(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
    line = draw("wrong_line", seed).choice(sorted(_FAULTS))
    program = [_FAULTS.get(line, "") if at == line else text for at, text in enumerate(_LOOP, 1)]
    numbered = "\n".join(f"{at:2d} {text}" for at, text in enumerate(program, 1))
    return posed(
        "The function shall give the mean of the positive numbers of a list, None if there are "
        f"none. One line is wrong:\n\n```\n{numbered}\n```\n\n"
        "Which line? Reply with its number only.",
        demands.number(line),
        demands.words_at_most(4),
    )


_task = partial(Task, level=Level.L0, task_class=TaskClass.CODING, language=None)

TASKS = (
    _task(
        name="l0_printed",
        asks="what a short Python program prints",
        checks="the number",
        pose=_printed,
    ),
    _task(
        name="l0_wrong_line",
        asks="which line of a function is wrong",
        checks="the line's number",
        pose=_wrong_line,
    ),
)
