"""What llama-bench's fields become: configurations, hosts, models; old builds' fields too."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.imports import trials_of
from warehouse.imports.bench_runs import bench_import, group_tests
from warehouse.imports.llama_bench import BenchTest, normal, read_test
from warehouse.imports.runs import Given, Run

FIXTURES = Path(__file__).parents[1] / "fixtures" / "imports"
BASE: dict[str, Any] = {
    "build_commit": "1234567",
    "build_number": 9000,
    "cpu_info": "CPU A",
    "gpu_info": "GPU A, GPU A, GPU B",
    "backends": "CUDA",
    "model_filename": "/models/Qwen3-8B-Q4_K_M.gguf",
    "model_type": "qwen3 8B Q4_K - Medium",
    "model_size": 5_000_000_000,
    "model_n_params": 8_000_000_000,
    "n_batch": 2048,
    "n_ubatch": 512,
    "n_threads": 8,
    "type_k": "q8_0",
    "type_v": "q4_0",
    "n_gpu_layers": 99,
    "split_mode": "layer",
    "main_gpu": 0,
    "no_kv_offload": False,
    "flash_attn": 1,
    "tensor_split": "0.00",
    "n_prompt": 512,
    "n_gen": 0,
    "n_depth": 0,
    "test_time": "2026-03-01T10:00:00Z",
    "avg_ns": 10**9,
    "samples_ns": [10**9, 2 * 10**9],
}
OLD_CSV = (
    {"cuda": "1", "metal": "0", "gpu_blas": "1", "blas": "1", "f16_kv": "1", "mul_mat_q": "1"}
    | {"build_commit": "3469684", "build_number": "1275", "cpu_info": "CPU A", "gpu_info": "GPU A"}
    | {"model_filename": "models/7B/ggml-model-q4_0.gguf", "model_type": "llama 7B mostly Q4_0"}
    | {"n_batch": "512", "n_threads": "16", "n_gpu_layers": "99", "main_gpu": "0"}
    | {"tensor_split": "0.00", "n_prompt": "0", "n_gen": "128"}
    | {"test_time": "2023-09-23T12:09:02Z", "avg_ns": "969320879", "avg_ts": "132.05"}
    | {"stddev_ts": "0.37"}
)
"""The fields of the autumn of 2023: no depth, no cache types, no back ends."""


def bench_test(**changes: Any) -> BenchTest:
    return read_test({**BASE, **changes})


def run_of(*tests: BenchTest, host_id: str | None = None) -> Run:
    (run,) = bench_import(tests or [bench_test()], "json", "i1", Given(host_id)).runs
    return run


def test_the_axes_of_a_configuration() -> None:
    cell = run_of(bench_test(), bench_test(n_prompt=0, n_gen=128, n_depth=4096)).cell
    assert (cell.model, cell.quant) == ("Qwen3-8B", "Q4_K_M")
    assert (cell.cache_k, cell.cache_v, cell.context) == ("q8_0", "q4_0", 128 + 4096)
    assert (cell.pairing, cell.split, cell.split_mode) == ("3", None, "layer")
    assert cell.engine_build == "build 9000, commit 1234567"
    assert cell.hardware_class == cell.host_id == "CPU A, 2x GPU A, GPU B"
    assert (cell.workload, cell.source, cell.model_sha256) == ("depth_curve", "llama-bench", None)
    engine = json.loads(cell.server_config)["engine"]
    assert engine["flash_attn"] == "on"
    assert engine["kv_offload"] is True
    assert (engine["batch_size"], engine["ubatch_size"], engine["threads"]) == (2048, 512, 8)


def test_a_run_without_depths_is_of_the_workload_speed_and_its_trials_run_on() -> None:
    run = run_of(bench_test(), bench_test(n_prompt=0, n_gen=128, test_time="2026-03-01T10:00:09Z"))
    assert run.cell.workload == "speed"
    first, second, third, _ = trials_of(run)
    assert (second.started_at - first.started_at).total_seconds() == 1
    assert (third.started_at - first.started_at).total_seconds() == 9
    assert run.cell.ended_at == max(each.ended_at for each in trials_of(run))


def test_the_host_may_be_named() -> None:
    found = bench_import([bench_test()], "json", "i1", Given("box"))
    assert found.hosts[0].host_id == found.models[0].host_id == found.runs[0].cell.host_id == "box"
    assert found.runs[0].cell.hardware_class == "CPU A, 2x GPU A, GPU B"
    assert (found.hosts[0].ram_mib, found.hosts[0].gpus) == (None, ())
    assert found.hosts[0].gpu_names == "GPU A, GPU A, GPU B"


@pytest.mark.parametrize(
    ("changes", "pairing", "gpus"),
    [
        ({"devices": "auto"}, "3", ("GPU A", "GPU A", "GPU B")),
        ({"devices": "CUDA2/CUDA0"}, "pair", ("GPU B", "GPU A")),
        ({"devices": "CUDA1"}, "single", ("GPU A",)),
        ({"devices": "none"}, "cpu", ()),
        ({"devices": "CUDA7"}, None, ()),
        ({"split_mode": "none", "main_gpu": 2}, "single", ("GPU B",)),
        ({"gpu_info": "", "backends": "CPU"}, "cpu", ()),
        ({"gpu_info": "", "backends": "Metal,BLAS"}, None, ()),
    ],
)
def test_the_pairing_is_what_was_used(
    changes: dict[str, Any], pairing: str | None, gpus: tuple[str, ...]
) -> None:
    run = run_of(bench_test(**changes))
    assert (run.cell.pairing, run.launch.devices) == (pairing, gpus)


def test_a_split_is_written_as_herd_does() -> None:
    assert run_of(bench_test(tensor_split="14.00/10.00")).cell.split == "14/10"


@pytest.mark.parametrize(
    ("name", "described", "model", "quant"),
    [
        ("a/Q-8B.i1-IQ3_M.gguf", "x", "Q-8B", "i1-IQ3_M"),
        ("C:\\m\\Q-8B-UD-Q4_K_XL.gguf", "x", "Q-8B", "UD-Q4_K_XL"),
        ("Q-8B-BF16-00001-of-00002.gguf", "x", "Q-8B", "BF16"),
        ("gpt-oss-20b-mxfp4.gguf", "x", "gpt-oss-20b", "mxfp4"),
        ("model.gguf", "llama 7B Q4_K - Small", "model", "Q4_K_S"),
        ("model.gguf", "llama 7B mostly Q4_0", "model", "Q4_0"),
        ("model.gguf", "llama 7B", "model", None),
        ("", "llama 7B Q8_0", "llama 7B Q8_0", "Q8_0"),
    ],
)
def test_model_and_quant(name: str, described: str, model: str, quant: str | None) -> None:
    cell = run_of(bench_test(model_filename=name, model_type=described)).cell
    assert (cell.model, cell.quant) == (model, quant)


def test_a_file_of_the_catalogue_has_its_name() -> None:
    given = Given(models={"Qwen3-8B-Q4_K_M.gguf": ("qwen3-8b", "Q4_K_M")})
    found = bench_import([bench_test()], "json", "i1", given)
    assert (found.runs[0].cell.model, found.models[0].model) == ("qwen3-8b", "qwen3-8b")
    unnamed = bench_import([bench_test()], "json", "i1", Given())
    assert found.runs[0].launch.launch_id == unnamed.runs[0].launch.launch_id


def test_the_size_of_the_file_is_not_told() -> None:
    (model,) = bench_import([bench_test()], "json", "i1", Given()).models
    assert (model.size_bytes, model.model_sha256) == (None, None)
    assert json.loads(model.facts or "")["model_size"] == 5_000_000_000


def test_fields_of_2023() -> None:
    run = run_of(read_test(OLD_CSV))
    (trial,) = trials_of(run)
    assert (run.cell.cache_k, run.cell.cache_v, run.cell.quant) == ("f16", "f16", "q4_0")
    assert (run.cell.engine_build, run.cell.pairing) == ("build 1275, commit 3469684", "single")
    assert (trial.depth, trial.step, trial.averaged, trial.sd_tok_s) == (0, "tg128", True, 0.37)
    assert trial.tg_tok_s == pytest.approx(128 / 0.969320879)
    assert json.loads(run.cell.server_config)["other"]["mul_mat_q"] == 1


def test_fields_of_2025() -> None:
    """As build 5163 has them: use_mmap in place of load_mode, flash_attn as a truth, a depth."""
    run = run_of(
        bench_test(use_mmap="1", flash_attn=True, n_depth=None, tensor_buft_overrides="none")
    )
    config = json.loads(run.cell.server_config)
    assert (config["engine"]["flash_attn"], config["other"]["use_mmap"]) == ("on", 1)
    assert trials_of(run)[0].depth == 0


@pytest.mark.parametrize(
    ("name", "values", "wanted"),
    [
        ("embeddings", (False, "false", "0", 0), 0),
        ("repack", (True, "true", "1", 1), 1),
        ("flash_attn", ("-1", -1), -1),
        ("build_commit", ("3469684",), "3469684"),
        ("tensor_split", ("0.00",), "0.00"),
        ("model_type", ("²",), "²"),
        ("fit_target", ("²",), "²"),
    ],
)
def test_a_value_is_the_same_in_every_form(
    name: str, values: tuple[object, ...], wanted: object
) -> None:
    assert {normal(name, value) for value in values} == {wanted}


def test_a_test_that_comes_again_is_of_another_process() -> None:
    first, second = bench_test(), bench_test(n_prompt=0, n_gen=32)
    other = bench_test(type_k="f16")
    again = bench_test(test_time="2026-03-02T10:00:00Z")
    groups = group_tests([first, other, second, again])
    assert groups == [[first, second], [other], [again]]
    runs = bench_import([first, again], "json", "i1", Given()).runs
    assert runs[0].cell.cell_id == runs[1].cell.cell_id
    assert runs[0].launch.launch_id != runs[1].launch.launch_id


def test_two_hosts_are_two_launches() -> None:
    one, other = (run_of(host_id=host) for host in ("a", "b"))
    assert one.launch.launch_id != other.launch.launch_id


def test_real_depths_on_two_gpus() -> None:
    """Eight depths on 2x H100, by the build of 2026-11."""
    lines = (FIXTURES / "h100x2-llama-bench-8-depths.jsonl").read_text().splitlines()
    run = run_of(*(read_test(json.loads(line)) for line in lines))
    assert (run.cell.pairing, run.cell.split, run.cell.context) == ("pair", "1/1", 86016 + 512)
    assert len(trials_of(run)) == 48
    for line in map(json.loads, lines):
        own = [
            each.pp_tok_s or each.tg_tok_s
            for each in trials_of(run)
            if (each.depth, each.prompt_n_asked) == (line["n_depth"], line["n_prompt"])
        ]
        assert own == pytest.approx(line["samples_ts"], rel=1e-4)
