"""The workload `llama_bench`: faults with a fake, agreement of the rows with a real one."""

import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.orchestrator_samples import planned, request
from workers.bench_run import run_bench
from workers.contract import CellDone, CellRequest, LaunchDone, LaunchRequest, ModelFile
from workers.engine.config import EngineConfig
from workers.failures import FailureClass
from workers.workloads.llama_bench.config import LlamaBenchConfig

FAKE = Path(__file__).parents[1] / "fakes" / "llama_bench.py"
CONFIG = LlamaBenchConfig(prompt_sizes=[64], n_predict=8, depths=[0, 128], repetitions=2)


def asked(engine: EngineConfig, model: Path) -> LaunchRequest:
    cell = planned()
    return request(
        cell,
        engine=engine,
        model=ModelFile(str(model), None),
        cells=(CellRequest(cell.cell_id, 1, CONFIG),),
    )


def run(
    asked_: LaunchRequest, folder: Path, cancelled: threading.Event | None = None
) -> tuple[CellDone, LaunchDone]:
    events = run_bench(asked_, CONFIG, run_dir=folder, cancelled=cancelled or threading.Event())
    cell, launch = events
    assert isinstance(cell, CellDone)
    assert isinstance(launch, LaunchDone)
    assert not (folder / asked_.launch_id).exists()
    return cell, launch


@pytest.fixture
def fake(fake_server: Callable[..., EngineConfig]) -> Callable[..., EngineConfig]:
    return lambda **behaviour: replace(fake_server(**behaviour), bench_binary=str(FAKE))


def test_every_repetition_is_a_trial(
    fake: Callable[..., EngineConfig], any_model: Path, tmp_path: Path
) -> None:
    cell, launch = run(asked(fake(pp_tok_s=320.0, tg_tok_s=16.0), any_model), tmp_path)
    assert (cell.status, cell.failure) == ("ok", None)
    speeds = [(t.step, t.depth, t.pp_tok_s or t.tg_tok_s) for t in cell.trials]
    assert speeds == [
        *[("pp64", 0, 320.0)] * 2, *[("tg8", 0, 16.0)] * 2,
        *[("pp64", 128, 320.0)] * 2, *[("tg8", 128, 16.0)] * 2,
    ]  # fmt: skip
    assert launch.launch.engine_build == "build 11434, commit 7e4c0a9"
    assert launch.launch.command_line[0] == str(FAKE)
    assert launch.launch.exit_code == 0


@pytest.mark.parametrize(
    ("behaviour", "failure", "reason"),
    [
        (
            {"bench_exit": "llama_model_load: error loading model: failed to allocate buffer"},
            FailureClass.OOM_LOAD,
            "failed to allocate buffer",
        ),
        ({"bench_exit": ""}, FailureClass.CRASH, "llama-bench ended with exit code 1"),
        ({"bench_short": True}, FailureClass.CRASH, "fewer than its 4 tests"),
    ],
)
def test_failures_are_rows(
    fake: Callable[..., EngineConfig],
    any_model: Path,
    tmp_path: Path,
    behaviour: dict[str, object],
    failure: FailureClass,
    reason: str,
) -> None:
    cell, launch = run(asked(fake(**behaviour), any_model), tmp_path)
    assert cell.status == launch.launch.status == "failed"
    assert cell.failure is not None
    assert cell.failure.failure_class is failure
    assert reason in cell.failure.reason


def test_a_hang_is_ended(
    fake: Callable[..., EngineConfig], any_model: Path, tmp_path: Path
) -> None:
    engine = replace(fake(bench_silent=True), request_timeout_s=0.25)
    cell, _ = run(asked(engine, any_model), tmp_path)
    assert cell.failure is not None
    assert cell.failure.failure_class is FailureClass.RUN_TIMEOUT


def test_a_cancelled_one_is_ended(
    fake: Callable[..., EngineConfig], any_model: Path, tmp_path: Path
) -> None:
    cancelled = threading.Event()
    cancelled.set()
    cell, _ = run(asked(fake(bench_silent=True), any_model), tmp_path, cancelled)
    assert (cell.status, cell.failure) == ("cancelled", None)


@pytest.mark.parametrize("binary", ["/no/such/llama-bench", None])
def test_a_missing_binary(
    fake: Callable[..., EngineConfig], any_model: Path, tmp_path: Path, binary: str | None
) -> None:
    cell, _ = run(asked(replace(fake(), bench_binary=binary), any_model), tmp_path)
    assert cell.failure is not None
    assert cell.failure.failure_class is FailureClass.ENGINE_MISSING
    assert "engine.bench_binary" in cell.failure.reason


def test_a_real_llama_bench(real_model: Path, tmp_path: Path) -> None:
    binary = os.environ.get("HERD_LLAMA_BENCH")
    if not binary:
        pytest.skip("no llama-bench: name one in HERD_LLAMA_BENCH")
    engine = EngineConfig(name="real", threads=2, bench_binary=binary)
    cell, launch = run(asked(engine, real_model), tmp_path)
    assert cell.failure is None, launch.launch.log_tail
    assert [(t.step, t.depth) for t in cell.trials] == [
        *[("pp64", 0)] * 2, *[("tg8", 0)] * 2, *[("pp64", 128)] * 2, *[("tg8", 128)] * 2,
    ]  # fmt: skip
    assert all(t.valid for t in cell.trials)
