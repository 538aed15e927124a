"""The workload `perplexity`: faults with a fake, figures and reuse with a real one."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from orchestrator.config import load_catalogue
from tests.tiny_models import write_tiny
from tests.unit.orchestrator_samples import planned, request
from warehouse import rows
from workers.contract import Baseline, CellDone, CellRequest, LaunchDone, LaunchRequest, ModelFile
from workers.engine.config import EngineConfig
from workers.failures import CellFailed, FailureClass
from workers.models.store import ModelStore
from workers.perplexity_run import run_perplexity
from workers.workloads.perplexity.config import PerplexityConfig
from workers.workloads.perplexity.store import LogitsStore

FAKE = Path(__file__).parents[1] / "fakes" / "llama_perplexity.py"
CONFIG = PerplexityConfig(chunks=2)
Fake = Callable[..., EngineConfig]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Herd's cache folder of this test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "herd" / "logits"


@pytest.fixture
def fake(fake_server: Callable[..., EngineConfig]) -> Fake:
    return lambda **behaviour: replace(fake_server(**behaviour), perplexity_binary=str(FAKE))


@pytest.fixture
def baseline(tmp_path: Path) -> Baseline:
    path = write_tiny(tmp_path / "base.gguf", "qwen2")
    return Baseline(ModelFile(str(path), "ba" * 32), "F16", "c-base")


def asked(
    engine: EngineConfig,
    model: Path,
    baseline: Baseline | None = None,
    config: PerplexityConfig = CONFIG,
) -> LaunchRequest:
    cell = planned()
    return request(
        cell,
        engine=engine,
        model=ModelFile(str(model), None),
        cells=(CellRequest(cell.cell_id, 1, config),),
        baseline=baseline,
    )


def run(
    asked_: LaunchRequest, folder: Path, cancelled: threading.Event | None = None
) -> tuple[CellDone, LaunchDone]:
    (cell,) = asked_.cells
    assert isinstance(cell.workload, PerplexityConfig)
    events = run_perplexity(
        asked_, cell.workload, run_dir=folder, cancelled=cancelled or threading.Event()
    )
    done, launch = events
    assert isinstance(done, CellDone)
    assert isinstance(launch, LaunchDone)
    assert not (folder / asked_.launch_id).exists()
    return done, launch


def quality_of(cell: CellDone) -> rows.Quality:
    (row,) = cell.evidence
    assert isinstance(row, rows.Quality)
    return row


def test_a_perplexity_is_a_row(fake: Fake, any_model: Path, tmp_path: Path) -> None:
    cell, launch = run(asked(fake(ppl=11.25), any_model), tmp_path)
    assert (cell.status, cell.failure) == ("ok", None)
    row = quality_of(cell)
    assert (row.perplexity, row.perplexity_se, row.chunks) == (11.25, 0.5, 2)
    assert (row.corpus, row.chunk_context, row.valid) == ("herd-prose-1", 512, True)
    assert (row.baseline_sha256, row.kld_mean_nats) == (None, None)
    assert launch.launch.engine_build == "build 11434, commit 7e4c0a9"
    assert launch.launch.command_line[0] == str(FAKE)
    assert launch.launch.exit_code == 0


def test_a_baseline_is_scored_once(
    fake: Fake, any_model: Path, tmp_path: Path, baseline: Baseline, cache: Path
) -> None:
    cell, launch = run(asked(fake(), any_model, baseline), tmp_path)
    row = quality_of(cell)
    assert cell.failure is None
    assert (row.kld_mean_nats, row.kld_p99_nats, row.kld_median_nats) == (0.25, 0.75, 0.125)
    assert (row.kld_max_nats, row.same_top_pct, row.p_change_mean_pct) == (1.5, 72.0, -3.5)
    assert (row.baseline_quant, row.baseline_sha256) == ("F16", "ba" * 32)
    assert (row.baseline_cell_id, row.baseline_perplexity) == ("c-base", 20.0)
    assert "Final estimate" in launch.launch.log_tail  # of the baseline's own run
    (file,) = cache.glob("*.logits")
    # would fail, if it ran
    refusing = fake(ppl_exit="no", ppl_exit_of=baseline.file.path)
    cell, launch = run(asked(refusing, any_model, baseline), tmp_path)
    assert cell.failure is None
    assert quality_of(cell).kld_mean_nats == 0.25
    file.write_bytes(file.read_bytes()[:-1])  # damaged: made anew
    cell, _ = run(asked(refusing, any_model, baseline), tmp_path)
    assert cell.failure is not None
    assert list(cache.glob("*.logits")) == list(cache.glob("*.part")) == []
    cell, _ = run(asked(fake(), any_model, baseline), tmp_path)
    assert cell.failure is None


@pytest.mark.parametrize("other", ["chunks", "model", "text"])
def test_what_decides_a_baselines_answers_has_its_own_file(
    fake: Fake, any_model: Path, tmp_path: Path, baseline: Baseline, cache: Path, other: str
) -> None:
    text = tmp_path / "text"
    text.write_text("words")
    run(asked(fake(), any_model, baseline), tmp_path)
    changed = {
        "chunks": (baseline, replace(CONFIG, chunks=3)),
        "model": (replace(baseline, file=replace(baseline.file, sha256="bb" * 32)), CONFIG),
        "text": (baseline, replace(CONFIG, corpus=str(text))),
    }
    run(asked(fake(), any_model, *changed[other]), tmp_path)
    assert len(list(cache.glob("*.logits"))) == 2


@pytest.mark.parametrize(
    ("behaviour", "failure", "reason"),
    [
        (
            {"ppl_exit": "llama_model_load: error loading model: failed to allocate buffer"},
            FailureClass.OOM_LOAD,
            "failed to allocate buffer",
        ),
        (
            {"ppl_exit": "gguf_init_from_file: invalid magic characters"},
            FailureClass.BAD_MODEL,
            "invalid magic",
        ),
        ({"ppl_exit": ""}, FailureClass.CRASH, "llama-perplexity ended with exit code 1"),
        ({"ppl_says": "nothing"}, FailureClass.CRASH, "printed no perplexity"),
        (
            {"ppl_says": "E x: the data file you provided tokenizes to only 7 tokens"},
            FailureClass.BAD_ARGS,
            "only 7 tokens",
        ),
    ],
)
def test_failures_are_rows(
    fake: Fake,
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
    row = quality_of(cell)
    assert (row.valid, row.invalid_reason) == (False, cell.failure.reason)


def test_nan_is_marked(fake: Fake, any_model: Path, tmp_path: Path) -> None:
    cell, _ = run(asked(fake(ppl="nan"), any_model), tmp_path)
    row = quality_of(cell)
    assert cell.status == "ok"
    assert (row.perplexity, row.valid, row.invalid_reason) == (None, False, "perplexity is nan")


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ({"ppl_exit": "failed to allocate buffer"}, "baseline F16: failed to allocate buffer"),
        ({"ppl_cut": True}, "not written whole"),
    ],
)
def test_a_baseline_that_fails_leaves_no_file(
    fake: Fake,
    any_model: Path,
    tmp_path: Path,
    baseline: Baseline,
    cache: Path,
    behaviour: dict[str, object],
    reason: str,
) -> None:
    cell, _ = run(asked(fake(**behaviour), any_model, baseline), tmp_path)
    assert cell.failure is not None
    assert reason in cell.failure.reason
    assert [file.suffix for file in cache.iterdir()] in ([], [".lock"])


def test_a_baseline_that_is_not_here(
    fake: Fake, any_model: Path, tmp_path: Path, baseline: Baseline
) -> None:
    Path(baseline.file.path).unlink()
    cell, _ = run(asked(fake(), any_model, baseline), tmp_path)
    assert cell.failure is not None
    assert cell.failure.failure_class is FailureClass.MISSING_MODEL
    assert "no baseline F16 at" in cell.failure.reason


def test_a_hang_is_ended(fake: Fake, any_model: Path, tmp_path: Path) -> None:
    engine = replace(fake(ppl_silent=True), request_timeout_s=0.25)
    cell, _ = run(asked(engine, any_model), tmp_path)
    assert cell.failure is not None
    assert cell.failure.failure_class is FailureClass.RUN_TIMEOUT


def test_a_cancelled_one_is_ended(
    fake: Fake, any_model: Path, tmp_path: Path, baseline: Baseline, cache: Path
) -> None:
    cancelled = threading.Event()
    timer = threading.Timer(1.0, cancelled.set)
    timer.start()
    cell, launch = run(asked(fake(ppl_silent=True), any_model, baseline), tmp_path, cancelled)
    timer.join()
    assert (cell.status, cell.failure, cell.evidence) == ("cancelled", None, ())
    assert launch.launch.status == "cancelled"
    assert list(cache.glob("*.part")) == []


@pytest.mark.parametrize("binary", ["/no/such/llama-perplexity", None])
def test_a_missing_binary(fake: Fake, any_model: Path, tmp_path: Path, binary: str | None) -> None:
    cell, _ = run(asked(replace(fake(), perplexity_binary=binary), any_model), tmp_path)
    assert cell.failure is not None
    assert cell.failure.failure_class is FailureClass.ENGINE_MISSING
    assert "engine.perplexity_binary" in cell.failure.reason


def test_the_tool_beside_the_server_is_found(fake: Fake, any_model: Path, tmp_path: Path) -> None:
    for name in ("llama-server", "llama-perplexity"):
        shutil.copy(FAKE, tmp_path / name)
    engine = replace(fake(), binary=str(tmp_path / "llama-server"), perplexity_binary=None)
    cell, launch = run(asked(engine, any_model), tmp_path)
    assert cell.failure is None
    assert launch.launch.command_line[0] == str(tmp_path / "llama-perplexity")


_DYING = """
import sys, threading
from tests.integration.test_perplexity_run import *
engine = EngineConfig(name="fake", threads=1, binary=str(FAKE), perplexity_binary=str(FAKE),
                      env={"FAKE_LLAMA": '{"ppl_silent": true}'})
list(run_perplexity(asked(engine, Path(sys.argv[1])), CONFIG, run_dir=Path(sys.argv[2]),
                    cancelled=threading.Event()))
"""


def _tools_of(process: psutil.Process) -> list[psutil.Process]:
    return [each for each in process.children() if "llama_perplexity" in " ".join(each.cmdline())]


def test_a_killed_worker_leaves_no_tool(any_model: Path, tmp_path: Path) -> None:
    worker = subprocess.Popen([sys.executable, "-c", _DYING, str(any_model), str(tmp_path)])
    seen = psutil.Process(worker.pid)
    found: list[psutil.Process] = []
    ended = threading.Event()
    # the probes of its flags and build come first: the run is the one with a model
    while not (found := [t for t in _tools_of(seen) if "--model" in t.cmdline()]):
        assert worker.poll() is None
        ended.wait(0.05)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    _, alive = psutil.wait_procs(found, timeout=5)
    assert not alive


def _make(size: int) -> Callable[[Path], None]:
    chunk_context, vocabulary = 16, 3
    row = 4 * chunk_context + 7 * 2 * (2 * 2 + 4)

    def make(path: Path) -> None:
        head = b"_logits_" + b"".join(
            number.to_bytes(4, "little") for number in (chunk_context, vocabulary, size)
        )
        path.write_bytes(head + bytes(size * row))

    return make


def _nobody() -> None:
    raise AssertionError("nobody else makes one")


def test_the_longest_unused_go_first_and_never_one_in_use(tmp_path: Path) -> None:
    store = LogitsStore(4000, tmp_path)  # a chunk takes 176 bytes

    def use(name: str) -> Iterator[Path]:
        with store.held(name, 1800, _make(10), _nobody) as path:
            yield path

    def names() -> set[str]:
        return {path.stem for path in tmp_path.glob("*.logits")}

    for number, name in enumerate("ab"):
        for path in use(name):
            os.utime(path, (number, number))
    for _ in use("a"):  # used again: b is the oldest now
        pass
    for _ in use("c"):
        assert names() == {"a", "c"}
        for _ in use("d"):
            assert names() == {"c", "d"}
            for _ in use("e"):
                assert names() == {"c", "d", "e"}  # both are in use


def test_no_room_is_told(tmp_path: Path) -> None:
    store = LogitsStore(10, tmp_path)
    with pytest.raises(CellFailed, match="GiB free"):
        store.held("a", 2**60, _make(1), _nobody).__enter__()
    assert list(tmp_path.glob("*.logits")) == []


@pytest.mark.timeout(400)
def test_a_real_llama_perplexity(real_model: Path, tmp_path: Path, cache: Path) -> None:
    binary = os.environ.get("HERD_LLAMA_PERPLEXITY")
    if not binary:
        pytest.skip("no llama-perplexity: name one in HERD_LLAMA_PERPLEXITY")
    model = load_catalogue()["smollm2-135m"]
    coarse = ModelStore(tmp_path / "store")
    coarse_path = coarse.path(model, "Q4_1")
    coarse_path.parent.mkdir(parents=True)
    coarse_path.symlink_to(real_model)
    other = coarse.fetch(model, "Q4_0")
    engine = EngineConfig(name="real", threads=2, perplexity_binary=binary)
    few = PerplexityConfig(chunk_context=128, chunks=3)
    own = Baseline(ModelFile(str(real_model), None), "Q4_1", None)
    plain, _ = run(asked(engine, real_model, None, few), tmp_path)
    same, launch = run(asked(engine, real_model, own, few), tmp_path)
    assert same.failure is None, launch.launch.log_tail
    worse, launch = run(asked(engine, other, own, few), tmp_path)
    assert worse.failure is None, launch.launch.log_tail
    first, second, third = (quality_of(cell) for cell in (plain, same, worse))
    assert first.perplexity == pytest.approx(second.perplexity, rel=1e-3)
    assert third.baseline_perplexity == pytest.approx(first.perplexity, rel=1e-3)
    assert second.kld_mean_nats == pytest.approx(0.0, abs=1e-3)
    assert third.kld_mean_nats is not None
    assert third.kld_mean_nats > 0.01
    assert third.same_top_pct is not None
    assert 50 < third.same_top_pct < 100
    assert all(row.valid and row.chunks == 3 for row in (first, second, third))
    assert len(list(cache.glob("*.logits"))) == 1
