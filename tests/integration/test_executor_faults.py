"""Faults of a launch, on the fake server: each is a row, and the launch goes on to its end."""

import gzip
import threading
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path

import pytest

from warehouse.errors import EngineError
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

FakeServer = Callable[..., EngineConfig]
SHORT = SpeedConfig(prompt_sizes=[64, 128], n_predict=8, repetitions=2)
"""Seven completions: a warm-up and six trials."""
ENDLESS = SpeedConfig(prompt_sizes=[64], n_predict=400, repetitions=10_000)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF")
    return path


def request_for(engine: EngineConfig, model: Path, *workloads: SpeedConfig) -> LaunchRequest:
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
        engine=engine,
        engine_build=None,
        cells=tuple(CellRequest(f"c{n}", 1, one) for n, one in enumerate(workloads)),
    )


def find_build(engine: EngineConfig) -> EngineBuild:
    return probe(engine.binary, engine.env)


def start(
    request: LaunchRequest, run_dir: Path, cancelled: threading.Event | None = None
) -> Generator[Event, None, None]:
    return run_launch(
        request,
        find_build=find_build,
        run_dir=run_dir / "run",
        cancelled=cancelled or threading.Event(),
        nvml=Nvml(),
    )


def split(events: list[Event]) -> tuple[list[CellDone], LaunchDone]:
    """The cells and the end; the run folder's content is gone by then."""
    end = events[-1]
    assert isinstance(end, LaunchDone)
    return [event for event in events if isinstance(event, CellDone)], end


def failure_of(event: CellDone | LaunchDone) -> tuple[str, str | None, str | None]:
    if isinstance(event, LaunchDone):
        row = event.launch
        return row.status, row.failure_class, row.reason
    failure = event.failure
    return (
        event.status,
        failure.failure_class.value if failure else None,
        failure.reason if failure else None,
    )


EARLIER = ("failed", "crash", "server died in an earlier cell")


def test_good_launch(fake_server: FakeServer, model: Path, tmp_path: Path) -> None:
    events = list(start(request_for(fake_server(), model, SHORT, SHORT), tmp_path))
    cells, end = split(events)
    assert isinstance(events[0], LaunchReady)
    assert [cell.status for cell in cells] == ["ok", "ok"]
    assert [len(cell.trials) for cell in cells] == [6, 6]
    assert failure_of(end) == ("ok", None, None)
    assert list((tmp_path / "run").iterdir()) == []


def test_crash_in_a_stream(fake_server: FakeServer, model: Path, tmp_path: Path) -> None:
    engine = fake_server(crash_in_stream=6)
    cells, end = split(list(start(request_for(engine, model, SHORT, SHORT, SHORT), tmp_path)))
    status, failure_class, reason = failure_of(cells[0])
    assert (status, failure_class) == ("failed", "crash")
    assert "SIGABRT" in (reason or "")
    # The steps that need less than six tokens, warm-up included, came first or not at all.
    assert all(trial.kind == "pp" for trial in cells[0].trials)
    assert [failure_of(cell) for cell in cells[1:]] == [EARLIER, EARLIER]
    assert failure_of(end)[:2] == ("failed", "crash")
    assert end.launch.exit_code == -6
    assert end.launch.log_tail


def test_crash_between_requests(fake_server: FakeServer, model: Path, tmp_path: Path) -> None:
    engine = fake_server(crash_after_requests=3)
    cells, _ = split(list(start(request_for(engine, model, SHORT, SHORT), tmp_path)))
    # Three answers: the warm-up and two trials, which stay as rows.
    assert len(cells[0].trials) == 2
    assert all(trial.valid for trial in cells[0].trials)
    assert failure_of(cells[0])[1] == "crash"
    assert failure_of(cells[1]) == EARLIER


def test_out_of_memory_at_run(fake_server: FakeServer, model: Path, tmp_path: Path) -> None:
    text = "CUDA error: out of memory"
    engine = fake_server(oom_at_run=text)
    cells, end = split(list(start(request_for(engine, model, SHORT), tmp_path)))
    assert failure_of(cells[0])[:2] == ("failed", "oom_run")
    assert text in (failure_of(cells[0])[2] or "")
    assert failure_of(end) == failure_of(cells[0])


def test_out_of_memory_at_start(fake_server: FakeServer, model: Path, tmp_path: Path) -> None:
    engine = fake_server(
        fail_start="alloc_tensor_range: failed to allocate CUDA0 buffer of size 19327352832"
    )
    events = list(start(request_for(engine, model, SHORT, SHORT), tmp_path))
    cells, end = split(events)
    assert len(events) == 3
    assert [failure_of(cell)[1] for cell in cells] == [failure_of(end)[1]] * 2
    assert (failure_of(end)[1] or "").startswith("oom_")
    assert end.launch.exit_code == 1
    assert "failed to allocate CUDA0 buffer" in gzip.decompress(end.log_gzip).decode()


def test_hang_in_a_request(fake_server: FakeServer, model: Path, tmp_path: Path) -> None:
    engine = replace(fake_server(hang_in_request=4), request_timeout_s=1)
    cells, end = split(list(start(request_for(engine, model, SHORT, SHORT), tmp_path)))
    assert failure_of(cells[0]) == ("failed", "run_timeout", "no progress of a request for 1 s")
    assert len(cells[0].trials) == 2
    assert failure_of(cells[1]) == EARLIER
    assert end.launch.exit_code == -9


def test_error_500_fails_its_cell_only(
    fake_server: FakeServer, model: Path, tmp_path: Path
) -> None:
    engine = fake_server(error_500=3)
    cells, end = split(list(start(request_for(engine, model, SHORT, SHORT), tmp_path)))
    assert failure_of(cells[0])[:2] == ("failed", "request_error")
    assert "server_error: the fake was told to fail" in (failure_of(cells[0])[2] or "")
    assert (cells[1].status, len(cells[1].trials)) == ("ok", 6)
    assert end.launch.status == "ok"


def test_hidden_cache_hits_make_trials_invalid(
    fake_server: FakeServer, model: Path, tmp_path: Path
) -> None:
    engine = fake_server(cache_n_lie=7)
    cells, _ = split(list(start(request_for(engine, model, SHORT), tmp_path)))
    assert cells[0].status == "ok"
    assert {trial.valid for trial in cells[0].trials} == {False}
    assert {trial.invalid_reason for trial in cells[0].trials} == {"cache_n is 7, asked for 0"}
    assert {trial.depth for trial in cells[0].trials} == {0}


def test_cancel_in_a_request(fake_server: FakeServer, model: Path, tmp_path: Path) -> None:
    """The warm-up alone would take 40 s; it is dropped at once, and the server stops cleanly."""
    cancelled = threading.Event()
    engine = fake_server(tg_tok_s=0.1)
    events: list[Event] = []
    timer = threading.Timer(0.5, cancelled.set)
    for event in start(request_for(engine, model, ENDLESS, SHORT), tmp_path, cancelled):
        events.append(event)
        if isinstance(event, LaunchReady):
            timer.start()
    cells, end = split(events)
    assert [failure_of(cell) for cell in cells] == [("cancelled", None, None)] * 2
    assert (end.launch.status, end.launch.exit_code) == ("cancelled", 0)
    assert (cells[0].ended_at - cells[0].started_at).total_seconds() < 10


def test_cancel_while_it_starts(fake_server: FakeServer, model: Path, tmp_path: Path) -> None:
    cancelled = threading.Event()
    timer = threading.Timer(0.3, cancelled.set)
    timer.start()
    engine = fake_server(never_ready=True)
    cells, end = split(list(start(request_for(engine, model, SHORT), tmp_path, cancelled)))
    assert failure_of(cells[0]) == ("cancelled", None, None)
    assert end.launch.status == "cancelled"


def test_closed_in_the_middle(fake_server: FakeServer, model: Path, tmp_path: Path) -> None:
    running = start(request_for(fake_server(), model, ENDLESS), tmp_path)
    while not isinstance(next(running), TrialDone):
        pass
    running.close()
    assert list((tmp_path / "run").iterdir()) == []
    assert not {"telemetry", "cancel"} & {thread.name for thread in threading.enumerate()}


def test_never_ready(fake_server: FakeServer, model: Path, tmp_path: Path) -> None:
    engine = replace(fake_server(never_ready=True), start_timeout_s=0.5)
    cells, end = split(list(start(request_for(engine, model, SHORT), tmp_path)))
    assert failure_of(cells[0])[:2] == ("failed", "start_timeout")
    assert end.launch.status == "failed"


def test_missing_model(fake_server: FakeServer, tmp_path: Path) -> None:
    model = tmp_path / "nowhere.gguf"
    events = list(start(request_for(fake_server(), model, SHORT, SHORT), tmp_path))
    cells, end = split(events)
    assert len(events) == 3
    wanted = ("failed", "missing_model", f"no model file at {model}")
    assert [failure_of(cell) for cell in cells] == [wanted] * 2
    assert failure_of(end) == wanted
    assert (end.launch.command_line, end.launch.exit_code) == ((), None)
    assert gzip.decompress(end.log_gzip) == b""


def test_missing_engine(fake_server: FakeServer, model: Path, tmp_path: Path) -> None:
    engine = replace(fake_server(), binary=str(tmp_path / "no-server"))
    with pytest.raises(EngineError):
        find_build(engine)
    cells, end = split(list(start(request_for(engine, model, SHORT), tmp_path)))
    assert failure_of(cells[0])[:2] == ("failed", "engine_missing")
    assert end.launch.failure_class == FailureClass.ENGINE_MISSING.value


def test_missing_device(fake_server: FakeServer, model: Path, tmp_path: Path) -> None:
    request = replace(request_for(fake_server(), model, SHORT), devices=("CUDA0",))
    cells, _ = split(list(start(request, tmp_path)))
    assert failure_of(cells[0])[:2] == ("failed", "device_missing")
    assert cells[0].trials == ()
