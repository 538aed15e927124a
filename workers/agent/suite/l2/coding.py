"""L2 coding: a fault found and repaired, a figure computed from a file."""

import statistics

from workers.agent.scoring.report import Effect
from workers.agent.suite import demands, effects, toolsets
from workers.agent.suite.draws import distinct, draw
from workers.agent.suite.posing import posed
from workers.agent.suite.spec import Level, Need, PoseContext, Posed, Task, TaskClass
from workers.agent.world.facts import Facts

_FAULTS = {
    "if amount > limit:": "if amount >= limit:",
    "return amount - rebate": "return rebate",
    "rebate = amount * percent // 100": "rebate = amount * percent // 10",
}
_PROGRAM = '''def price(amount, limit, percent):
    """What is to pay: above `limit` there is a rebate of `percent`, rounded down."""
    if amount > limit:
        rebate = amount * percent // 100
        return amount - rebate
    return amount
'''
_TESTS = b"""import unittest

from rebate import price


class Price(unittest.TestCase):
    def test_below(self):
        self.assertEqual(price(50, 100, 10), 50)

    def test_at_the_limit(self):
        self.assertEqual(price(100, 100, 10), 100)

    def test_above(self):
        self.assertEqual(price(250, 100, 10), 225)

    def test_rounded_down(self):
        self.assertEqual(price(109, 100, 7), 102)
"""


def _repair(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
    right = draw("l2_repair", seed).choice(sorted(_FAULTS))
    files = {
        "rebate.py": _PROGRAM.replace(right, _FAULTS[right]).encode(),
        "test_rebate.py": _TESTS,
    }
    return posed(
        "The tests in test_rebate.py fail. Find the fault in rebate.py, repair it, and run the "
        "tests until they pass. Leave the tests as they are.",
        effects.hidden_passed(4),
        effects.unchanged({"test_rebate.py": _TESTS}),
        effects.tests_passed(),
        files=files,
        hidden={"test_hidden.py": _TESTS},
    )


def _median(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
    source = draw("l2_median", seed)
    values = distinct(source, 181, 1000, 99999)
    files = {"data/levels.txt": "\n".join(map(str, values)).encode()}
    median = statistics.median_low(values)
    return posed(
        "data/levels.txt has a whole number on each line. Compute the median with Python, write it "
        "(and nothing else) to median.txt, and tell it to me.",
        effects.called("run_python"),
        effects.file_is("median.txt", str(median).encode()),
        demands.figures(median),
        effects.unchanged(files),
        files=files,
    )


TASKS = (
    Task(
        name="l2_repair",
        level=Level.L2,
        task_class=TaskClass.CODING,
        asks="a fault in a program found by its tests and repaired",
        checks="4 hidden tests pass; the tests at hand were run, pass and are unchanged",
        pose=_repair,
        tools=toolsets.CODE,
        effects=(Effect.FILE_WRITTEN, Effect.TESTS_PASSED),
        needs=frozenset({Need.SANDBOX}),
        messages_max=30,
        context_min_n=4096,
        language=None,
    ),
    Task(
        name="l2_median",
        level=Level.L2,
        task_class=TaskClass.CODING,
        asks="the median of 181 numbers of a file, by Python, into a file",
        checks="Python was run; the file's content; the number; the data is unchanged",
        pose=_median,
        tools=toolsets.CODE,
        effects=(Effect.FILE_WRITTEN,),
        needs=frozenset({Need.SANDBOX}),
        messages_max=24,
        context_min_n=4096,
        language=None,
    ),
)
