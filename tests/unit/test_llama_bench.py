import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestrator.identity import engine_facts
from tests.unit.orchestrator_samples import planned, request
from workers.contract import LaunchRequest
from workers.engine.config import EngineConfig
from workers.workloads.llama_bench.arguments import bench_arguments, bench_flags, fitting_tests
from workers.workloads.llama_bench.config import LlamaBenchConfig
from workers.workloads.llama_bench.output import parse_output, trial_rows

FIXTURES = Path(__file__).parents[1] / "fixtures" / "engine"
NEW = bench_flags((FIXTURES / "llama-bench-help.txt").read_text())
ALL = fitting_tests(LlamaBenchConfig(prompt_sizes=[512, 128, 512], depths=[0, 2048]), 4096)
LINE = {
    "build_commit": "7e4c0a9",
    "build_number": 11434,
    "n_prompt": 512,
    "n_gen": 0,
    "n_depth": 0,
    "test_time": "2026-11-24T21:10:06Z",
    "samples_ns": [2_000_000_000, 10**9],
}


def arguments(asked: LaunchRequest, known: frozenset[str] = NEW) -> dict[str, str]:
    assert ALL is not None
    words = bench_arguments(asked, ALL, 3, known)
    assert len(words) == 2 * len(set(words[::2]))
    if known:
        assert set(words[::2]) <= known
    return dict(zip(words[::2], words[1::2], strict=True))


def asked(**engine: object) -> LaunchRequest:
    cell = planned()
    return request(cell, engine=replace(cell.engine, **engine))  # type: ignore[arg-type]


def test_the_flags_are_those_of_the_server() -> None:
    given = arguments(asked(threads=3, batch_size=1024, n_cpu_moe=None))
    assert given["--n-prompt"] == "512,128"
    assert (given["--n-depth"], given["--repetitions"], given["--output"]) == (
        "0,2048",
        "3",
        "jsonl",
    )
    assert (given["--cache-type-k"], given["--threads"], given["--batch-size"]) == (
        "f16",
        "3",
        "1024",
    )
    assert (given["--device"], given["--n-gpu-layers"]) == ("none", "0")
    assert (given["--flash-attn"], given["--load-mode"]) == ("1", "mmap")
    assert (given["--no-kv-offload"], given["--no-op-offload"], given["--repack"]) == (
        "0",
        "0",
        "1",
    )
    assert "--n-cpu-moe" not in given
    assert "--split-mode" not in given


def test_devices_and_split() -> None:
    two = replace(asked(), devices=("CUDA0", "CUDA1"), tensor_split=(14.0, 10.0))
    given = arguments(two)
    assert (given["--device"], given["--tensor-split"]) == ("CUDA0/CUDA1", "14/10")
    assert (given["--n-gpu-layers"], given["--split-mode"]) == ("999", "layer")


@pytest.mark.parametrize(("mode", "flag"), [("mmap", "1"), ("none", "0"), ("mmap+mlock", "1")])
def test_older_builds(mode: str, flag: str) -> None:
    given = arguments(asked(load_mode=mode), frozenset())
    assert given["--mmap"] == flag
    assert not {"--load-mode", "--repack", "--no-op-offload"} & set(given)


def test_what_does_not_fit_the_context_is_left_out() -> None:
    config = LlamaBenchConfig(prompt_sizes=[512], n_predict=32, depths=[0, 3583, 3582])
    fitting = fitting_tests(config, 4096)
    assert fitting is not None
    assert (fitting.depths, fitting.number) == ((0, 3582), 4)
    assert fitting_tests(config, 512) is None


def test_the_binary_is_no_identity() -> None:
    assert engine_facts(EngineConfig(bench_binary="/x")) == engine_facts(EngineConfig())


def test_output_becomes_trials() -> None:
    tg = {**LINE, "n_prompt": 0, "n_gen": 128, "n_depth": 4096, "samples_ns": [64 * 10**9]}
    lines = ["warning: something", json.dumps(LINE), json.dumps(tg), json.dumps(LINE)[:80]]
    tests = parse_output(lines)
    assert [test.build for test in tests] == ["build 11434, commit 7e4c0a9"] * 2
    first, second, third = trial_rows("c1", 2, tests)
    assert (first.step, first.kind, first.depth, first.source) == ("pp512", "pp", 0, "llama-bench")
    assert (first.pp_tok_s, second.pp_tok_s, first.tg_tok_s) == (256.0, 512.0, None)
    assert (third.step, third.depth, third.tg_tok_s) == ("tg128", 4096, 2.0)
    assert [t.repetition for t in (first, second, third)] == [1, 2, 1]
    assert [t.run_order for t in (first, second, third)] == [1, 2, 3]
    start = datetime(2026, 11, 24, 21, 10, 6, tzinfo=UTC)
    assert second.started_at == start + timedelta(seconds=2)
    assert all(t.valid for t in (first, second, third))


def test_output_of_a_real_run() -> None:
    """Printed by the build of 2026-11: llama-bench -p 64 -n 8 -d 0,128 -r 2 on a CPU."""
    text = (FIXTURES / "llama-bench.jsonl").read_text()
    tests = parse_output(text.splitlines())
    assert [(t.step, t.n_depth) for t in tests] == [
        ("pp64", 0), ("tg8", 0), ("pp64", 128), ("tg8", 128),
    ]  # fmt: skip
    for test, line in zip(tests, text.splitlines(), strict=True):
        own = json.loads(line)["samples_ts"]
        rows = trial_rows("c", 1, [test])
        assert [row.pp_tok_s or row.tg_tok_s for row in rows] == pytest.approx(own, rel=1e-4)
