"""Agent cells under load and at depth, on the fake server."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from tests.launches import cells_of, launch, rows_of
from warehouse import rows
from workers.engine.config import EngineConfig
from workers.failures import FailureClass
from workers.workloads.agent.config import AgentConfig

pytestmark = pytest.mark.timeout(300)
FakeServer = Callable[..., EngineConfig]
DONE = {
    "when": "",
    "answers": [
        {"calls": [{"name": "write_file", "arguments": {"path": "a.txt", "content": "x"}}]},
        {"calls": [{"name": "finish", "arguments": {"answer": "Done.", "done": True}}]},
    ],
}
L1 = AgentConfig(level="L1", tasks=["l1_write_file", "l1_send_text", "l1_read_file"])


def test_filler_is_filled_once_and_found_cached_by_each_first_answer(
    fake_server: FakeServer, any_model: Path, tmp_path: Path
) -> None:
    config = replace(L1, filler_depth=3000)
    (cell,) = cells_of(launch(fake_server(chat=[DONE]), any_model, tmp_path, config, context=16384))
    assert (cell.status, cell.failure) == ("ok", None)
    runs = rows_of(cell, rows.AgentRun)
    assert len(runs) == 3
    for run in runs:
        assert (run.valid, run.filler_depth, run.filler_how) == (True, 3000, "restored")
        assert run.filler_cache_n is not None
        assert 3000 <= run.filler_cache_n < 4000
        assert run.context_start_n is not None
        assert run.context_start_n >= run.filler_cache_n


def test_filler_that_is_lost_makes_runs_invalid(
    fake_server: FakeServer, any_model: Path, tmp_path: Path
) -> None:
    # 1 to 3: the filler is evaluated, and tried; from then on the server says that it lost it
    engine = fake_server(chat=[DONE], cache_n_lie=-2900, lie_from=3)
    config = replace(L1, filler_depth=3000)
    (cell,) = cells_of(launch(engine, any_model, tmp_path, config, context=16384))
    runs = rows_of(cell, rows.AgentRun)
    assert len(runs) == 3
    assert not any(run.valid for run in runs)
    assert all((run.invalid_reason or "").startswith("cache_n is ") for run in runs)


def test_a_state_that_cannot_be_restored_is_refilled_and_said_so(
    fake_server: FakeServer, any_model: Path, tmp_path: Path
) -> None:
    engine = fake_server(chat=[DONE], restores_nothing=True)
    config = replace(L1, filler_depth=3000)
    (cell,) = cells_of(launch(engine, any_model, tmp_path, config, context=16384))
    runs = rows_of(cell, rows.AgentRun)
    assert {(run.valid, run.filler_how) for run in runs} == {(True, "refilled")}


def test_sessions_share_the_tasks_and_run_at_the_same_time(
    fake_server: FakeServer, any_model: Path, tmp_path: Path
) -> None:
    engine = replace(fake_server(chat=[DONE], tg_tok_s=20), parallel=4)
    config = replace(L1, sessions=4, variants=4)
    (cell,) = cells_of(launch(engine, any_model, tmp_path, config, context=4 * 8192))
    assert (cell.status, cell.failure) == ("ok", None)
    runs = rows_of(cell, rows.AgentRun)
    assert len(runs) == 12
    assert {run.sessions for run in runs} == {4}
    by_session = {
        number: sorted((r for r in runs if r.session == number), key=lambda r: r.started_at)
        for number in (1, 2, 3, 4)
    }
    assert [len(own) for own in by_session.values()] == [3, 3, 3, 3]
    for own in by_session.values():
        for one, other in pairwise(own):
            assert one.ended_at <= other.started_at, "a session does one task at a time"
    firsts = [own[0] for own in by_session.values()]
    assert max(r.started_at for r in firsts) < min(r.ended_at for r in firsts)


def test_silence_ends_a_run_at_its_time_and_the_others_go_on(
    fake_server: FakeServer, any_model: Path, tmp_path: Path
) -> None:
    silent = {"when": "settings.ini", "answers": [{"silent": True}]}
    engine = replace(fake_server(chat=[silent, DONE]), parallel=2)
    config = replace(L1, time_s=20.0, sessions=2, tasks=["l1_write_file", "l1_read_file"])
    (cell,) = cells_of(launch(engine, any_model, tmp_path, config, context=16384))
    assert cell.status == "ok"
    found = {run.task: (run.ended_by, run.outcome) for run in rows_of(cell, rows.AgentRun)}
    assert found == {
        "l1_write_file": ("time", "failure"),
        "l1_read_file": ("answer", "failure"),
    }


def test_a_silent_server_fails_the_cell(
    fake_server: FakeServer, any_model: Path, tmp_path: Path
) -> None:
    engine = replace(
        fake_server(chat=[{"when": "", "answers": [{"silent": True}]}]), request_timeout_s=3
    )
    (cell,) = cells_of(launch(engine, any_model, tmp_path, L1, context=8192))
    assert cell.failure is not None
    assert cell.failure.failure_class is FailureClass.RUN_TIMEOUT
    assert rows_of(cell, rows.AgentRun) == []


def test_a_context_too_small_skips_tasks_with_their_reason(
    fake_server: FakeServer, any_model: Path, tmp_path: Path
) -> None:
    (cell,) = cells_of(launch(fake_server(chat=[DONE]), any_model, tmp_path, L1, context=1024))
    assert cell.status == "ok"
    runs = rows_of(cell, rows.AgentRun)
    assert {run.outcome for run in runs} == {"skipped"}
    assert all((run.reason or "").startswith("needs a context of ") for run in runs)
