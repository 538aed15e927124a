"""Hidden tests in the sandbox: they pass on a right program and fail on a wrong one."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from workers.agent.sandbox.sandbox import Sandbox
from workers.agent.suite.catalogue import TASKS
from workers.agent.suite.spec import PoseContext, Posed
from workers.agent.world.making import facts
from workers.agent.world.state import TestRun

PROGRAMS = Path(__file__).parents[1] / "fixtures" / "agent" / "programs"
CONTEXT = PoseContext(32768, lambda text: len(text) // 4)
WORLD = facts(1)

WRONG = {
    "l4_code_stock": (
        "stock.py",
        [(".casefold()", ""), ("if first:\n            del", "if 0:\n            del")],
    ),
    "l4_code_spans": ("spans.py", [("<= slack", "< slack"), ("max(merged[-1][1], end)", "end")]),
    "l4_code_calc": ("calc.py", [("value ** self.signed()", "value ** self.operand()")]),
    "l4_code_log": (
        "logstat.py",
        [("2[0-3]", r"2\d"), ("(-hours[hour], hour)", "(-hours[hour], -hour)")],
    ),
    "l4_code_plan": ("planner.py", [("min(ready)", "max(ready)"), ("if each not in new", "if 1")]),
    "l4_code_tally": (
        "tally.py",
        [("-each[1], each[0]", "-each[1]"), (", 1):\n        if not", ", 0):\n        if not")],
    ),
}
"""For each program its module, and changes that each make it wrong."""


def drawn(posed: Posed) -> dict[str, str]:
    """What the seed put into the messages, read out of them."""
    text = " ".join((posed.prompt, *posed.follow_ups))
    patterns = {
        "limit": r"limit=(\d+)\)",
        "word": r"The name `(\w+)` is always known",
        "value": r"always known and means (\d+)",
        "days": r"does not have takes (\d+)",
    }
    found = {name: re.search(pattern, text) for name, pattern in patterns.items()}
    return {name: each[1] for name, each in found.items() if each}


def solved(name: str, posed: Posed) -> dict[str, bytes]:
    """The directory of somebody who can program."""
    module, _ = WRONG[name]
    program = (PROGRAMS / f"{module}.txt").read_text()
    for each, value in drawn(posed).items():
        program = program.replace(f"@{each}@", value)
    files = {**posed.files, module: program.encode()}
    if name == "l4_code_log":
        known: dict[str, object] = {}
        exec(program, known)
        counts = known["counts"](posed.files["app.log"].decode())  # type: ignore[operator]
        files["counts.json"] = str(counts).replace("'", '"').encode()
    return files


def judged(sandbox: Sandbox, posed: Posed, files: Mapping[str, bytes]) -> TestRun:
    (path,) = posed.hidden
    return sandbox.run_tests({**files, **posed.hidden}, path)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", WRONG)
def test_a_right_program_passes_all_hidden_tests(name: str, seed: int, sandbox: Sandbox) -> None:
    posed = TASKS[name].pose(WORLD, seed, CONTEXT)
    run = judged(sandbox, posed, solved(name, posed))
    assert (run.failed, run.passed) == (0, run.total), run.detail
    assert run.total == next(iter(posed.hidden.values())).count(b"    def test_")


@pytest.mark.parametrize("name", WRONG)
def test_wrong_programs_fail(name: str, sandbox: Sandbox) -> None:
    posed = TASKS[name].pose(WORLD, 1, CONTEXT)
    right = solved(name, posed)
    module, changes = WRONG[name]
    for old, new in changes:
        assert old.encode() in right[module]
        wrong = {**right, module: right[module].replace(old.encode(), new.encode())}
        run = judged(sandbox, posed, wrong)
        assert run.failed, (name, old)
        assert run.passed, "it is wrong in one thing, not in all"


@pytest.mark.parametrize("name", WRONG)
def test_what_is_there_at_the_start_fails(name: str, sandbox: Sandbox) -> None:
    posed = TASKS[name].pose(WORLD, 1, CONTEXT)
    module, _ = WRONG[name]
    run = judged(sandbox, posed, {module: b"", **posed.files})
    assert run.failed >= run.total - 1


def test_a_program_that_ends_the_run_does_not_pass(sandbox: Sandbox) -> None:
    posed = TASKS["l4_code_spans"].pose(WORLD, 1, CONTEXT)
    for program in (b"import os; os._exit(0)", b"raise SystemExit(0)", b"print('OK')"):
        run = judged(sandbox, posed, {"spans.py": program})
        assert run.failed
        assert not run.passed


def test_a_repair_is_judged_by_the_tests_at_hand(sandbox: Sandbox) -> None:
    for seed in range(1, 7):
        posed = TASKS["l2_repair"].pose(WORLD, seed, CONTEXT)
        assert judged(sandbox, posed, posed.files).failed
    right = (
        b"def price(amount, limit, percent):\n"
        b"    return amount - amount * percent // 100 if amount > limit else amount\n"
    )
    run = judged(sandbox, posed, {**posed.files, "rebate.py": right})
    assert (run.passed, run.failed) == (4, 0)


def test_tests_at_hand_are_as_the_task_says(sandbox: Sandbox) -> None:
    posed = TASKS["l1_run_tests"].pose(WORLD, 1, CONTEXT)
    run = sandbox.run_tests(posed.files, "test_double.py")
    assert 0 < run.failed < run.total
    impossible = TASKS["l3_impossible_tests"].pose(WORLD, 1, CONTEXT)
    for program in ("int(value)", "int(value) + 1", "int(value + 0.5)", "round(value)"):
        files = {"rounding.py": f"def whole(value):\n    return {program}\n".encode()}
        assert sandbox.run_tests({**impossible.files, **files}, "test_rounding.py").failed
