"""Launches on a GPU that is a double of NVML: throttled, shared, hot; the server is the fake."""

import json
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType

import psutil
import pytest

from tests.nvml_double import H100, process, recorded
from workers.context_search import run_search
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
from workers.engine.build import probe
from workers.engine.config import EngineConfig
from workers.executor import run_launch
from workers.gpu import Nvml
from workers.measure import MeasureConfig
from workers.workloads.max_context.config import MaxContextConfig
from workers.workloads.speed.config import SpeedConfig

FakeServer = Callable[..., EngineConfig]
TEN = SpeedConfig(prompt_sizes=[32], n_predict=32, repetitions=5)
"""Ten trials of 0.4 s: each holds some samples."""
SPEED = 80.0
THERMAL = 0x20
"""nvmlClocksEventReasonSwThermalSlowdown"""


@dataclass
class Card:
    """A card whose state a test sets."""

    reasons: int = 0
    clock_mhz: int = 1980
    temperature_c: int = 40
    pids: list[int] = field(default_factory=list)

    def library(self) -> ModuleType:
        return recorded(
            nvmlDeviceGetCurrentClocksEventReasons=lambda _: self.reasons,
            nvmlDeviceGetClockInfo=lambda *_: self.clock_mhz,
            nvmlDeviceGetTemperature=lambda *_: self.temperature_c,
            nvmlDeviceGetComputeRunningProcesses=lambda _: [process(p, 900.0) for p in self.pids],
        )


@pytest.fixture
def card() -> Card:
    return Card()


@pytest.fixture
def slow_file(tmp_path: Path) -> Path:
    return tmp_path / "throttled"


@pytest.fixture
def engine(fake_server: FakeServer, slow_file: Path) -> EngineConfig:
    fake = fake_server(
        pp_tok_s=SPEED,
        tg_tok_s=SPEED,
        throttle_while=str(slow_file),
        throttle_factor=0.6,
        devices={"CUDA0": ["NVIDIA H100 80GB HBM3", 81559, 81000]},
    )
    return replace(fake, batch_size=32)


def request_for(engine: EngineConfig, model: Path, workload: SpeedConfig) -> LaunchRequest:
    return LaunchRequest(
        launch_id="launch",
        server_id="server",
        sweep_id="sweep",
        host_id="host",
        model=ModelFile(str(model), None),
        context=512,
        cache_k="f16",
        cache_v="f16",
        devices=("CUDA0",),
        gpu_uuids=(H100,),
        tensor_split=(1.0,),
        engine=engine,
        engine_build=None,
        cells=(CellRequest("c", 1, workload),),
        measure=MeasureConfig(host_busy_pct=100.0),
    )


def start(
    request: LaunchRequest, card: Card, folder: Path, cancelled: threading.Event | None = None
) -> Iterator[Event]:
    return run_launch(
        request,
        find_build=lambda engine: probe(engine.binary, engine.env),
        run_dir=folder / "run",
        cancelled=cancelled or threading.Event(),
        nvml=Nvml(card.library()),
    )


def server_pid() -> int:
    (server,) = [
        child
        for child in psutil.Process(os.getpid()).children()
        if "llama_server" in " ".join(child.cmdline())
    ]
    return server.pid


def test_exactly_the_throttled_trials_are_marked_and_left_out(
    engine: EngineConfig, any_model: Path, tmp_path: Path, card: Card, slow_file: Path
) -> None:
    cells = []
    for event in start(request_for(engine, any_model, TEN), card, tmp_path):
        # between two trials: the executor stands still here
        if isinstance(event, TrialDone) and event.done == 4:
            slow_file.touch()
            card.reasons, card.clock_mhz = THERMAL, 1200
        if isinstance(event, TrialDone) and event.done == 7:
            slow_file.unlink()
            card.reasons, card.clock_mhz = 0, 1980
        if isinstance(event, CellDone):
            cells.append(event)
    (cell,) = cells
    throttled = {5, 6, 7}
    marks = {t.run_order: t.disturbed for t in cell.trials}
    assert marks == {n: "throttled,clock_drop" if n in throttled else None for n in range(1, 11)}
    assert {t.run_order for t in cell.trials if not t.valid} == throttled
    assert {t.invalid_reason for t in cell.trials if not t.valid} == {
        "disturbed: throttled, clock_drop"
    }
    # the raw columns stay: what the throttled trials ran at can be read
    for trial in cell.trials:
        factor = 0.6 if trial.run_order in throttled else 1.0
        assert (trial.tg_tok_s or trial.pp_tok_s) == pytest.approx(SPEED * factor, rel=0.01)
        assert trial.clock_mean_mhz == (1200.0 if trial.run_order in throttled else 1980.0)
    assert cell.cool_down is not None
    assert cell.cool_down.cooled


def test_a_process_that_comes_in_the_middle_marks_the_trials_beside_it(
    engine: EngineConfig, any_model: Path, tmp_path: Path, card: Card
) -> None:
    request = request_for(engine, any_model, replace(TEN, repetitions=3))
    events: list[Event] = []
    for event in start(request, card, tmp_path):
        events.append(event)
        if isinstance(event, LaunchReady):
            card.pids = [server_pid()]
        if isinstance(event, TrialDone) and event.done == 3:
            card.pids = [server_pid(), 4_000_000]
    (cell,) = [event for event in events if isinstance(event, CellDone)]
    marked = {t.run_order: t.disturbed for t in cell.trials}
    assert marked == {1: None, 2: None, 3: None} | dict.fromkeys((4, 5, 6), "foreign_gpu")
    assert {t.foreign_gpu_pids for t in cell.trials} == {"", "4000000"}
    assert all(t.valid for t in cell.trials), "a mark alone, by the policy"
    assert {row.engine_vram_mib for row in cell.telemetry} >= {900.0}
    end = events[-1]
    assert isinstance(end, LaunchDone)
    assert end.launch.foreign_gpu is None
    assert [(m.part, m.mib) for m in end.memory if m.part == "process"] == [("process", 900.0)]


def run(request: LaunchRequest, card: Card, folder: Path) -> tuple[CellDone, LaunchDone]:
    events = list(start(request, card, folder))
    (cell,) = [event for event in events if isinstance(event, CellDone)]
    end = events[-1]
    assert isinstance(end, LaunchDone)
    return cell, end


def with_policy(request: LaunchRequest, policy: str, wait_s: float = 600.0) -> LaunchRequest:
    measure = replace(request.measure, gpu_foreign=policy, gpu_foreign_wait_s=wait_s)
    return replace(request, measure=measure)


@pytest.fixture
def request_(engine: EngineConfig, any_model: Path) -> LaunchRequest:
    return request_for(engine, any_model, replace(TEN, repetitions=1))


def test_warn_runs_and_says_who_was_there(
    request_: LaunchRequest, card: Card, tmp_path: Path
) -> None:
    card.pids = [os.getpid()]
    cell, end = run(with_policy(request_, "warn"), card, tmp_path)
    assert cell.status == "ok"
    assert [t.disturbed for t in cell.trials] == ["foreign_gpu"] * 2
    name = psutil.Process().name()
    assert end.launch.foreign_gpu == f"CUDA0: pid {os.getpid()} ({name}, 900 MiB)"


def test_fail_starts_no_server(request_: LaunchRequest, card: Card, tmp_path: Path) -> None:
    card.pids = [4_000_000]
    cell, end = run(with_policy(request_, "fail"), card, tmp_path)
    assert cell.failure is not None
    assert (cell.failure.failure_class, end.launch.failure_class) == ("gpu_busy", "gpu_busy")
    assert cell.failure.reason == (
        "in use by CUDA0: pid 4000000 (900 MiB): end it, or measure beside it with "
        "measure.gpu_foreign=warn"
    )
    assert (end.launch.command_line, end.launch.foreign_gpu) == (
        (),
        "CUDA0: pid 4000000 (900 MiB)",
    )


def test_wait_goes_on_when_it_is_gone(request_: LaunchRequest, card: Card, tmp_path: Path) -> None:
    card.pids = [4_000_000]
    looks = iter(range(3))

    def listed(_: object) -> list[object]:
        return [process(4_000_000, 900.0)] if next(looks, None) is not None else []

    library = card.library()
    library.nvmlDeviceGetComputeRunningProcesses = listed  # type: ignore[attr-defined]
    card.library = lambda: library  # type: ignore[method-assign]
    cell, end = run(with_policy(request_, "wait"), card, tmp_path)
    assert cell.status == "ok"
    assert end.launch.foreign_gpu is None


def test_wait_has_a_limit(request_: LaunchRequest, card: Card, tmp_path: Path) -> None:
    card.pids = [4_000_000]
    cell, _ = run(with_policy(request_, "wait", 0.1), card, tmp_path)
    assert cell.failure is not None
    assert cell.failure.failure_class == "gpu_busy"
    assert "in use after 0.1 s by CUDA0" in cell.failure.reason


def test_a_hot_card_is_waited_for_up_to_the_limit(
    request_: LaunchRequest, card: Card, tmp_path: Path
) -> None:
    measure = replace(request_.measure, cool_down_s=0.2)
    events = start(replace(request_, measure=measure), card, tmp_path)
    assert isinstance(next(events), LaunchReady)
    card.temperature_c = 80
    (cell,) = [event for event in events if isinstance(event, CellDone)]
    assert cell.cool_down is not None
    assert not cell.cool_down.cooled
    assert cell.cool_down.waited_s >= 0.2
    assert cell.status == "ok"


def test_a_busy_card_is_no_answer_to_a_context_search(
    request_: LaunchRequest, card: Card, tmp_path: Path
) -> None:
    """The first start fails for memory; then somebody comes, and the second says nothing of it."""
    behaviour = json.loads(request_.engine.env["FAKE_LLAMA"]) | {"oom_above_context": 2048}
    engine = replace(request_.engine, env={"FAKE_LLAMA": json.dumps(behaviour)})
    request = with_policy(replace(request_, engine=engine, context=8192), "fail")
    events = run_search(
        request,
        MaxContextConfig(),
        find_build=lambda engine: probe(engine.binary, engine.env),
        run_dir=tmp_path / "run",
        cancelled=threading.Event(),
        nvml=Nvml(card.library()),
    )
    ends, cells = [], []
    for event in events:
        if isinstance(event, LaunchDone):
            ends.append(event.launch.failure_class)
            card.pids = [4_000_000]
        if isinstance(event, CellDone):
            cells.append(event)
    assert ends == ["oom_context", "gpu_busy"]
    (cell,) = cells
    assert cell.status == "failed"
    assert cell.failure is not None
    assert cell.failure.failure_class == "gpu_busy"
