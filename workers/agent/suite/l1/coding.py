"""L1 coding: a computation by Python, a run of tests; and a question that needs neither."""

from workers.agent.suite import demands, effects, toolsets
from workers.agent.suite.draws import GOODS, draw
from workers.agent.suite.posing import posed
from workers.agent.suite.spec import Level, Need, Outcome, PoseContext, Posed, Task, TaskClass
from workers.agent.world.facts import Facts


def _python(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
    source = draw("l1_run_python", seed)
    base, power, rest = (
        source.randrange(13, 90),
        source.randrange(61, 99),
        source.randrange(101, 997),
    )
    digits = sum(int(each) for each in str(base**power * rest))
    return posed(
        f"Compute with Python: what is the sum of the decimal digits of {base}**{power} * {rest}? "
        "Answer with the number only.",
        effects.called("run_python"),
        demands.number(digits),
    )


_TEST = """
    def test_{name}(self):
        self.assertEqual(double({given}), {wanted})
"""


def _tests(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
    source = draw("l1_run_tests", seed)
    total, failing = source.randrange(7, 13), source.randrange(2, 6)
    wrong = set(source.sample(range(total), failing))
    cases = [
        _TEST.format(name=f"case_{at}", given=at * 3, wanted=at * 6 + (at in wrong))
        for at in range(total)
    ]
    tests = "import unittest\n\nfrom double import double\n\n\nclass Cases(unittest.TestCase):"
    files = {
        "double.py": b"def double(value):\n    return value + value\n",
        "test_double.py": (tests + "".join(cases)).encode(),
    }
    return posed(
        "Run the tests in test_double.py. How many of them fail? Answer with the number only.",
        _ran,
        demands.bare(str(failing)),
        effects.unchanged(files),
        files=files,
    )


def _ran(outcome: Outcome) -> str | None:
    return None if outcome.state.test_runs else "no tests were run"


def _no_tool(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
    source = draw("l1_no_tool", seed)
    thing, other = source.sample(GOODS, 2)
    count, more = source.randrange(320, 960), source.randrange(13, 190)
    return posed(
        f"I have {count} {thing} and {more} more {thing} than {other}. How many {other} do I have? "
        "You need no tool for this. Answer with the number only.",
        demands.number(count - more),
        effects.never_called(),
    )


TASKS = (
    Task(
        name="l1_run_python",
        level=Level.L1,
        task_class=TaskClass.CODING,
        asks="digits of a number of some hundred digits, by Python",
        checks="Python was run; the number",
        pose=_python,
        tools=toolsets.CODE,
        needs=frozenset({Need.SANDBOX}),
        messages_max=10,
        language=None,
    ),
    Task(
        name="l1_run_tests",
        level=Level.L1,
        task_class=TaskClass.CODING,
        asks="how many tests of a file fail",
        checks="tests were run; the number alone; files unchanged",
        pose=_tests,
        tools=toolsets.CODE,
        needs=frozenset({Need.SANDBOX}),
        messages_max=10,
        language=None,
    ),
    Task(
        name="l1_no_tool",
        level=Level.L1,
        task_class=TaskClass.REASONING,
        asks="a small sum, with tools at hand that it does not need",
        checks="the number; no tool was called",
        pose=_no_tool,
        tools=toolsets.OFFICE,
        messages_max=10,
        language=None,
    ),
)
