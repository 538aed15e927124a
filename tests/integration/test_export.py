"""Exports: what is in the file is what a query answers, and other tools can read it."""

import csv
import json
import math
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from orchestrator.cli import main
from tests.imports import FIXTURES, import_files, table_answer
from tests.warehouse_samples import at, cell, host, launch, model, trial, warehouse
from warehouse import rows
from warehouse.exports.files import WRITERS

GPU = rows.Gpu(0, "RTX 3060", "GPU-1", "0000:01:00.0", 12288, 4, 16, 170.0)
ENGINE = {"batch_size": 1024, "ubatch_size": 256, "threads": 6, "flash_attn": "on"} | {
    "n_gpu_layers": "all", "kv_offload": True, "op_offload": True, "load_mode": "mmap",
}  # fmt: skip
SPEEDS = {"aaaaaaa": [40.0, 41.0, 42.5], "bbbbbbb": [44.0, 45.0, 47.0]}
"""Commit -> generation speeds, on one host with otherwise equal flags."""

# What llama.cpp's scripts/compare-llama-bench.py (build 11434) compares by: rows of two builds
# match where all of these are equal.
KEYS = (
    "cpu_info", "gpu_info", "backends", "n_gpu_layers", "n_cpu_moe", "tensor_buft_overrides",
    "model_filename", "model_type", "n_batch", "n_ubatch", "embeddings", "cpu_mask",
    "cpu_strict", "poll", "n_threads", "type_k", "type_v", "load_mode",
    "no_kv_offload", "split_mode", "main_gpu", "tensor_split", "flash_attn", "n_prompt",
    "n_gen", "n_depth", "fit_target", "fit_min_ctx",
)  # fmt: skip
NUMBERS = ("n_prompt", "n_gen", "n_depth", "n_gpu_layers", "embeddings", "cpu_strict")
"""Fields that it turns into numbers."""

Herd = Callable[..., Result]


@pytest.fixture
def herd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Herd:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HERD_WAREHOUSE", str(tmp_path / "rows"))
    return lambda *words: CliRunner().invoke(main, list(words), prog_name="herd")


@pytest.fixture
def two_builds(tmp_path: Path) -> Path:
    """A generation and a prompt, measured with two builds on one host with a GPU."""
    place = tmp_path / "rows"
    store = warehouse(place)
    store.write_import(_import(), [host(gpus=(GPU,))], [model(model_sha256="m1")])
    for number, (commit, speeds) in enumerate(SPEEDS.items(), start=1):
        text = f"build {number}, commit {commit}"
        name = f"c{number}"
        store.write_launch(
            launch(f"l{number}", engine_build=text, devices=("CUDA0",), server_id=f"s{name}"), []
        )
        trials = [
            trial(name, tg_tok_s=speed, repetition=order, run_order=order)
            for order, speed in enumerate(speeds, start=1)
        ]
        trials += [
            trial(name, tg_tok_s=1.0, valid=False, invalid_reason="throttled"),
            trial(name, tg_tok_s=None, pp_tok_s=900.0 + number, kind="pp", step="pp512",
                  prompt_n_asked=512, predicted_n_asked=1, depth=4096),
            trial(name, kind="pg", step="pp8+tg2", tg_tok_s=None, prompt_n_asked=8),
        ]  # fmt: skip
        store.commit_cell(
            cell(name, engine_build=text, launch_id=f"l{number}", model_sha256="m1", split="1",
                 cache_k="q8_0", server_config=json.dumps({"engine": ENGINE})),
            trials,
        )  # fmt: skip
    return place


def _import() -> rows.Import:
    return rows.Import(
        import_id="i0", source="x", form="x", file_name="x", file_sha256="0", size_bytes=0,
        cells=0, trials=0, left_out=0, note=None, imported_at=at(0),
    )  # fmt: skip


def bench_rows(path: Path) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(path)) as database:
        database.row_factory = sqlite3.Row
        return [dict(each) for each in database.execute("SELECT * FROM llama_bench")]


def compared(path: Path, baseline: str, other: str) -> dict[tuple[int, int, int], float]:
    """(n_prompt, n_gen, n_depth) -> speed of the other build over that of the baseline.

    As the script does: every pair of rows with equal keys, averaged; null equals nothing.
    """
    found = bench_rows(path)
    ratios: dict[tuple[int, int, int], list[tuple[float, float]]] = {}
    for one in found:
        for two in found:
            if (one["build_commit"], two["build_commit"]) != (baseline, other):
                continue
            if all(one[key] is not None and one[key] == two[key] for key in KEYS):
                test = (int(one["n_prompt"]), int(one["n_gen"]), int(one["n_depth"]))
                ratios.setdefault(test, []).append((one["avg_ts"], two["avg_ts"]))
    return {
        test: fmean(b for _, b in pairs) / fmean(a for a, _ in pairs)
        for test, pairs in ratios.items()
    }


def test_two_builds_are_comparable_in_llama_benchs_schema(
    herd: Herd, two_builds: Path, tmp_path: Path
) -> None:
    result = herd("export", "llama-bench", "--to", "b.sqlite")
    assert (result.exit_code, result.output) == (0, "b.sqlite: 4 rows\n")
    assert compared(tmp_path / "b.sqlite", "aaaaaaa", "bbbbbbb") == {
        (0, 32, 0): pytest.approx(fmean(SPEEDS["bbbbbbb"]) / fmean(SPEEDS["aaaaaaa"])),
        (512, 0, 4096): pytest.approx(902 / 901),
    }


def test_its_fields_are_those_of_the_configuration(
    herd: Herd, two_builds: Path, tmp_path: Path
) -> None:
    herd("export", "llama-bench", "--to", "b.sqlite")
    row = next(each for each in bench_rows(tmp_path / "b.sqlite") if each["n_gen"])
    speeds = SPEEDS["aaaaaaa"]
    times = [32 / each * 1e9 for each in speeds]
    wanted = {
        "build_commit": "aaaaaaa", "build_number": 1, "cpu_info": "Some CPU",
        "gpu_info": "RTX 3060", "backends": "CUDA", "model_filename": "a.gguf",
        "n_batch": 1024, "n_ubatch": 256, "n_threads": 6, "type_k": "q8_0", "type_v": "f16",
        "n_gpu_layers": -1, "n_cpu_moe": 0, "split_mode": "layer", "no_kv_offload": 0,
        "flash_attn": 1, "tensor_split": "1.00", "load_mode": "mmap", "model_size": 98_000_000,
        "n_prompt": 0, "n_gen": 32, "n_depth": 0, "test_time": "2026-03-01T12:00:11Z",
        "avg_ts": pytest.approx(fmean(speeds)), "stddev_ts": pytest.approx(stdev(speeds)),
        "avg_ns": round(fmean(times)), "stddev_ns": round(stdev(times)),
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted
    assert {*KEYS, "build_commit", "test_time", "avg_ts"} <= row.keys()
    assert all(isinstance(row[name], int) for name in NUMBERS)


def test_a_build_without_a_commit_is_told_by_its_hash(herd: Herd, tmp_path: Path) -> None:
    store = warehouse(tmp_path / "rows")
    config = json.dumps({"engine": {}})
    for name, sha256 in (("c1", "1" * 64), ("c2", "2" * 64)):
        store.commit_cell(
            cell(name, engine_build="build 0, commit unknown", engine_sha256=sha256,
                 launch_id="none", server_config=config),
            [trial(name)],
        )  # fmt: skip
    herd("export", "llama-bench", "--to", "b.sqlite")
    assert compared(tmp_path / "b.sqlite", "1111111", "2222222") == {(0, 32, 0): 1.0}


def test_what_llama_bench_measured_comes_back_as_it_was(herd: Herd, tmp_path: Path) -> None:
    source = FIXTURES / "h100x2-llama-bench-8-depths.jsonl"
    import_files(tmp_path / "rows", source)
    herd("export", "llama-bench", "--to", "b.sqlite")
    found = {(e["n_prompt"], e["n_depth"]): e for e in bench_rows(tmp_path / "b.sqlite")}
    lines = [json.loads(line) for line in source.read_text().splitlines()]
    assert len(found) == len(lines) == 16
    for line in lines:
        row = found[line["n_prompt"], line["n_depth"]]
        exact = [key for key in KEYS if key != "model_filename"]
        assert [row[key] for key in exact] == [line[key] for key in exact]
        assert row["avg_ts"] == pytest.approx(line["avg_ts"])
        assert row["stddev_ts"] == pytest.approx(line["stddev_ts"], rel=1e-4)


def test_an_export_can_be_imported_again(herd: Herd, two_builds: Path, tmp_path: Path) -> None:
    herd("export", "llama-bench", "--to", "b.sqlite")
    import_files(tmp_path / "other", tmp_path / "b.sqlite")
    found = table_answer(
        tmp_path / "other",
        "select engine_build, avg(tg_tok_s) as tg from cells join trials using (cell_id) "
        "group by 1 order by 1",
    )
    assert [(each["engine_build"], each["tg"]) for each in found] == [
        # An average in this schema is of times.
        (f"build {number}, commit {commit}", pytest.approx(1 / fmean(1 / v for v in speeds)))
        for number, (commit, speeds) in enumerate(SPEEDS.items(), start=1)
    ]


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_view_a_table_and_a_query_in_every_form(
    suffix: str, herd: Herd, two_builds: Path, tmp_path: Path
) -> None:
    query = "select step, tg_tok_s, started_at from trials where tg_tok_s > 40 order by 2"
    for what, count in (("trials", 12), ("speed", 2), (query, 5)):
        path = tmp_path / f"{len(what)}{suffix}"
        result = herd("export", what, "--to", str(path))
        assert result.output == f"{path}: {count} rows\n"
        assert len(read(path)) == count
    first = read(tmp_path / f"{len(query)}{suffix}")[0]
    assert (first["step"], float(first["tg_tok_s"])) == ("tg32", 41.0)
    assert str(first["started_at"]).replace(" ", "T") == "2026-03-01T12:00:11+00:00"


def read(path: Path) -> list[dict[str, Any]]:
    match path.suffix:
        case ".parquet":
            return pq.read_table(path).to_pylist()
        case ".csv":
            with path.open(newline="") as file:
                return list(csv.DictReader(file))
        case _:
            return [json.loads(line) for line in path.read_text().splitlines()]


def test_odd_values_survive(tmp_path: Path) -> None:
    answer = pa.table(
        {
            "text": ['a "quoted",\nline', "größe 🦙"],
            "number": [math.nan, math.inf],
            "list": [["x", "ü"], None],
        }
    )
    for suffix, write in WRITERS.items():
        write(answer, tmp_path / f"o{suffix}")
    by_csv, by_jsonl = read(tmp_path / "o.csv"), read(tmp_path / "o.jsonl")
    assert [each["text"] for each in by_csv] == [each["text"] for each in by_jsonl]
    assert [each["text"] for each in by_csv] == answer["text"].to_pylist()
    assert [each["number"] for each in by_jsonl] == [None, None]  # JSON has no such numbers
    assert [each["number"] for each in by_csv] == ["nan", "inf"]
    assert json.loads(by_csv[0]["list"]) == by_jsonl[0]["list"] == ["x", "ü"]
    assert (by_csv[1]["list"], by_jsonl[1]["list"]) == ("", None)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("spedd", "--to", "x.csv"), "no view or table 'spedd'"),
        (("select no from speed", "--to", "x.csv"), 'column "no" not found'),
        (("drop table cells", "--to", "x.csv"), "SELECT"),
        (("speed", "--to", "x.txt"), "'.txt' of --to is no known form: .parquet, .csv"),
        (("speed", "--to", "x.sqlite"), "herd export llama-bench --to FILE.sqlite"),
        (("llama-bench", "--to", "x.csv"), "herd export llama-bench --to FILE.sqlite"),
        (("speed", "--to", "none/x.csv"), "cannot write none/x.csv: No such file or directory"),
        (("llama-bench", "--to", "none/x.db"), "cannot write none/x.db"),
        (("speed", "--to", "there.csv"), "there.csv exists: remove it, or name another file"),
    ],
)
def test_what_cannot_be_exported_is_one_line_and_leaves_no_file(
    words: tuple[str, ...], text: str, herd: Herd, two_builds: Path, tmp_path: Path
) -> None:
    (tmp_path / "there.csv").write_text("mine")
    result = herd("export", *words)
    assert result.exit_code != 0
    assert text in result.output
    assert {path.name for path in tmp_path.iterdir()} == {"rows", "there.csv"}
    assert (tmp_path / "there.csv").read_text() == "mine"
