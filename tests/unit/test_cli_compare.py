"""`herd compare` over a warehouse on disk."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from orchestrator.cli import main
from tests.warehouse_samples import (
    agent_run,
    at,
    cell,
    holder,
    launch,
    memory,
    model,
    quality,
    sweep,
    trial,
)
from warehouse.store import Warehouse, writing

Herd = Callable[..., Result]
MIB = 2**20


@pytest.fixture
def herd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Herd:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HERD_WAREHOUSE", str(tmp_path / "rows"))
    return lambda *words: CliRunner().invoke(main, ["compare", *words])


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Warehouse]:
    with writing(tmp_path / "rows", holder(), wait=False, on_wait=print) as warehouse:
        yield warehouse


def axes(quant: str, **changes: Any) -> dict[str, Any]:
    facts = {"model": f"sha-{quant}", "engine": {"threads": 2}, "engine_sha256": "e5"}
    facts |= changes.pop("facts", {})
    return {
        "quant": quant,
        "model_sha256": f"sha-{quant}",
        "server_id": f"s{quant}",
        "server_config": json.dumps(facts),
        **changes,
    }


def commit(
    store: Warehouse, cell_id: str, number: int, tok_s: float, *, hour: float = 0.0, **changes: Any
) -> None:
    """A launch of its own with three repetitions, ten minutes after the one before it."""
    start = hour * 3600 + number * 600
    name = f"{cell_id}-{number}"
    store.write_launch(
        launch(name, server_id=changes["server_id"], started_at=at(start)),
        [memory(name, "CUDA0", "model", changes.pop("mib", 900.0), "log")],
    )
    trials = [
        trial(cell_id, number, tg_tok_s=tok_s * f, repetition=n, energy_j=31.0 * 2, prompt_n=1)
        for n, f in enumerate((0.99, 1.0, 1.01), 1)
    ]
    times = {"started_at": at(start), "ended_at": at(start + 60)}
    store.commit_cell(cell(cell_id, number, launch_id=name, **{**changes, **times}), trials, [])


def answered(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    rows: list[dict[str, Any]] = json.loads(result.stdout)
    return rows


@pytest.fixture
def winners(store: Warehouse) -> None:
    """The seed's table: a smaller file that is faster, holds less memory and answers better."""
    models = []
    for number in (1, 2, 3):
        noise = 0.1 * number
        commit(store, "q2", number, 21.0 + noise, **axes("Q2_K_XL"), mib=19500.0)
        commit(store, "iq3", number, 22.4 + noise, hour=0.05, **axes("i1-IQ3_M"), mib=19300.0)
    for quant, gib, perplexity, outcome in (
        ("Q2_K_XL", 19.0, 9.9, "failure"),
        ("i1-IQ3_M", 18.2, 9.1, "success"),
    ):
        size = int(gib * 1024 * MIB)
        models.append(model(model_sha256=f"sha-{quant}", quant=quant, size_bytes=size))
        scored = quality(f"ppl{quant}", perplexity=perplexity, perplexity_se=0.05)
        tried = [agent_run(f"run{quant}", n, outcome=outcome) for n in range(1, 8)]
        for workload, rows in (("perplexity", [scored]), ("agent", tried)):
            row = cell(rows[0].cell_id, **axes(quant), workload=workload)
            store.commit_cell(row, rows)
    store.write_sweep(sweep(), (), (), (), models)


def test_the_winner_table_is_one_call(herd: Herd, winners: None) -> None:
    asked = ("quant=Q2_K_XL", "quant=i1-IQ3_M", "--summary", "--format", "json")
    rows = answered(herd(*asked))
    assert [(row["metric"], row["verdict"], row["winner"]) for row in rows] == [
        ("file size", "smaller", "i1-IQ3_M"),
        ("memory of GPUs", "less", "i1-IQ3_M"),
        ("generation speed", "faster", "i1-IQ3_M"),
        ("energy of generation", "no difference shown", None),
        ("perplexity", "better", "i1-IQ3_M"),
        ("task success, first try", "better", "i1-IQ3_M"),
        ("task success, any try", "better", "i1-IQ3_M"),
    ]
    size, memory_, speed, energy, *_, success = rows
    assert size["difference_pct"] == pytest.approx(100 * (18.2 / 19 - 1))
    assert (memory_["at"], memory_["a_figure"]) == ("context 4096", 19500)
    assert speed["a_figure"] == pytest.approx((21.1 * 21.2 * 21.3) ** (1 / 3))
    assert (speed["a_launches"], speed["in_turns"], speed["source"]) == (3, "yes", "measured")
    assert energy["a_figure"] == pytest.approx(62 / 32)
    assert (success["a_figure"], success["b_figure"], success["difference_pct"]) == (0, 100, 100)


def test_points_are_the_table_for_machines_and_both_are_for_people(
    herd: Herd, winners: None
) -> None:
    (point,) = answered(herd("--by", "quant", "--format", "json"))
    assert (point["a"], point["b"], point["verdict"]) == ("Q2_K_XL", "i1-IQ3_M", "faster")
    assert (point["quant"], point["method"]) == ("Q2_K_XL : i1-IQ3_M", "t")
    table = herd("quant=Q2_K_XL", "quant=i1-IQ3_M").stdout
    head, below = table.split("\n\n")
    assert head.startswith("alike: a Q2_K_XL, b i1-IQ3_M\nmetric ")
    assert below.startswith("alike: model smollm2, quant Q2_K_XL : i1-IQ3_M, context 4096, ")
    assert below.splitlines()[1].split()[:3] == ["step", "depth", "a_launches"]
    lines = csv.DictReader(io.StringIO(herd("--by", "quant", "--format", "csv").stdout))
    assert [line["a_tok_s"] for line in lines] == [str(point["a_tok_s"])]


def test_sides_on_days_that_differ_are_said_to_be(herd: Herd, store: Warehouse) -> None:
    for number in (1, 2, 3):
        commit(store, "a", number, 22.0 + 0.1 * number, **axes("Q4_0"))
        commit(store, "b", number, 23.0 + 0.1 * number, hour=30.0, **axes("Q8_0"))
    result = herd("quant=Q4_0", "quant=Q8_0", "--format", "json")
    assert [row["in_turns"] for row in answered(result)] == ["no"]
    assert result.stderr.startswith("herd: 1 of 1 rows were not measured in turns")


def test_imported_rows_are_marked(herd: Herd, store: Warehouse) -> None:
    commit(store, "a", 1, 22.0, **axes("Q4_0"))
    commit(store, "b", 1, 23.0, **axes("Q8_0", facts={"other": 1}), source="llama-bench")
    result = herd("quant=Q4_0", "quant=Q8_0", "--format", "json")
    assert [row["source"] for row in answered(result)] == ["measured : llama-bench"]
    assert "1 of 1 rows have imported figures" in result.stderr


@pytest.fixture
def history(store: Warehouse) -> None:
    """Ten builds in rounds; the seventh is 8 % slower, and so are those after it."""
    for number in (1, 2, 3):
        for build in range(10):
            sha = f"sha{build}"
            facts = axes("Q4_0", facts={"engine_sha256": sha}, server_id=f"s{build}")
            commit(
                store, f"c{build}", number, (40.0 if build < 6 else 36.8) + 0.2 * number,
                hour=build / 60, **facts, engine_sha256=sha, engine=f"e{build}",
                engine_build=f"build {100 + build}, commit {sha}",
            )  # fmt: skip


def test_a_regression_is_found_and_named(herd: Herd, history: None) -> None:
    (row,) = answered(herd("--by", "engine_build", "kind=tg", "--format", "json"))
    assert row["before"] == "build 105, commit sha5"
    assert row["after"] == "build 106, commit sha6"
    assert (row["builds"], row["launches"], row["verdict"]) == (10, 30, "slower")
    assert row["change_pct"] == pytest.approx(-8, abs=0.1)
    assert row["low_pct"] < -8 < row["high_pct"] < 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["quant=Q2_K_XL", "quant=Q9"], "nothing was measured with quant=Q9"),
        (["--by", "host"], "fewer than two values of host were measured"),
        (["--by", "engine_build"], "nothing was measured with two builds of the engine"),
        (["quant=Q2_K_XL"], "name two values of one axis"),
        (["--by", "colour"], "'colour' is none of model, quant"),
    ],
)
def test_nothing_to_compare_says_why(
    herd: Herd, winners: None, words: list[str], told: str
) -> None:
    result = herd(*words)
    assert result.exit_code == 1
    assert told in str(result.exception) + result.stderr


def test_what_is_not_alike_is_named(herd: Herd, store: Warehouse) -> None:
    commit(store, "a", 1, 22.0, **axes("Q4_0"))
    commit(store, "b", 1, 23.0, **axes("Q8_0", facts={"engine": {"threads": 4}}))
    result = herd("quant=Q4_0", "quant=Q8_0")
    assert "the nearest differ in server.engine.threads" in str(result.exception) + result.stderr
