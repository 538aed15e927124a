"""L4 coding: a program with faults, repaired as they are reported."""

from collections.abc import Mapping
from random import Random

from workers.agent.suite import effects
from workers.agent.suite.demands import Demand
from workers.agent.suite.draws import PEOPLE
from workers.agent.suite.l4.programs import program

_PROGRAM = b'''"""Totals by name of lines like `Ada; 12,50`."""


def parse(line):
    """Name and amount of a line."""
    name, amount = line.split(";")
    return name, float(amount.replace(",", "."))


def tally(lines):
    """The total of each name."""
    totals = {}
    for line in lines:
        name, amount = parse(line)
        totals[name] = amount
    return totals


def report(totals):
    """A line for each name, the largest total first."""
    ordered = sorted(totals.items(), key=lambda each: each[1])
    return "\\n".join(f"{name}: {amount}" for name, amount in ordered)
'''

_VISIBLE = b"""import unittest

from tally import report, tally


class Visible(unittest.TestCase):
    def test_totals(self):
        self.assertEqual(tally(["Ada; 1,50", "Bob; 2", "Ada; 1"]), {"Ada": 2.5, "Bob": 2.0})

    def test_order(self):
        self.assertEqual(report(tally(["Ada; 1", "Bob; 2"])).split(":")[0], "Bob")
"""

_TURNS = """
`tally.py` adds up lines like `$first; 12,50` and makes a report, but its tests in `test_tally.py`
fail. Repair the program. Leave the test file as it is.

Names are wrong when there are blanks around them: ` $first ` and `$first` are the same person.
And blank lines shall be skipped.

Amounts like `1.$group,50` (a point between thousands) cannot be read: they mean 1$group.5. And
`0,1` and `0,2` give 0.30000000000000004: totals must be exact, so use decimal.Decimal. The report
shall write each as `$first: 1$group.50`, always with two digits, the largest total first, equal
ones by name.

A line that cannot be read must stop `tally` with a ValueError whose text begins with `line N:`, N
the number of the line from 1, blank lines counted. Negative amounts are fine.
"""

_HIDDEN = """
import unittest
from decimal import Decimal

from tally import report, tally


class Hidden(unittest.TestCase):
    def test_totals(self):
        self.assertEqual(tally(["Ada; 1,50", "Bob; 2", "Ada; 1"]), {"Ada": 2.5, "Bob": 2})

    def test_blanks(self):
        self.assertEqual(tally([" $first ; 1", "", "$first;2", "  "]), {"$first": 3})

    def test_thousands(self):
        self.assertEqual(tally(["$first; 1.$group,50"]), {"$first": Decimal("1$group.5")})
        self.assertEqual(tally(["$first; 2.$group.000"]), {"$first": 2$group * 1000})

    def test_exact(self):
        self.assertEqual(tally(["$first; 0,1", "$first; 0,2"]), {"$first": Decimal("0.3")})

    def test_report(self):
        lines = ["$second; 1", "$first; 1", "$third; 1.$group,5", "$third; 0"]
        first, second = sorted(["$first", "$second"])
        self.assertEqual(
            report(tally(lines)), f"$third: 1$group.50\\n{first}: 1.00\\n{second}: 1.00"
        )

    def test_negative(self):
        self.assertEqual(report(tally(["$first; -2", "$first; 0,5"])), "$first: -1.50")

    def test_unreadable(self):
        for lines, number in (
            (["$first; 1", "", "garbage"], 3),
            (["$first; much"], 1),
            (["$first; 1", "$first; 1; 2"], 2),
        ):
            with self.subTest(lines), self.assertRaises(ValueError) as caught:
                tally(lines)
            self.assertTrue(str(caught.exception).startswith(f"line {number}:"))
"""


def _values(source: Random) -> Mapping[str, object]:
    first, second, third = source.sample(PEOPLE, 3)
    return {
        "first": first,
        "second": second,
        "third": third,
        "group": source.randrange(101, 990),
    }


def _kept(files: Mapping[str, bytes]) -> tuple[Demand, ...]:
    return (effects.unchanged({"test_tally.py": files["test_tally.py"]}),)


TASKS = (
    program(
        "l4_code_tally",
        _TURNS,
        _HIDDEN,
        _values,
        asks="a program with faults, repaired as they are reported; its tests stay as they are",
        files=lambda _: {"tally.py": _PROGRAM, "test_tally.py": _VISIBLE},
        demands=_kept,
    ),
)
