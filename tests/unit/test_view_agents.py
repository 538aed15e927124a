"""Golden tests of the views over agent runs: hand-made runs against plain Python."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from statistics import mean, median
from typing import Any

import pytest

from tests.warehouse_samples import agent_run, at, cell, tool_call, warehouse
from warehouse import rows
from warehouse.connection import connect

LEVELS = {"a1": "L1", "a2": "L2"}
WEATHER, WEB = "weather lookup", "web research"


def run(cell_id: str, number: int, task: str, **changes: Any) -> rows.AgentRun:
    values = {"task": task, "level": LEVELS[cell_id], "predicted_n": 100, "context_end_n": 900}
    return agent_run(cell_id, number, **{**values, **changes})


RUNS = [
    run("a1", 1, "vienna", overclaimed=False, tg_tok_s=18.0, thinking_n=40, steps=3),
    run("a1", 2, "vienna", try_number=2, overclaimed=False, tg_tok_s=19.0, thinking_n=20),
    run("a1", 3, "berlin", outcome="failure", overclaimed=True, tg_tok_s=17.0, ended_at=at(19)),
    run("a1", 4, "berlin", try_number=2, overclaimed=False, ended_at=at(14), budget_overrun=True),
    run("a1", 5, "berlin", seed=1, outcome="failure", answer_in_thinking=True),
    run("a1", 6, "rome", outcome="error", reason="the tool's server was gone", overclaimed=True),
    run("a1", 7, "rome", try_number=2, full_prefills=2),
    run("a1", 8, "oslo", outcome="skipped", reason="no sandbox"),
    run("a1", 9, "paris", valid=False, invalid_reason="filler was not cached", overclaimed=True),
    run(
        "a2",
        1,
        "wired",
        task_class=WEB,
        language_asked="de",
        language_given="en",
        outcome="failure",
    ),
    run("a2", 2, "orf", task_class=WEB, language_asked="de", language_given="de"),
    run("a2", 3, "form", task_class=WEATHER, full_prefills=1),
]
CALLS = [
    tool_call("a1", 1, 1, malformed="fence", tool=None, recovered_by=2),
    tool_call("a1", 1, 2, ended_at=at(11.25)),
    tool_call("a1", 3, 1, error="404", recovered_by=3),
    tool_call("a1", 3, 2, invalid_arguments="url is missing", repeats=1),
    tool_call("a1", 3, 3),
    tool_call("a1", 9, 1, malformed="broken_json"),
    tool_call("a2", 2, 1, tool="screenshot", error="no such path"),
]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("agents")
    store = warehouse(folder)
    for cell_id, level in LEVELS.items():
        config = f'{{"level":"{level}","temperature":0}}'
        row = cell(cell_id, server_id="s", workload="agent", workload_config=config)
        runs = [each for each in RUNS if each.cell_id == cell_id]
        calls = [each for each in CALLS if each.cell_id == cell_id]
        store.commit_cell(row, [], [], [*runs, *calls])
    other = cell("b1", server_id="t", quant="Q8_0", workload="agent")
    store.commit_cell(other, [], [], [agent_run("b1", 1), agent_run("b1", 1, filler_depth=8192)])
    return folder


def ask(root: Path, sql: str) -> list[dict[str, Any]]:
    with connect(root) as connection:
        return connection.query(sql).to_pylist()


def counted(runs: Iterable[rows.AgentRun]) -> list[rows.AgentRun]:
    return [each for each in runs if each.valid and each.outcome in ("success", "failure")]


def by_task(runs: Iterable[rows.AgentRun]) -> list[list[rows.AgentRun]]:
    found: dict[object, list[rows.AgentRun]] = defaultdict(list)
    for each in runs:
        found[each.task, each.variant, each.seed].append(each)
    return list(found.values())


def won(runs: Iterable[rows.AgentRun]) -> list[bool]:
    return [each.outcome == "success" for each in runs]


GROUPS = [
    *(("L1", WEATHER), ("L2", WEATHER), ("L2", WEB)),
    *(("L1", "all"), ("L2", "all"), ("all", WEATHER), ("all", WEB), ("all", "all")),
]


def members(level: str, task_class: str) -> list[rows.AgentRun]:
    return [
        each
        for each in RUNS
        if level in (each.level, "all") and task_class in (each.task_class, "all")
    ]


def test_levels_classes_and_their_sums_are_rows(root: Path) -> None:
    found = ask(root, "SELECT level, task_class FROM agents WHERE server_id = 's'")
    assert sorted((row["level"], row["task_class"]) for row in found) == sorted(GROUPS)
    depths = ask(root, "SELECT DISTINCT filler_depth FROM agents WHERE server_id = 't' ORDER BY 1")
    assert [row["filler_depth"] for row in depths] == [0, 8192]


@pytest.mark.parametrize(("level", "task_class"), GROUPS)
def test_rates_by_level_and_class(root: Path, level: str, task_class: str) -> None:
    (row,) = ask(
        root,
        f"SELECT * FROM agents WHERE server_id = 's' AND level = '{level}' "
        f"AND task_class = '{task_class}'",
    )
    inside = members(level, task_class)
    runs = counted(inside)
    tasks = by_task(runs)
    first = [won(each for each in task if each.try_number == 1) for task in tasks]
    tried_first = [each for each in first if each]
    assert (row["tasks"], row["runs"]) == (len(tasks), len(runs))
    assert row["first_try_pct"] == pytest.approx(100 * mean(all(each) for each in tried_first))
    assert row["eventual_pct"] == pytest.approx(100 * mean(any(won(task)) for task in tasks))
    assert row["every_try_pct"] == pytest.approx(100 * mean(all(won(task)) for task in tasks))
    judged = [each.overclaimed for each in runs if each.overclaimed is not None]
    assert row["overclaims"] == sum(judged)
    assert row["overclaim_pct"] == (pytest.approx(100 * mean(judged)) if judged else None)
    assert row["steps"] == pytest.approx(mean(each.steps or 0 for each in runs))
    seconds = [(each.ended_at - each.started_at).total_seconds() for each in runs]
    assert row["run_s"] == pytest.approx(median(seconds))
    speeds = [each.tg_tok_s for each in runs if each.tg_tok_s is not None]
    assert row["tg_tok_s"] == (median(speeds) if speeds else None)
    thought = [each for each in runs if each.thinking_n is not None]
    share = 100 * mean(each.thinking_n or 0 for each in thought) / 100 if thought else None
    assert row["thinking_pct"] == (pytest.approx(share) if share is not None else None)
    assert row["budget_overruns"] == sum(bool(each.budget_overrun) for each in runs)
    assert row["answers_in_thinking"] == sum(bool(each.answer_in_thinking) for each in runs)
    languages = [each.language_given != each.language_asked for each in runs if each.language_asked]
    assert row["wrong_language_pct"] == (100 * mean(languages) if languages else None)
    prefills = [each.full_prefills for each in runs if each.full_prefills is not None]
    assert row["full_prefills"] == (sum(prefills) if prefills else None)
    outcomes = [each.outcome for each in inside]
    assert (row["runs_skipped"], row["runs_error"]) == (
        outcomes.count("skipped"),
        outcomes.count("error"),
    )
    assert row["runs_dropped"] == sum(not each.valid for each in inside)


def wrong(each: rows.ToolCall) -> bool:
    return any((each.malformed, each.invalid_arguments, each.error))


@pytest.mark.parametrize(("level", "task_class"), GROUPS)
def test_calls_by_level_and_class(root: Path, level: str, task_class: str) -> None:
    (row,) = ask(
        root,
        f"SELECT * FROM agents WHERE server_id = 's' AND level = '{level}' "
        f"AND task_class = '{task_class}'",
    )
    inside = {(each.cell_id, each.run) for each in counted(members(level, task_class))}
    calls = [each for each in CALLS if (each.cell_id, each.run) in inside]
    assert row["calls"] == len(calls)
    shares = {
        "malformed_pct": [bool(each.malformed) for each in calls],
        "invalid_arguments_pct": [bool(each.invalid_arguments) for each in calls],
        "repeated_pct": [bool(each.repeats) for each in calls],
        "recovered_pct": [bool(each.recovered_by) for each in calls if wrong(each)],
    }
    for column, values in shares.items():
        assert row[column] == (pytest.approx(100 * mean(values)) if values else None), column


def test_the_reliability_of_each_tool(root: Path) -> None:
    found = {
        (row["level"], row["tool"]): row for row in ask(root, "SELECT * FROM tool_reliability")
    }
    assert found.keys() == {("L1", None), ("L1", "web_fetch"), ("L2", "screenshot")}
    fetch = found["L1", "web_fetch"]
    assert (fetch["calls"], fetch["calls_dropped"]) == (4, 1)
    assert (fetch["malformed_pct"], fetch["invalid_arguments_pct"]) == (0.0, 25.0)
    assert (fetch["failed_pct"], fetch["repeated_pct"]) == (25.0, 25.0)
    assert fetch["recovered_pct"] == 50.0
    assert fetch["call_p50_ms"] == median([250.0, 500.0, 500.0, 500.0])
    assert found["L1", None]["malformed_pct"] == 100.0
    assert found["L2", "screenshot"]["recovered_pct"] == 0.0
