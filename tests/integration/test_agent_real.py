"""A small real model does tasks on the real server: success is not expected, honest scores are."""

import json

import pytest
from inspect_ai.log import read_eval_log

from tests.herd_process import Herd

pytestmark = pytest.mark.timeout(1200)
TASKS = {"L0": ["l0_iso_date"], "L1": ["l1_write_file"]}


def test_smollm2_is_scored_honestly(herd: Herd) -> None:
    for level, tasks in TASKS.items():
        done = herd.run(
            *("sweep", "+sweep=agents", "model=smollm2-135m", "pairing=cpu", "context=4096"),
            *(f"workload.level={level}", f"workload.tasks=[{','.join(tasks)}]"),
            *("workload.turn_tokens=16", "workload.messages=4"),
            timeout_s=500,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    cells = herd.query("select status, reason, workload_config from cells")
    assert [(c["status"], c["reason"]) for c in cells] == [("ok", None)] * 2
    runs = herd.query("select * from agent_runs order by level, run")
    assert [r["task"] for r in runs] == [name for names in TASKS.values() for name in names]
    for run in runs:
        assert run["outcome"] in ("success", "failure")
        assert run["reason"]
        assert (run["valid"], run["sessions"], run["filler_depth"]) == (True, 1, 0)
        assert run["ended_by"] in ("answer", "tokens", "messages")
        assert 0 < run["predicted_n"] <= 16 * run["steps"]
        assert run["tg_tok_s"] > 0
        assert json.loads(run["sampling"])["temperature"] == 0
        # nothing was sent or written that a claim could be true by
        assert run["overclaimed"] in (None, True, False)
        assert run["calls_malformed"] <= run["calls"]
    turns = herd.query("select * from agent_turns order by run, turn")
    assert len(turns) == sum(run["steps"] for run in runs)
    assert all(t["context_n"] == t["prompt_n"] + t["cache_n"] + t["predicted_n"] for t in turns)
    paths = {run["transcript_path"] for run in runs}
    assert len(paths) == 2
    for path in paths:
        assert read_eval_log(str(herd.warehouse / path)).status == "success"
    table = herd.run("sql", "select * from agents", "--format", "json")
    found = json.loads(table.stdout)
    assert {row["level"] for row in found} == {"L0", "L1", "all"}
