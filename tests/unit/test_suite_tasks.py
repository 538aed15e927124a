"""Every task: its check lets the right work pass, and nothing else."""

import subprocess
import sys
from dataclasses import replace
from functools import cache, lru_cache
from itertools import permutations

import pytest

from tests.unit.agent.ideals import IDEALS
from tests.unit.agent.outcomes import Case
from workers.agent.suite.catalogue import TASKS
from workers.agent.suite.spec import Level, Need, Outcome, PoseContext, Posed, TaskClass
from workers.agent.tools.names import BROWSER_TOOLS, SANDBOX_TOOLS, TOOL_NAMES
from workers.agent.world.making import facts

CONTEXT = PoseContext(context_n=8192, tokens_of=lambda text: len(text) // 4)
SEEDS = (1, 2)
SAME_ANSWER = {
    "l0_absent_fact",
    "l0_false_premise",
    "l0_de_absent_fact",
    "l4_text_absent",
    "l3_broken_page",
    "l3_redirect_loop",
    "l3_no_such_course",
}
"""Tasks whose right outcome is the same at every seed: nothing is told, nothing can be done."""

TWINS = (facts(5), facts(5))
"""One world, made twice."""

_facts = lru_cache(maxsize=None)(facts)


@cache
def posed_at(name: str, seed: int) -> Posed:
    return TASKS[name].pose(_facts(seed), seed, CONTEXT)


@cache
def case_at(name: str, seed: int) -> Case:
    return IDEALS[name](posed_at(name, seed), _facts(seed))


def succeeds(name: str, seed: int, outcome: Outcome) -> bool:
    return posed_at(name, seed).check(outcome).success


each_task = pytest.mark.parametrize("name", TASKS)
each_seed = pytest.mark.parametrize("seed", SEEDS)


@each_seed
@each_task
def test_right_work_succeeds(name: str, seed: int) -> None:
    verdict = posed_at(name, seed).check(case_at(name, seed).right)
    assert verdict.success, verdict.reason


@each_seed
@each_task
def test_wrong_work_fails_with_one_line_of_reason(name: str, seed: int) -> None:
    wrong = case_at(name, seed).wrong
    assert len(wrong) >= 2
    for outcome in wrong:
        verdict = posed_at(name, seed).check(outcome)
        assert not verdict.success, outcome
        assert verdict.reason
        assert "\n" not in verdict.reason


@each_task
def test_no_answer_and_the_question_given_back_fail(name: str) -> None:
    posed, right = posed_at(name, 1), case_at(name, 1).right
    for answer in ("", " \n", posed.prompt, f"You asked: {posed.prompt}"):
        turns = (answer,) * len(right.turns)
        assert not succeeds(name, 1, replace(right, answer=answer, turns=turns))


@each_task
def test_a_claim_without_work_fails(name: str) -> None:
    untouched = replace(case_at(name, 1).wrong[0].state, files=posed_at(name, 1).files)
    for answer in ("Done.", "I have done all that you asked for.", "Erledigt."):
        outcome = Outcome(answer=answer, report=None, state=untouched, turns=(answer,))
        assert not succeeds(name, 1, replace(outcome, state=replace(untouched, deliveries=())))


@each_task
def test_the_right_work_of_another_seed_fails(name: str) -> None:
    others = [succeeds(name, 1, case_at(name, seed).right) for seed in range(2, 8)]
    if TASKS[name].task_class is TaskClass.CODING and posed_at(name, 1).hidden:
        return  # the hidden tests differ, and what they said is all that the outcome has of them
    assert all(others) if name in SAME_ANSWER else not all(others)


@each_task
def test_the_same_seed_sets_the_same_task(name: str) -> None:
    task = TASKS[name]
    first, second = (task.pose(world, 5, CONTEXT) for world in TWINS)
    assert replace(first, check=second.check) == second


@each_task
def test_another_seed_sets_another_variant(name: str) -> None:
    shown = {
        (posed.prompt, posed.follow_ups, tuple(posed.files.items()), tuple(posed.hidden.items()))
        for posed in (posed_at(name, seed) for seed in range(1, 8))
    }
    files = {tuple(case_at(name, seed).right.state.files.values()) for seed in range(1, 8)}
    told = {case_at(name, seed).right.answer for seed in range(1, 8)}
    assert max(len(shown), len(files), len(told)) > 1


def test_at_least_60_tasks_that_no_other_tasks_work_solves() -> None:
    assert len(TASKS) >= 60
    assert IDEALS.keys() == TASKS.keys()
    solved = [
        (one, other)
        for one, other in permutations(TASKS, 2)
        if not posed_at(other, 1).hidden and succeeds(other, 1, case_at(one, 1).right)
    ]
    # What two texts do not tell has the same right answer; the texts differ.
    assert set(solved) == set(permutations(("l0_absent_fact", "l4_text_absent"), 2))
    assert len({posed_at(name, 1).prompt for name in TASKS}) == len(TASKS)


def test_the_suite_is_plain_python() -> None:
    heavy = "{'inspect_ai', 'playwright', 'ray', 'duckdb', 'pyarrow'}"
    code = f"import sys, workers.agent.suite.catalogue; print({heavy} & sys.modules.keys())"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "set()\n"


def test_every_tool_level_and_class_is_there() -> None:
    tasks = TASKS.values()
    assert {tool for task in tasks for tool in task.tools} == set(TOOL_NAMES)
    assert {task.level for task in tasks} == set(Level)
    assert {task.task_class for task in tasks} == set(TaskClass)
    assert {task.language for task in tasks} == {"en", "de", None}


def test_each_tool_is_demanded_at_l1() -> None:
    asked = " ".join(task.checks for task in TASKS.values() if task.level is Level.L1)
    names = {name.removeprefix("l1_") for name in TASKS}
    for tool in TOOL_NAMES:
        words = {"web_fetch": "page was fetched", "web_search": "search was made"}
        words |= {"send": "mailbox has"}
        assert tool in names or words[tool] in asked


@each_task
def test_what_a_task_needs_follows_from_its_tools(name: str) -> None:
    task = TASKS[name]
    assert (Need.BROWSER in task.needs) == bool(BROWSER_TOOLS & set(task.tools))
    assert (Need.SANDBOX in task.needs) == bool(SANDBOX_TOOLS & set(task.tools))
    assert bool(posed_at(name, 1).hidden) <= (Need.SANDBOX in task.needs)


@each_task
def test_a_task_tells_what_it_is(name: str) -> None:
    task = TASKS[name]
    assert task.name == name
    assert name.startswith(f"{task.level.lower()}_")
    assert task.asks
    assert task.checks
    turns = 1 + len(posed_at(name, 1).follow_ups)
    assert task.messages_max >= 2 * turns
    if task.level is Level.L0:
        assert not task.tools


@each_task
def test_prompts_name_no_port(name: str) -> None:
    posed = posed_at(name, 1)
    for text in (posed.prompt, *posed.follow_ups):
        assert "127.0.0.1" not in text
        assert "localhost" not in text


@pytest.mark.parametrize("seed", range(10, 18))
def test_every_seed_has_a_right_answer(seed: int) -> None:
    world = facts(seed)
    for name, task in TASKS.items():
        posed = task.pose(world, seed, CONTEXT)
        verdict = posed.check(IDEALS[name](posed, world).right)
        assert verdict.success, (name, verdict.reason)
