"""The main job on real parts: a real model on a real llama-server, through Ray, to SQL."""

import gzip
import json
import os
import re
from pathlib import Path

import pytest

from tests.herd_process import Herd, until

STEPS = ("workload.prompt_sizes=[32,64]", "workload.n_predict=8", "workload.repetitions=2")


def real_sweep(model: object, *overrides: str) -> tuple[str, ...]:
    fixed = ("model=file", f"model.path={model}", "pairing=cpu", "engine.batch_size=64")
    return ("sweep", *fixed, *STEPS, *overrides)


@pytest.fixture
def done(herd: Herd, real_model: Path) -> Herd:
    result = herd.run(*real_sweep(real_model, "context=512", "cache=f16/f16,q8_0/q4_0"))
    assert result.returncode == 0, result.stdout + result.stderr
    return herd


def test_from_the_command_to_the_answer(done: Herd, real_model: Path) -> None:
    query = "select quant, context, cache_k, cache_v, tg_tok_s from speed order by cache_k"
    answer = done.run("sql", query, "--format", "json")
    assert answer.returncode == 0, answer.stderr
    rows = json.loads(answer.stdout)
    assert [(r["quant"], r["context"], r["cache_k"], r["cache_v"]) for r in rows] == [
        ("Q4_1", 512, "f16", "f16"),
        ("Q4_1", 512, "q8_0", "q4_0"),
    ]
    assert all(1 < r["tg_tok_s"] < 5000 for r in rows)
    check_trials(done)
    check_memory(done)
    check_launches(done, real_model)
    check_telemetry(done)
    check_resume(done, real_model)


def check_trials(herd: Herd) -> None:
    rows = herd.query("select * from trials")
    assert len(rows) == 2 * 3 * 2
    for row in rows:
        assert row["valid"], row["invalid_reason"]
        assert row["depth"] == row["cache_n"] == 0
        assert row["prompt_n"] == row["prompt_n_asked"]
        assert row["ttft_ms"] >= row["prompt_ms"] * 0.99
        if row["kind"] == "tg":
            assert row["predicted_n"] == 8
            assert row["tg_tok_s"] == pytest.approx(7 / row["predicted_ms"] * 1000)
        else:
            assert row["pp_tok_s"] == pytest.approx(row["prompt_n"] / row["prompt_ms"] * 1000)


def check_memory(herd: Herd) -> None:
    """KV cache of 30 layers, 3 KV heads of 64 elements, 512 cells: bytes by hand."""
    elements = 30 * 3 * 64 * 512
    expected = {
        "f16": elements * (2 + 2) / 2**20,
        "q8_0": elements * (34 / 32 + 18 / 32) / 2**20,
    }
    rows = herd.query(
        "select cache_k, mib from memory_by_device where part = 'kv' and source = 'log'"
    )
    assert {r["cache_k"]: r["mib"] for r in rows} == {
        cache: pytest.approx(mib, abs=0.005) for cache, mib in expected.items()
    }


def check_launches(herd: Herd, model: Path) -> None:
    rows = herd.query("select * from launches")
    assert len(rows) == 2
    for row in rows:
        command = row["command_line"]
        assert command[command.index("--model") + 1] == str(model)
        assert row["status"] == "ok"
        assert row["exit_code"] == 0
        assert row["load_ms"] > 0
        log = gzip.decompress((herd.warehouse / row["log_path"]).read_bytes()).decode()
        assert "llama_kv_cache" in log
        assert "memory breakdown" in row["log_tail"]


def check_telemetry(herd: Herd) -> None:
    rows = herd.query(
        "select device, count(*) as n, max(ram_used_mib) as ram from telemetry group by 1"
    )
    assert {r["device"] for r in rows} == {"host", "engine"}
    assert all(r["n"] >= 2 and r["ram"] > 50 for r in rows)


def check_resume(herd: Herd, model: Path) -> None:
    again = herd.run(*real_sweep(model, "context=512,768", "cache=f16/f16,q8_0/q4_0"))
    assert again.returncode == 0, again.stderr
    assert "2 to run, 2 cached" in again.stdout
    rows = herd.query("select outcome, count(*) as n from outcomes group by 1 order by 1")
    assert {r["outcome"]: r["n"] for r in rows} == {"cached": 2, "ok": 4}


def test_files_that_are_no_models_are_rows(herd: Herd, real_model: Path) -> None:
    truncated = herd.folder / "truncated.gguf"
    with real_model.open("rb") as file:
        truncated.write_bytes(file.read(20_000_000))
    text = herd.model_file("text.gguf", b"this is no model at all")
    missing = herd.folder / "missing.gguf"
    paths = f"model.path={real_model},{truncated},{text},{missing}"
    command = real_sweep("", "context=512", paths)
    result = herd.run(*(word for word in command if word != "model.path="))
    assert result.returncode == 0, result.stderr
    rows = herd.query("select model, outcome, failure_class from outcomes order by plan_order")
    assert [(r["model"], r["outcome"], r["failure_class"]) for r in rows] == [
        (real_model.stem, "ok", None),
        ("truncated", "failed", "bad_model"),
        ("text", "failed", "bad_model"),
        ("missing", "failed", "missing_model"),
    ]


def test_a_context_that_no_memory_holds_is_a_row(herd: Herd, real_model: Path) -> None:
    limit = ("context=16000000", "engine.address_space_gib=4", "plan.prune=off")
    assert herd.run(*real_sweep(real_model, *limit)).returncode == 0
    (row,) = herd.query("select failure_class, reason, log_tail from failures")
    assert row["failure_class"] == "oom_context"
    assert "insufficient memory" in row["reason"]
    # the lines after it are lost at times: the server ends before its log thread has written them
    assert "failed to allocate CPU buffer" in row["log_tail"]


def test_kill_9_of_the_driver_leaves_no_real_server(herd: Herd, real_model: Path) -> None:
    long = ("context=2048", "workload.n_predict=1500")
    process = herd.start(*real_sweep(real_model, *long))
    until(herd.servers)
    until(lambda: any(herd.warehouse.glob("launches/*/*.parquet")))
    process.kill()
    herd.wait_gone(herd.servers, 2)


def test_the_environment_changes_nothing(herd: Herd, real_model: Path) -> None:
    herd.env.update(
        LLAMA_ARG_CTX_SIZE="256", LLAMA_ARG_N_PARALLEL="4", LLAMA_ARG_CACHE_TYPE_K="q4_0"
    )
    assert herd.run(*real_sweep(real_model, "context=512")).returncode == 0
    (row,) = herd.query("select mib from memory_by_device where part = 'kv' and source = 'log'")
    assert row["mib"] == pytest.approx(30 * 3 * 64 * 512 * 4 / 2**20, abs=0.005)
    (launch,) = herd.query("select log_path from launches")
    log = gzip.decompress((herd.warehouse / launch["log_path"]).read_bytes()).decode()
    assert re.search(r"n_seq_max\s+= 1\n", log)


def test_doctor_on_this_host(herd: Herd, real_model: Path) -> None:
    result = herd.run("doctor", "model=file", f"model.path={real_model}", "--format", "json")
    findings = {f["check"]: f for f in json.loads(result.stdout)}
    assert result.returncode == 0, findings
    assert findings["engine"]["state"] == "ok"
    assert findings["ports"]["state"] == "ok"
    broken = herd.run("doctor", f"engine.binary={os.devnull}")
    assert broken.returncode == 1
    assert "fail" in broken.stdout
