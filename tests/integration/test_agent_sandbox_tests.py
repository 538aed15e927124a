"""Tests that run in the sandbox, and code that wants to pass them without doing its work."""

import pytest

from workers.agent.sandbox.limits import Limits
from workers.agent.sandbox.sandbox import Sandbox
from workers.agent.world.errors import ToolRefusedError

QUICK = Limits(wall_s=20, cpu_s=10)

TESTS = b"""
import unittest
from doubling import double

class Doubling(unittest.TestCase):
    def test_two(self):
        self.assertEqual(double(2), 4)

    def test_three(self):
        self.assertEqual(double(3), 6)

def test_plain():
    assert double(0) == 0
"""


def outcome_of(sandbox: Sandbox, code: str, tests: bytes = TESTS) -> tuple[int, int, int, str]:
    files = {"doubling.py": code.encode(), "test_doubling.py": tests}
    ran = sandbox.run_tests(files, None, QUICK)
    return ran.passed, ran.failed, ran.total, ran.detail


def test_tests_pass_and_fail(sandbox: Sandbox) -> None:
    assert outcome_of(sandbox, "def double(x): return 2 * x") == (3, 0, 3, "")
    passed, failed, total, detail = outcome_of(sandbox, "def double(x): return x * x")
    assert (passed, failed, total) == (2, 1, 3)
    assert detail == "test_doubling.py::Doubling.test_three: AssertionError: 9 != 6"


WRITES_REPORTS = """
import os

def double(x):
    for pipe in range(3, 100):
        for name in (b"Doubling.test_two", b"Doubling.test_three", b"test_plain"):
            report = b'{"key": "", "test": "test_doubling.py::%s", "why": null}' % name
            try:
                os.write(pipe, report + bytes([10]))
            except OSError:
                pass
    os._exit(0)
"""


@pytest.mark.parametrize(
    "code",
    [
        "print('OK')",
        "import os; os._exit(0)",
        "import sys; sys.exit(0)",
        "raise KeyboardInterrupt",
        "def double(x):\n    import os; print('Ran 3 tests OK', flush=True); os._exit(0)",
        "def double(x): raise SystemExit(0)",
        "def double(x): raise KeyboardInterrupt",
        "import os; os.kill(os.getpid(), 9)",
        "import ctypes; ctypes.string_at(0)",
        "this is no Python",
        "import unittest; unittest.main = print",
        WRITES_REPORTS,
    ],
)
def test_a_result_is_not_forged_by(sandbox: Sandbox, code: str) -> None:
    passed, failed, total, _ = outcome_of(sandbox, code)
    assert (passed, failed, total) == (0, 3, 3)


def test_replaced_assertions_are_noticed(sandbox: Sandbox) -> None:
    code = """
import unittest
unittest.TestCase.assertEqual = lambda *a: None
def double(x): return 0
"""
    passed, failed, total, detail = outcome_of(sandbox, code)
    assert (passed, failed, total) == (1, 2, 3) or (passed, failed, total) == (0, 3, 3)
    assert "replaced" in detail


def test_tests_that_never_end(sandbox: Sandbox) -> None:
    files = {
        "test_a.py": b"def test_a(): pass\ndef test_b():\n    while True: pass\ndef test_c(): pass"
    }
    ran = sandbox.run_tests(files, None, Limits(wall_s=2))
    assert (ran.passed, ran.failed, ran.total) == (1, 2, 3)
    assert "stopped by the limit on wall time" in ran.detail


def test_skipped_tests_have_not_passed(sandbox: Sandbox) -> None:
    tests = b"""
import unittest
@unittest.skip("later")
class A(unittest.TestCase):
    def test_a(self): pass
class B(unittest.TestCase):
    @unittest.expectedFailure
    def test_b(self): self.fail()
    def test_c(self):
        for n in range(3):
            with self.subTest(n=n): self.assertNotEqual(n, 1)
    @classmethod
    def tearDownClass(cls): pass
class C(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise OSError("no set up")
    def test_d(self): pass
def test_e(fixture): pass
"""
    passed, failed, total, detail = outcome_of(sandbox, "def double(x): pass", tests)
    assert (passed, failed, total) == (0, 5, 5)
    assert "skipped: later" in detail
    assert "takes parameters" in detail


def test_tests_of_one_file(sandbox: Sandbox) -> None:
    files = {"test_a.py": b"def test_a(): pass", "b/test_b.py": b"def test_b(): pass"}
    assert sandbox.run_tests(files, "test_a.py").total == 1
    assert sandbox.run_tests(files).total == 2
    with pytest.raises(ToolRefusedError, match="no such file"):
        sandbox.run_tests(files, "test_c.py")
    with pytest.raises(ToolRefusedError, match="no tests"):
        sandbox.run_tests({"a.py": b""})
    with pytest.raises(ToolRefusedError, match="cannot be read"):
        sandbox.run_tests({"test_a.py": b"def"})
