"""L4 coding: an evaluator of arithmetic, from four operations to functions."""

from workers.agent.suite.draws import word
from workers.agent.suite.l4.programs import program

_TURNS = """
Write `calc.py` with `evaluate(text)`: the value of an arithmetic expression of numbers (`3`,
`2.5`), `+ - * /` with the usual precedence, from left to right, parentheses and blanks. Read the
text yourself: `eval`, `exec` and the module `ast` are not allowed.

A minus may stand before any operand: `-3`, `2*-3`, `--4`, `-(1+2)`.

Add `^` for powers. It binds stronger than the minus before it (`-2^2` is -4) and from right to
left (`2^3^2` is 512); its right side may have a minus (`2^-1` is 0.5).

Add names: `evaluate(text, names={...})` with values for names of letters. An unknown name raises
`CalcError`, a subclass of ValueError that you define in `calc.py`. The name `$word` is always
known and means $value, unless `names` gives it another value.

Whatever cannot be evaluated raises CalcError and nothing else: an empty text, `2+`, `(1`, `1 2`,
`2+*3`, `1/0`, an unknown sign. Its attribute `position` is the index in the text at which reading
stopped: 2 for `1 2`, 2 for `2+*3`, the text's length where more was awaited (`2+`, `(1`). For a
division by zero position may be anything.

Add the functions `min(...)` and `max(...)` with one or more expressions, separated by commas;
they may stand within each other. `min()` raises CalcError, and so does a function's name without
parentheses.
"""

_HIDDEN = """
import ast
import unittest

import calc
from calc import CalcError, evaluate


class Hidden(unittest.TestCase):
    def test_precedence(self):
        self.assertEqual(evaluate("2+3*4-1"), 13)
        self.assertEqual(evaluate("(2 + 3) * 4"), 20)
        self.assertEqual(evaluate("2.5*4"), 10)

    def test_left_to_right(self):
        self.assertEqual(evaluate("10-4-3"), 3)
        self.assertEqual(evaluate("100/10/5"), 2)

    def test_minus(self):
        self.assertEqual(evaluate("-3"), -3)
        self.assertEqual(evaluate("2*-3"), -6)
        self.assertEqual(evaluate("--4"), 4)
        self.assertEqual(evaluate("-(1+2)"), -3)

    def test_power(self):
        self.assertEqual(evaluate("-2^2"), -4)
        self.assertEqual(evaluate("2^3^2"), 512)
        self.assertEqual(evaluate("2^-1"), 0.5)
        self.assertEqual(evaluate("2*3^2"), 18)

    def test_names(self):
        self.assertEqual(evaluate("x*y+1", names={"x": 3, "y": 4}), 13)
        with self.assertRaises(CalcError):
            evaluate("x+z", names={"x": 3})

    def test_known_name(self):
        self.assertEqual(evaluate("$word+1"), $value + 1)
        self.assertEqual(evaluate("$word", names={"$word": 2}), 2)

    def test_errors(self):
        self.assertTrue(issubclass(CalcError, ValueError))
        for text in ("", "   ", "2+", "(1", "1 2", "2+*3", "1/0", "2$$3", "1)", "()", "1..2"):
            with self.subTest(text), self.assertRaises(CalcError):
                evaluate(text)

    def test_positions(self):
        for text, position in (("1 2", 2), ("2+*3", 2), ("2+", 2), ("(1", 2)):
            with self.subTest(text), self.assertRaises(CalcError) as caught:
                evaluate(text)
            self.assertEqual(caught.exception.position, position)

    def test_functions(self):
        self.assertEqual(evaluate("min(3, 1+1, 4)"), 2)
        self.assertEqual(evaluate("max(1, min(5, 7)) * 2"), 10)
        self.assertEqual(evaluate("-max(2)"), -2)
        self.assertEqual(evaluate("max(x, 2)^2", names={"x": 5}), 25)

    def test_wrong_functions(self):
        for text in ("min()", "max", "min(1,", "min(1 2)", "avg(1)"):
            with self.subTest(text), self.assertRaises(CalcError):
                evaluate(text)

    def test_reads_by_itself(self):
        with open(calc.__file__) as file:
            nodes = list(ast.walk(ast.parse(file.read())))
        called = {getattr(each.func, "id", "") for each in nodes if isinstance(each, ast.Call)}
        self.assertFalse(called & {"eval", "exec", "compile", "__import__"})
        imported = {getattr(each, "module", "") for each in nodes}
        for each in nodes:
            if isinstance(each, ast.Import):
                imported.update(one.name for one in each.names)
        self.assertFalse(imported & {"ast", "importlib", "builtins"})
"""

TASKS = (
    program(
        "l4_code_calc",
        _TURNS,
        _HIDDEN,
        lambda source: {"word": word(source, 4), "value": source.randrange(3, 90)},
        asks="an evaluator of arithmetic: signs, powers, names, errors with positions, functions",
    ),
)
