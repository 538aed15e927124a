"""A user's own task of Inspect as a cell: the same tables, by its own score."""

import threading
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.agent_tasks import CHAT, SILENT, task_file
from tests.launches import cells_of, launch, rows_of
from warehouse import rows
from workers.contract import CellDone, TrialDone
from workers.engine.config import EngineConfig
from workers.workloads.agent.config import AgentConfig

FakeServer = Callable[..., EngineConfig]


def test_a_users_task_fills_the_same_tables(
    fake_server: FakeServer, any_model: Path, tmp_path: Path
) -> None:
    config = AgentConfig(suite=task_file(tmp_path), tries=2, seed=7)
    events = list(launch(fake_server(chat=CHAT), any_model, tmp_path, config))
    (cell,) = cells_of(iter(events))
    assert (cell.status, cell.failure) == ("ok", None)
    runs = rows_of(cell, rows.AgentRun)
    assert {(r.task, r.try_number, r.outcome) for r in runs} == {
        ("right", 1, "success"),
        ("right", 2, "success"),
        ("wrong", 1, "failure"),
        ("wrong", 2, "failure"),
    }
    assert [event.done for event in events if isinstance(event, TrialDone)] == [1, 2, 3, 4]
    for run in runs:
        assert (run.suite, run.level, run.overclaimed) == (config.suite, None, None)
        assert (run.task_class, run.ended_by, run.valid) == ("sums", "answer", True)
        assert run.steps == (2 if run.task == "right" else 1)
        assert run.calls == (1 if run.task == "right" else 0)
    turns = rows_of(cell, rows.AgentTurn)
    assert len(turns) == 6
    assert all(turn.cache_n is not None and turn.predicted_n for turn in turns)
    calls = rows_of(cell, rows.ToolCall)
    assert [(c.tool, c.arguments, c.malformed) for c in calls] == [
        ("add", '{"a": 1, "b": 2}', None)
    ] * 2
    assert cell.agent_log is not None


def test_inspect_opens_the_log_and_finds_no_key_in_it(
    fake_server: FakeServer, any_model: Path, tmp_path: Path
) -> None:
    from inspect_ai.log import read_eval_log

    config = AgentConfig(suite=task_file(tmp_path))
    (cell,) = cells_of(launch(fake_server(chat=CHAT), any_model, tmp_path, config))
    path = tmp_path / "found.eval"
    assert cell.agent_log is not None
    path.write_bytes(cell.agent_log)
    log = read_eval_log(str(path))
    assert log.status == "success"
    assert {str(sample.id) for sample in log.samples or ()} == {"right", "wrong"}
    assert "api_key" not in log.model_dump_json()


def test_a_cancelled_cell_ends_its_process_at_once(
    fake_server: FakeServer, any_model: Path, tmp_path: Path
) -> None:
    cancelled = threading.Event()
    config = AgentConfig(suite=task_file(tmp_path))
    found: list[CellDone] = []
    for event in launch(fake_server(chat=SILENT), any_model, tmp_path, config, cancelled=cancelled):
        if isinstance(event, TrialDone):
            cancelled.set()
        if isinstance(event, CellDone):
            found.append(event)
    (cell,) = found
    assert cell.status == "cancelled"
    assert [run.task for run in rows_of(cell, rows.AgentRun)] == ["right"]
    assert not psutil.Process().children(recursive=True)
