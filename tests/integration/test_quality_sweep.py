"""`herd sweep workload=perplexity` as a user runs it, with a fake llama-perplexity."""

import subprocess
from pathlib import Path

import pytest

from tests.herd_process import Herd, interrupt, until
from tests.tiny_models import write_tiny

pytestmark = pytest.mark.timeout(300)
_START_S = 150
"""For a busy machine: Ray, a worker, and the tool's --version and --help come first."""
TOOL = str(Path(__file__).parents[1] / "fakes" / "llama_perplexity.py")


@pytest.fixture(autouse=True)
def own_cache(herd: Herd) -> None:
    herd.env["XDG_CACHE_HOME"] = str(herd.folder / "cache")


def sweep(herd: Herd, *overrides: str) -> tuple[str, ...]:
    base = write_tiny(herd.folder / "base.gguf", "qwen2")
    fixed = ("workload=perplexity", "workload.chunks=2", f"workload.baseline_quant={base}")
    model = f"model.path={herd.model_file()}"
    return ("sweep", "model=file", model, "pairing=cpu", *fixed, *overrides)


def engine(herd: Herd, name: str, tool: str = TOOL, **behaviour: object) -> None:
    herd.engine(name, **behaviour)
    path = herd.conf / "engine" / f"{name}.yaml"
    path.write_text(path.read_text()[:-1] + f', "perplexity_binary": "{tool}"}}')


def fine(process: subprocess.CompletedProcess[str]) -> str:
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


def test_a_sweep_of_quality(herd: Herd) -> None:
    engine(herd, "fake", ppl=14.5)
    engine(herd, "gone", str(herd.folder / "no-such-tool"))
    said = fine(herd.run(*sweep(herd, "engine=fake,gone")))
    assert "14.5" in said
    assert "250.0" in said
    (row,) = herd.query("select * from model_quality")
    assert (row["perplexity"], row["kld_mean_nats"], row["corpus"]) == (14.5, 0.25, "herd-prose-1")
    assert row["baseline_quant"] == "Q8_0"
    (missing,) = herd.query("select * from cells where engine = 'gone'")
    assert missing["failure_class"] == "engine_missing"
    assert "engine.perplexity_binary" in missing["reason"]
    (measured,) = herd.query("select * from cells where engine = 'fake'")
    assert (measured["valid_trials"], measured["invalid_trials"]) == (1, 0)
    assert "1 to run, 1 cached" in fine(herd.run(*sweep(herd, "engine=fake,gone")))
    assert len(herd.query("select * from cells where engine = 'gone'")) == 2
    assert not herd.processes()


def test_a_killed_driver_leaves_no_tool_and_the_sweep_goes_on(herd: Herd) -> None:
    engine(herd, "fake", ppl_silent=True)
    process = herd.start(*sweep(herd, "engine=fake"))
    until(herd.servers, _START_S)
    process.kill()
    process.wait()
    herd.wait_gone(herd.servers, 2)
    engine(herd, "fake")
    assert "1 ok" in fine(herd.run(*sweep(herd, "engine=fake")))
    assert len(herd.query("select * from quality where valid")) == 1


def test_ctrl_c_gives_the_cell_up(herd: Herd) -> None:
    engine(herd, "fake", ppl_silent=True)
    process = herd.start(*sweep(herd, "engine=fake"))
    until(herd.servers, _START_S)
    interrupt(process)
    assert process.wait(timeout=30) == 130
    herd.wait_gone(herd.processes, 5)
    assert [row["status"] for row in herd.query("select status from cells")] == ["cancelled"]
    assert herd.query("select * from quality") == []


def test_what_no_host_can_have_is_told_before_anything_runs(herd: Herd) -> None:
    process = herd.run(*sweep(herd, "engine=default"))
    assert process.returncode != 0
    assert "engine.perplexity_binary=/path/to/llama-perplexity" in process.stderr
    assert not herd.warehouse.exists()
