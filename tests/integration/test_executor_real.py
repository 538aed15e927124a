"""A launch on the real llama-server with a real model."""

import gzip
import threading
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from workers.contract import (
    CellDone,
    CellRequest,
    Event,
    LaunchDone,
    LaunchReady,
    LaunchRequest,
    ModelFile,
    TrialDone,
)
from workers.engine.build import EngineBuild, probe
from workers.engine.config import EngineConfig
from workers.executor import run_launch
from workers.failures import FailureClass
from workers.gpu import Nvml
from workers.workloads.speed.config import SpeedConfig

SHORT = SpeedConfig(prompt_sizes=[64, 128], n_predict=8, repetitions=2)
NOTHING_FITS = SpeedConfig(prompt_sizes=[512], n_predict=8)
LONG = SpeedConfig(prompt_sizes=[64], n_predict=100, repetitions=50)


@pytest.fixture(scope="module")
def build(real_engine: EngineConfig) -> EngineBuild:
    return probe(real_engine.binary)


def request_for(model: Path, *workloads: SpeedConfig) -> LaunchRequest:
    return LaunchRequest(
        launch_id="launch",
        server_id="server",
        sweep_id="sweep",
        host_id="host",
        model=ModelFile(str(model), None),
        context=512,
        cache_k="f16",
        cache_v="f16",
        devices=(),
        gpu_uuids=(),
        tensor_split=(),
        engine=EngineConfig(
            threads=psutil.cpu_count(logical=False) or 1, batch_size=256, request_timeout_s=60
        ),
        engine_build="build 1",
        cells=tuple(
            CellRequest(f"cell{number}", 1, workload) for number, workload in enumerate(workloads)
        ),
    )


def launch(
    request: LaunchRequest, build: EngineBuild, run_dir: Path, cancelled: threading.Event
) -> Generator[Event, None, None]:
    return run_launch(
        request,
        find_build=lambda _: build,
        run_dir=run_dir,
        cancelled=cancelled,
        nvml=Nvml(),
    )


@pytest.fixture(scope="module")
def events(
    build: EngineBuild, real_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> list[Event]:
    """Two good cells with one between them that cannot be measured, in one server life."""
    request = request_for(real_model, SHORT, NOTHING_FITS, SHORT)
    return list(launch(request, build, tmp_path_factory.mktemp("run"), threading.Event()))


def cells(events: list[Event]) -> list[CellDone]:
    return [event for event in events if isinstance(event, CellDone)]


def test_order_of_events(events: list[Event]) -> None:
    kinds = [type(event) for event in events]
    cell = [*[TrialDone] * 6, CellDone]
    assert kinds == [LaunchReady, *cell, CellDone, *cell, LaunchDone]
    progress = [event for event in events if isinstance(event, TrialDone)]
    assert [(event.done, event.total) for event in progress[:6]] == [(n, 6) for n in range(1, 7)]
    assert all(event.tok_s for event in progress)


def test_every_trial_is_valid_and_cold(events: list[Event]) -> None:
    good = [cell for cell in cells(events) if cell.status == "ok"]
    assert len(good) == 2
    for trial in (trial for cell in good for trial in cell.trials):
        assert (trial.valid, trial.invalid_reason) == (True, None)
        assert (trial.depth, trial.cache_n) == (0, 0)
        assert trial.prompt_n == trial.prompt_n_asked
        assert trial.ttft_ms is not None
        assert trial.prompt_ms is not None
        # The client sees the prompt's time and a little more.
        assert trial.ttft_ms >= trial.prompt_ms * 0.9
        assert trial.started_at < trial.ended_at
        assert trial.energy_reason == "no GPU leased"


def test_a_cell_tells_the_context_that_the_slot_really_has(
    events: list[Event], build: EngineBuild, real_model: Path, tmp_path: Path
) -> None:
    assert {cell.slot_context for cell in cells(events)} == {512}
    trained = 8192
    request = replace(request_for(real_model, SHORT), context=2 * trained)
    (cell,) = cells(list(launch(request, build, tmp_path, threading.Event())))
    assert (cell.status, cell.slot_context) == ("ok", trained)


def test_rates_are_sane_and_agree_with_the_client(events: list[Event]) -> None:
    trials = cells(events)[0].trials
    assert {trial.step for trial in trials} == {"pp64", "pp128", "tg8"}
    assert sorted(trial.run_order for trial in trials) == list(range(1, 7))
    for trial in trials:
        if trial.kind == "pp":
            assert trial.tg_tok_s is None
            assert trial.pp_tok_s is not None
            assert 5 < trial.pp_tok_s < 100_000
        else:
            assert trial.pp_tok_s is None
            assert trial.tg_tok_s is not None
            assert 1 < trial.tg_tok_s < 10_000
            assert trial.inter_token_p50_ms is not None
            assert trial.inter_token_p50_ms <= (trial.inter_token_p99_ms or 0)


def test_a_cell_that_cannot_fit_spoils_no_other(events: list[Event]) -> None:
    bad = cells(events)[1]
    assert (bad.status, bad.trials) == ("failed", ())
    assert bad.failure is not None
    assert bad.failure.failure_class is FailureClass.BAD_ARGS
    assert "none of the prompt sizes [512] fits a context of 512" in bad.failure.reason


def test_telemetry_of_host_and_engine(events: list[Event]) -> None:
    cell = cells(events)[0]
    assert {row.device for row in cell.telemetry} == {"host", "engine"}
    assert {row.cell_id for row in cell.telemetry} == {"cell0"}
    busy = [row.cpu_pct for row in cell.telemetry if row.device == "engine" and row.cpu_pct]
    assert max(busy) > 50


def test_launch_rows(events: list[Event]) -> None:
    ready, done = events[0], events[-1]
    assert isinstance(ready, LaunchReady)
    assert isinstance(done, LaunchDone)
    assert (done.launch.status, done.launch.exit_code) == ("ok", 0)
    assert ready.launch.ended_at is None
    assert done.launch.ended_at is not None
    assert done.launch.ended_at > done.launch.started_at
    assert done.launch.load_ms
    assert done.launch.page_cache_fraction is not None
    assert "--cache-type-k" in done.launch.command_line
    assert done.launch.log_path is None
    log = gzip.decompress(done.log_gzip).decode()
    assert "cleaning up before exit" in log
    assert log.endswith(done.launch.log_tail)


def test_memory_by_all_sources(events: list[Event]) -> None:
    done = events[-1]
    assert isinstance(done, LaunchDone)
    parts = {(row.source, row.part): row.mib for row in done.memory}
    # 30 layers x 512 cells x 3 KV heads x 64 x (K + V) x 2 bytes
    assert parts["log", "kv"] == 30 * 512 * 3 * 64 * 2 * 2 / 2**20
    assert {source for source, _ in parts} == {"log", "breakdown", "psutil"}
    assert parts["psutil", "rss"] > parts["log", "kv"]


def test_nothing_is_left(events: list[Event], real_model: Path) -> None:
    assert str(real_model) not in {word for child in children() for word in child}


def children() -> list[list[str]]:
    return [child.cmdline() for child in psutil.Process().children(recursive=True)]


def test_cancel_in_a_request(build: EngineBuild, real_model: Path, tmp_path: Path) -> None:
    cancelled = threading.Event()
    seen: list[Event] = []
    for event in launch(request_for(real_model, LONG, LONG), build, tmp_path, cancelled):
        seen.append(event)
        if isinstance(event, TrialDone):
            cancelled.set()
    first, second = cells(seen)
    assert (first.status, first.failure) == ("cancelled", None)
    assert 1 <= len(first.trials) < 5
    assert all(trial.valid for trial in first.trials)
    assert (second.status, second.trials, second.failure) == ("cancelled", (), None)
    done = seen[-1]
    assert isinstance(done, LaunchDone)
    assert (done.launch.status, done.launch.exit_code) == ("cancelled", 0)
    assert "cleaning up before exit" in gzip.decompress(done.log_gzip).decode()


def test_closed_early(build: EngineBuild, real_model: Path, tmp_path: Path) -> None:
    running = launch(request_for(real_model, LONG), build, tmp_path, threading.Event())
    assert isinstance(next(running), LaunchReady)
    assert isinstance(next(running), TrialDone)
    assert any(str(real_model) in command for command in children())
    running.close()
    assert not any(str(real_model) in command for command in children())
    assert list(tmp_path.iterdir()) == []
