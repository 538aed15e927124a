import math
import statistics
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from orchestrator.calibrate import calibrating
from orchestrator.calibration_rows import calibration_rows
from orchestrator.launch_speeds import read_launch_speeds
from orchestrator.session import read_command
from tests.unit.speeds_samples import speeds
from tests.warehouse_samples import at, cell, launch, trial, warehouse
from warehouse.connection import connect
from warehouse.errors import ConfigError
from warehouse.rows import Calibration
from workers.workloads.llama_bench.config import LlamaBenchConfig

OURS = (98.0, 100.0, 102.0)
THEIRS = (98.5, 100.1, 102.6)


def bench(*values: float, **changes: Any) -> Any:
    return speeds(*values, workload="llama_bench", cell_id="bench", build="b7", **changes)


def test_noise_and_agreement_by_step() -> None:
    found = [
        each
        for ours, theirs in zip(OURS, THEIRS, strict=True)
        for each in (speeds(ours), speeds(ours / 2, depth=4096), bench(theirs))
    ]
    rows = {(row.kind, row.depth): row for row in calibration_rows(found, "k1")}
    assert set(rows) == {("a_a", 0), ("a_a", 4096), ("llama_bench", 0)}
    sd = 100 * statistics.stdev(map(math.log, OURS))
    assert rows["a_a", 0].between_sd_pct == pytest.approx(sd)
    assert rows["a_a", 4096].between_sd_pct == pytest.approx(sd)
    agreed = rows["llama_bench", 0]
    ratios = [math.log(t / o) for o, t in zip(OURS, THEIRS, strict=True)]
    assert agreed.difference_pct == pytest.approx(100 * math.expm1(statistics.fmean(ratios)))
    assert (agreed.launches, agreed.bench_build) == (3, "b7")
    assert (agreed.verdict or "").startswith("agrees within ")
    assert agreed.cell_ids == (found[0].cell_id, "bench")
    assert agreed.launch_ids == tuple(each.launch_id for each in found[::3])
    assert agreed.bench_launch_ids == tuple(each.launch_id for each in found[2::3])
    assert agreed.calibrated_at == found[-1].ended_at


def test_too_few_launches_say_nothing() -> None:
    assert calibration_rows([speeds(100.0)], "k1") == ()
    assert calibration_rows([bench(100.0), bench(101.0)], "k1") == ()


def steps(**changes: Any) -> Calibration:
    (row,) = calibration_rows([speeds(value) for value in OURS], "k1")
    return Calibration(**{**{n: getattr(row, n) for n in Calibration.__dataclass_fields__
                             if n != "TABLE"}, **changes})  # fmt: skip


def test_the_view_noise_holds_the_latest_floor(tmp_path: Path) -> None:
    store = warehouse(tmp_path)
    for name, day, floor in (("k1", 1, 9.0), ("k3", 3, 3.0), ("k2", 2, 6.0)):
        when = datetime(2026, 3, day, tzinfo=UTC)
        common = {"calibration_id": name, "calibrated_at": when, "floor_pct": floor}
        store.write_calibration(
            [
                steps(**common),
                steps(**common, kind="llama_bench", difference_pct=1.0, verdict="agrees"),
                steps(**common, host_id="beta", step="pp512", metric="pp"),
            ]
        )
    with connect(tmp_path) as connection:
        found = connection.query("SELECT * FROM noise").to_pylist()
    told = [(r["host_id"], r["step"], r["floor_pct"], r["calibrations"]) for r in found]
    assert told == [("alpha", "tg128", 3.0, 3), ("beta", "pp512", 3.0, 3)]


def test_the_view_launch_speeds(tmp_path: Path) -> None:
    store = warehouse(tmp_path)
    store.write_launch(launch("l1"), ())
    store.write_launch(launch("l2", engine_build="b7"), ())
    store.commit_cell(
        cell("c1"),
        [
            trial("c1", run_order=3, tg_tok_s=30.0),
            trial("c1", run_order=1, tg_tok_s=10.0),
            trial("c1", run_order=2, tg_tok_s=99.0, valid=False),
            trial("c1", step="pp512", kind="pp", tg_tok_s=None, pp_tok_s=500.0),
        ],
    )
    store.commit_cell(
        cell("c1", 2, launch_id="l2", started_at=at(30), sweep_id="w2"),
        [trial("c1", 2, tg_tok_s=20.0)],
    )
    store.commit_cell(cell("c2", status="failed", failure_class="crash"), [trial("c2")])
    with connect(tmp_path) as connection:
        found = read_launch_speeds(connection)
        later = read_launch_speeds(connection, "w2")
        (middle,) = connection.query(
            "SELECT tok_s FROM launch_speeds WHERE step = 'tg32' AND launch_id = 'l1'"
        ).to_pylist()
    assert [(each.launch_id, each.step, each.speeds, each.build) for each in found] == [
        ("l1", "pp512", (500.0,), "b1"),
        ("l1", "tg32", (10.0, 30.0), "b1"),
        ("l2", "tg32", (20.0,), "b7"),
    ]
    assert [each.launch_id for each in later] == ["l2"]
    assert middle == {"tok_s": 20.0}


@pytest.mark.parametrize(
    ("overrides", "text"),
    [
        (["quant=Q4_0,Q8_0"], "one server configuration"),
        (["plan.launches=2"], "3 launches at least"),
    ],
)
def test_what_cannot_be_calibrated(overrides: list[str], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        calibrating(read_command(["+sweep=calibrate", *overrides], None))


def test_llama_bench_takes_the_same_steps() -> None:
    sizes = ["workload.prompt_sizes=[64,128]", "workload.n_predict=16", "workload.repetitions=4"]
    plain = calibrating(read_command(["+sweep=calibrate", *sizes], None))
    assert [cell.launches for cell in plain.cells] == [5]
    both = calibrating(
        read_command(["+sweep=calibrate", *sizes, "engine.bench_binary=/opt/llama-bench"], None)
    )
    theirs = both.cells[1].workload
    assert theirs == LlamaBenchConfig(prompt_sizes=[64, 128], n_predict=16, repetitions=4)


def test_llama_bench_takes_the_depths_of_a_curve() -> None:
    curve = ["workload=depth_curve", "context=8k", "workload.depths=[0,25%,7900]"]
    bench_binary = "engine.bench_binary=/opt/llama-bench"
    both = calibrating(read_command(["+sweep=calibrate", *curve, bench_binary], None))
    assert both.cells[1].workload == LlamaBenchConfig(
        prompt_sizes=[512], n_predict=128, depths=[0, 2048], repetitions=3
    )
