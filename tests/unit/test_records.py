import json
from datetime import timedelta

from orchestrator.records import axes, cell_row, lost_cell, lost_launch, planned_rows
from tests.unit.orchestrator_samples import (
    BINARY,
    SHA256,
    START,
    build,
    device,
    plan_of,
    planned,
    request,
    spec,
    view,
)
from tests.warehouse_samples import launch, quality, trial
from warehouse.ledger import Attempt
from workers.contract import CellDone, LaunchReady
from workers.engine.config import EngineConfig
from workers.failures import Failure, FailureClass
from workers.workloads.speed.config import SpeedConfig

END = START + timedelta(seconds=30)
GPU_HOST = view(engine=build(device(0), device(1)), hardware_class="two cards")
OOM = Failure(FailureClass.OOM_CONTEXT, "failed to allocate buffer for kv cache")


def test_the_axes_of_a_cell_are_columns() -> None:
    engine = EngineConfig(name="mine", binary=BINARY, build_date="2026-02-14", split_mode="row")
    asked = spec(
        pairing="auto",
        split=(14.0, 10.5),
        engine=engine,
        cache_v="q4_0",
        other_axes=(("workload.seed", 1), ("engine.args", ["--x"])),
    )
    cell = planned(asked, GPU_HOST)
    columns = dict(axes(cell))
    assert json.loads(str(columns.pop("other_axes"))) == {
        "workload.seed": 1,
        "engine.args": ["--x"],
    }
    assert (
        json.loads(str(columns.pop("workload_config")))["method_version"]
        == SpeedConfig.METHOD_VERSION
    )
    assert json.loads(str(columns.pop("server_config")))["devices"] == ["RTX 3060", "RTX 3060"]
    assert columns == {
        "cell_id": cell.cell_id,
        "server_id": cell.server.server_id,
        "model": "tiny",
        "quant": "Q4_1",
        "context": 4096,
        "cache_k": "f16",
        "cache_v": "q4_0",
        "pairing": "all",
        "split": "14/10.5",
        "split_mode": "row",
        "engine": "mine",
        "engine_build": "build 1, commit 7e4c0a9",
        "engine_sha256": "e1" * 32,
        "model_sha256": SHA256["Q4_1"],
        "workload": "speed",
        "hardware_class": "two cards",
        "build_date": "2026-02-14",
    }


def test_a_cpu_cell_has_no_split_and_a_missing_file_or_build_is_null() -> None:
    columns = axes(planned(spec(), view(engine=None, sha256={})))
    assert columns["pairing"] == "cpu"
    nulls = ("split", "split_mode", "engine_build", "engine_sha256", "model_sha256", "build_date")
    assert [name for name, value in columns.items() if value is None] == [*nulls]


def test_the_plan_is_rows_in_its_order() -> None:
    asked = (spec(), spec(pairing="single"), spec(context=8192))
    done = Attempt(planned().cell_id, 1, "ok", None)
    rows = planned_rows(plan_of(*asked, attempts=(done,)), "w1")
    assert [(row.plan_order, row.sweep_id) for row in rows] == [(0, "w1"), (1, "w1"), (2, "w1")]
    assert [(row.decision, row.reason) for row in rows] == [
        ("run", None),
        ("cached", "measured in attempt 1"),
        ("pruned", "pairing single needs 1 GPU(s), the engine sees 0"),
    ], "what takes long, or nobody knows how long, comes first"


def test_a_host_is_named_where_the_plan_leaves_no_choice() -> None:
    hosts = (view("alpha"), view("beta"), view("gamma", hardware_class="other"))
    rows = planned_rows(plan_of(spec(), hosts=hosts), "w1")
    assert [row.host_id for row in rows] == [None, "gamma"]


def test_an_attempt_is_a_row_that_counts_its_trials() -> None:
    cell = planned()
    valid, invalid = trial(cell.cell_id, 2), trial(cell.cell_id, 2, valid=False)
    trials = (valid, invalid, valid)
    done = CellDone(cell.cell_id, 2, "ok", None, START, END, trials, (), slot_context=2048)
    row = cell_row(cell, request(cell, launch_id="l7", host_id="beta"), done)
    assert (row.attempt, row.status, row.failure_class, row.reason) == (2, "ok", None, None)
    assert (row.sweep_id, row.launch_id, row.host_id) == ("w1", "l7", "beta")
    assert (row.started_at, row.ended_at) == (START, END)
    assert (row.valid_trials, row.invalid_trials) == (2, 1)
    assert (row.source, row.slot_context) == ("measured", 2048)
    assert {name: getattr(row, name) for name in axes(cell)} == axes(cell)


def test_figures_of_quality_count_as_trials() -> None:
    cell = planned()
    figures = (quality(cell.cell_id), quality(cell.cell_id, valid=False))
    done = CellDone(cell.cell_id, 1, "ok", None, START, END, (), (), figures)
    row = cell_row(cell, request(cell), done)
    assert (row.valid_trials, row.invalid_trials) == (1, 1)


def test_a_failure_is_a_row_with_its_class_and_reason() -> None:
    cell = planned()
    done = CellDone(cell.cell_id, 1, "failed", OOM, START, END, (), ())
    row = cell_row(cell, request(cell), done)
    assert (row.status, row.failure_class, row.reason) == ("failed", "oom_context", OOM.reason)
    assert (row.valid_trials, row.invalid_trials) == (0, 0)


def test_a_cell_whose_host_is_lost_failed_without_trials() -> None:
    lost = Failure(FailureClass.HOST_LOST, "the actor died")
    done = lost_cell("c1", 3, lost, START, END)
    assert done == CellDone("c1", 3, "failed", lost, START, END, (), ())


def test_a_launch_whose_host_is_lost_says_what_was_asked() -> None:
    asked = request(planned(spec(pairing="auto"), GPU_HOST), host_id="beta")
    lost = Failure(FailureClass.HOST_LOST, "the actor died")
    row = lost_launch(asked, None, lost, START, END)
    assert (row.launch_id, row.server_id, row.host_id) == ("l1", asked.server_id, "beta")
    assert row.devices == ("CUDA0", "CUDA1")
    assert (row.status, row.failure_class, row.reason) == ("failed", "host_lost", "the actor died")
    assert (row.started_at, row.ended_at) == (START, END)
    assert (row.load_ms, row.exit_code, row.log_tail, row.command_line) == (None, None, "", ())


def test_a_launch_that_was_up_when_its_host_was_lost_keeps_what_was_known() -> None:
    ready = LaunchReady(launch("l1", ended_at=None, load_ms=900.0), ())
    lost = Failure(FailureClass.HOST_LOST, "the actor died")
    row = lost_launch(request(planned(spec())), ready, lost, START, END)
    assert (row.status, row.failure_class, row.reason) == ("failed", "host_lost", "the actor died")
    assert (row.load_ms, row.ended_at) == (900.0, END)
    assert row.command_line == ready.launch.command_line
