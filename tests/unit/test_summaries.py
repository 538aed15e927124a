from pathlib import Path

import pytest

from orchestrator.summaries import summary_queries
from tests.warehouse_samples import cell, planned, quality, sweep, trial, warehouse
from warehouse.connection import connect

WORKLOADS = ("speed", "depth_curve", "stability", "concurrency", "max_context", "perplexity")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    store = warehouse(tmp_path)
    plan = [planned(name, workload=name) for name in WORKLOADS]
    store.write_sweep(sweep(), [*plan, planned("other")], [], [], [])
    for name in WORKLOADS:
        trials = [trial(name, tg_tok_s=40.0), trial(name, tg_tok_s=20.0, depth=2048)]
        store.commit_cell(cell(name, workload=name), trials, [])
    store.commit_cell(cell("elsewhere", workload="depth_curve"), [trial("elsewhere")], [])
    return tmp_path


def answers(root: Path, *workloads: str) -> list[list[dict[str, object]]]:
    with connect(root) as connection:
        return [connection.query(q).to_pylist() for q in summary_queries("w1", workloads)]


def test_every_query_can_be_asked_and_is_of_the_sweep_alone(root: Path) -> None:
    first, *others = answers(root, *WORKLOADS)
    assert len(others) == len(WORKLOADS)
    assert {row["workload"] for row in first} == set(WORKLOADS)
    assert len(first) == len(WORKLOADS) + 1
    speed, depth = others[:2]
    assert [row["tg_tok_s"] for row in speed if row["outcome"] == "ok"] == [40.0]
    assert [(row["depth"], row["tg_tok_s"]) for row in depth] == [(0, 40.0), (2048, 20.0)]


def test_a_sweep_of_speed_alone_is_one_table(root: Path) -> None:
    (only,) = answers(root, "speed")
    assert {"pp_tok_s", "tg_tok_s", "outcome"} <= only[0].keys()


def test_a_depth_curve_ends_with_its_degradation(root: Path) -> None:
    outcomes, degradation = answers(root, "depth_curve")
    assert "tg_tok_s" not in outcomes[0]
    assert [row["tg_pct"] for row in degradation] == [100.0, 50.0]


def test_a_sweep_of_quality_ends_with_its_figures(root: Path) -> None:
    row = cell("perplexity", workload="perplexity", attempt=2)
    figures = quality("perplexity", attempt=2, kld_mean_nats=0.125, baseline_quant="Q8_0")
    warehouse(root).commit_cell(row, [], [], [figures])
    _, found = answers(root, "perplexity")
    assert [(r["perplexity"], r["kld_mean_mnat"], r["baseline_quant"]) for r in found] == [
        (12.5, 125.0, "Q8_0")
    ]
