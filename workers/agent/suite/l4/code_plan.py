"""L4 coding: the order of tasks that need each other, over eight messages."""

from workers.agent.suite.l4.programs import program

_TURNS = """
Write `planner.py` with `order(tasks)`: `tasks` is a dict of a name and the list of names that it
needs. The result is a list of all names, each after what it needs; whenever several could come
next, the alphabetically first one does.

A name that is needed but is no key of the dict is a task too, one that needs nothing.

If tasks need each other in a circle, `order` raises `CycleError`, a subclass of ValueError in
`planner.py`, whose attribute `names` is the set of the names of one circle: those only, not what
merely needs them.

Add `levels(tasks)`: a list of sorted lists; the first has all tasks that need nothing, the next
those that can be done when the ones before are, and so on, each task as early as it can be. It
raises CycleError too.

Add `parse(text)`: it makes such a dict of lines like `cake: eggs, flour`. `bread:` needs nothing.
What follows a `#` is a comment, blank lines are skipped, a name on several lines needs all of
what they say, in order and each once.

Add `finish(tasks, days)`: a dict with the day on which each task is finished at the earliest, if
all start on day 0 or when what they need is finished. `days` says how many days a task takes; one
that it does not have takes $days.

Add `critical(tasks, days)`: the list of names, in order of work, of the chain of tasks that
decides when everything is finished. (Where there are several, any of them.)

Add `without(tasks, name)`: a new dict in which that task is gone, as key and as need; what needed
it needs instead what it needed, at the same place, nothing twice. The dict that was given, and
its lists, stay as they were.
"""

_HIDDEN = """
import unittest

from planner import CycleError, critical, finish, levels, order, parse, without

CAKE = {"cake": ["dough", "oven"], "dough": ["eggs", "flour"], "oven": [], "icing": ["sugar"]}
RING = {"a": ["b"], "b": ["c"], "c": ["a"], "d": ["a"], "e": []}


class Hidden(unittest.TestCase):
    def test_order(self):
        self.assertEqual(order({"c": ["a"], "a": [], "b": ["c"]}), ["a", "c", "b"])
        self.assertEqual(order({"z": [], "y": [], "x": ["z"]}), ["y", "z", "x"])
        self.assertEqual(order({}), [])

    def test_order_takes_the_first_that_can_come(self):
        self.assertEqual(order({"a": ["z"], "b": [], "z": []}), ["b", "z", "a"])

    def test_needs_that_are_no_keys(self):
        found = order(CAKE)
        self.assertEqual(found, ["eggs", "flour", "dough", "oven", "cake", "sugar", "icing"])

    def test_cycle(self):
        for function in (order, levels):
            with self.assertRaises(CycleError) as caught:
                function(RING)
            self.assertEqual(set(caught.exception.names), {"a", "b", "c"})
        self.assertTrue(issubclass(CycleError, ValueError))

    def test_need_of_itself(self):
        with self.assertRaises(CycleError) as caught:
            order({"a": ["a"], "b": []})
        self.assertEqual(set(caught.exception.names), {"a"})

    def test_levels(self):
        self.assertEqual(
            levels(CAKE), [["eggs", "flour", "oven", "sugar"], ["dough", "icing"], ["cake"]]
        )
        self.assertEqual(levels({}), [])

    def test_parse(self):
        text = "# to eat\\ncake: eggs, flour  # soon\\n\\nbread:\\ncake: sugar, eggs\\n"
        self.assertEqual(parse(text), {"cake": ["eggs", "flour", "sugar"], "bread": []})

    def test_finish(self):
        found = finish(CAKE, {"cake": 2, "dough": 1, "oven": 9, "eggs": 3, "flour": 1})
        self.assertEqual((found["dough"], found["oven"], found["cake"]), (4, 9, 11))

    def test_finish_default(self):
        self.assertEqual(finish({"b": ["a"]}, {}), {"a": $days, "b": 2 * $days})

    def test_critical(self):
        days = {"cake": 2, "dough": 4, "oven": 5, "eggs": 3, "flour": 1, "icing": 1, "sugar": 1}
        self.assertEqual(critical(CAKE, days), ["eggs", "dough", "cake"])
        self.assertEqual(critical(CAKE, {**days, "oven": 30}), ["oven", "cake"])

    def test_without(self):
        found = without({"a": ["b", "d"], "b": ["c", "d"], "c": []}, "b")
        self.assertEqual(found, {"a": ["c", "d"], "c": []})

    def test_without_changes_nothing(self):
        given = {"a": ["b"], "b": ["c"]}
        without(given, "b")["a"].append("x")
        self.assertEqual(given, {"a": ["b"], "b": ["c"]})
"""

TASKS = (
    program(
        "l4_code_plan",
        _TURNS,
        _HIDDEN,
        lambda source: {"days": source.randrange(2, 12)},
        asks="the order of tasks that need each other: circles, levels, days, a chain",
    ),
)
