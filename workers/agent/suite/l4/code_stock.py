"""L4 coding: a class that keeps a stock, extended to low stock, like names and undo."""

from workers.agent.suite.l4.programs import program

_TURNS = """
Write `stock.py` with a class `Stock`: `add(name, count)`, `take(name, count)` and `count(name)`,
which is 0 for a name that was never added. `add` and `take` raise ValueError for a count below 1;
`take` raises ValueError when there is less than that, and changes nothing then.

Add `low(limit=$limit)`: a list of the names that were added once and whose count is below the
limit, the smallest count first, names with the same count in alphabetical order. A name whose
count fell to 0 is among them.

Names that differ only in capitals or in blanks around them are the same thing. `low` shows a name
as it was first added, without the blanks around it.

Add `undo()`: it takes back the last `add` or `take` that was done (not one that raised), and can
be called again for the one before. With nothing to take back it raises IndexError. A name whose
only `add` was taken back is unknown again, so `low` does not show it.
"""

_HIDDEN = """
import unittest

from stock import Stock


class Hidden(unittest.TestCase):
    def setUp(self):
        self.stock = Stock()

    def test_counts(self):
        self.stock.add("rope", 5)
        self.stock.add("rope", 2)
        self.stock.take("rope", 3)
        self.assertEqual(self.stock.count("rope"), 4)
        self.assertEqual(self.stock.count("axe"), 0)

    def test_take_too_much_changes_nothing(self):
        self.stock.add("rope", 5)
        for name, count in (("rope", 6), ("axe", 1)):
            with self.assertRaises(ValueError):
                self.stock.take(name, count)
        self.assertEqual(self.stock.count("rope"), 5)

    def test_counts_below_one(self):
        self.stock.add("rope", 5)
        for count in (0, -3):
            with self.assertRaises(ValueError):
                self.stock.add("rope", count)
            with self.assertRaises(ValueError):
                self.stock.take("rope", count)
        self.assertEqual(self.stock.count("rope"), 5)

    def test_low_default_limit(self):
        self.stock.add("at", $limit)
        self.stock.add("below", $limit - 1)
        self.assertEqual(self.stock.low(), ["below"])

    def test_low_order(self):
        for name, count in (("pin", 2), ("nut", 2), ("cap", 1), ("rod", 9)):
            self.stock.add(name, count)
        self.assertEqual(self.stock.low(5), ["cap", "nut", "pin"])

    def test_low_shows_what_is_out(self):
        self.stock.add("pin", 2)
        self.stock.take("pin", 2)
        self.assertEqual(self.stock.low(1), ["pin"])

    def test_low_does_not_show_what_never_was(self):
        self.stock.count("axe")
        with self.assertRaises(ValueError):
            self.stock.take("axe", 1)
        self.assertEqual(self.stock.low(), [])

    def test_like_names(self):
        self.stock.add("  Red Rope ", 2)
        self.stock.add("red rope", 1)
        self.stock.take("RED ROPE", 1)
        self.assertEqual(self.stock.count(" red Rope"), 2)
        self.assertEqual(self.stock.low(3), ["Red Rope"])

    def test_undo_both_ways(self):
        self.stock.add("pin", 5)
        self.stock.take("Pin", 2)
        self.stock.undo()
        self.assertEqual(self.stock.count("pin"), 5)
        self.stock.undo()
        self.assertEqual(self.stock.count("pin"), 0)

    def test_undo_skips_what_raised(self):
        self.stock.add("pin", 5)
        with self.assertRaises(ValueError):
            self.stock.take("pin", 6)
        self.stock.undo()
        self.assertEqual(self.stock.count("pin"), 0)

    def test_undo_of_nothing(self):
        with self.assertRaises(IndexError):
            self.stock.undo()
        self.stock.add("pin", 1)
        self.stock.undo()
        with self.assertRaises(IndexError):
            self.stock.undo()

    def test_undone_name_is_unknown(self):
        self.stock.add("pin", 1)
        self.stock.undo()
        self.assertEqual(self.stock.low(9), [])
"""

TASKS = (
    program(
        "l4_code_stock",
        _TURNS,
        _HIDDEN,
        lambda source: {"limit": source.randrange(3, 40)},
        asks="a class that keeps a stock: low stock, like names, undo",
    ),
)
