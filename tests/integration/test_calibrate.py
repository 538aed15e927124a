"""`herd calibrate` and `herd compare` as a user runs them."""

import json
import os
from typing import Any

import pytest

from tests.conftest import GPUS
from tests.herd_process import Herd
from tests.integration.test_bench_run import FAKE

STEPS = ("workload.prompt_sizes=[64]", "workload.n_predict=8", "workload.repetitions=2")


def answer(herd: Herd, *words: str, timeout_s: float = 100) -> list[dict[str, Any]]:
    done = herd.run(*words, timeout_s=timeout_s)
    assert done.returncode == 0, done.stdout + done.stderr
    rows: list[dict[str, Any]] = json.loads(done.stdout[done.stdout.index("[\n") :])
    return rows


def test_calibrate_then_compare(herd: Herd) -> None:
    """The fake server's speeds are exact, its llama-bench's twice as high at generation."""
    herd.engine("slow", pp_tok_s=4000.0, tg_tok_s=200.0)
    herd.engine("fast", pp_tok_s=4000.0, tg_tok_s=400.0)
    model = herd.model_file()
    fixed = ("model=file", f"model.path={model}", "pairing=cpu", *STEPS)
    bench = f"engine.bench_binary={FAKE}"
    steps = answer(
        herd, "calibrate", *fixed, "engine=slow", bench, "plan.launches=3", "--format", "json"
    )
    assert {(s["step"], s["launches"]) for s in steps} == {("pp64", 3), ("tg8", 3)}
    tg = next(s for s in steps if s["step"] == "tg8")
    assert tg["tok_s"] == pytest.approx(200, rel=0.2)
    stored = herd.query("select * from calibrations where kind = 'llama_bench'")
    assert {len(r["launch_ids"]) for r in stored} == {3}
    assert {len(r["bench_launch_ids"]) for r in stored} == {3}
    # in turns: ours, theirs, ours, theirs, ...
    order = herd.query("select workload from cells order by started_at")
    assert [r["workload"] for r in order] == ["speed", "llama_bench"] * 3
    # the same cells once more are new launches, and another calibration
    answer(herd, "calibrate", *fixed, "engine=slow", "plan.launches=3", "--format", "json")
    assert herd.query("select max(calibrations) as n from noise") == [{"n": 2}]

    done = herd.run("sweep", *fixed, "engine=fast")
    assert done.returncode == 0, done.stdout + done.stderr
    asked = ("compare", "engine=slow", "engine=fast", "--format", "json")
    points = answer(herd, *asked)
    found = {p["step"]: p for p in points}
    assert (found["tg8"]["a_launches"], found["tg8"]["b_launches"]) == (6, 1)
    assert found["tg8"]["verdict"] == "faster"
    assert found["tg8"]["difference_pct"] == pytest.approx(100, abs=40)
    (one,) = answer(herd, *asked, "kind=tg")
    assert one["step"] == "tg8"
    nothing = herd.run("compare", "engine=slow", "engine=absent")
    assert nothing.returncode == 1
    assert nothing.stderr.startswith("herd: nothing was measured with engine=absent")


GPU = "NVIDIA GeForce RTX 3060"


@pytest.mark.timeout(400)
def test_launches_run_side_by_side_where_a_calibration_allows_it(herd: Herd) -> None:
    """Two GPUs; servers that slow each other down, and servers that do not."""
    herd.env |= {
        "PYTHONPATH": os.pathsep.join(filter(None, (str(GPUS), os.environ.get("PYTHONPATH")))),
        "FAKE_GPUS": json.dumps([[GPU, 12288]] * 2),
    }
    crowd = herd.folder / "crowd"
    crowd.mkdir()
    fixed = ("model=file", f"model.path={herd.model_file()}", "pairing=single", *STEPS)
    for engine, factor in (("crowded", 1.0), ("apart", 0.0)):
        devices = {f"CUDA{n}": [GPU, 12288, 12000] for n in (0, 1)}
        herd.engine(
            engine, pp_tok_s=1000.0, tg_tok_s=30.0, devices=devices, crowd=str(crowd),
            crowd_factor=factor,
        )  # fmt: skip
        calibrated = answer(
            herd, "calibrate", *fixed, f"engine={engine}", "plan.launches=3", "plan.beside=2",
            "--format", "json",
        )  # fmt: skip
        assert {s["launches"] for s in calibrated} == {3}, "those alone"
        told = {s["side_by_side"].split()[0] for s in calibrated}
        assert ("agrees" in told) == (engine == "apart"), calibrated
        rows = herd.query(
            "select * from calibrations where kind = 'side_by_side' and calibration_id = (select "
            "max(calibration_id) from calibrations)"
        )
        assert {(r["beside"], r["agrees"]) for r in rows} == {(2, engine == "apart")}
        tg = next(r for r in rows if r["metric"] == "tg")
        assert (tg["difference_pct"] < -10) == (engine == "crowded")
    done = herd.run("sweep", *fixed, "engine=apart", "context=1024,2048,3072,5120")
    assert done.returncode == 0, done.stdout + done.stderr
    used = herd.query(
        "select device, count(*) as n from (select unnest(devices) as device from launches "
        "where sweep_id = (select max(sweep_id) from sweeps)) group by all order by device"
    )
    assert [row["device"] for row in used] == ["CUDA0", "CUDA1"]
    pairs = herd.query(
        "select 1 from cells a join cells b using (sweep_id) where a.cell_id < b.cell_id and "
        "sweep_id = (select max(sweep_id) from sweeps) and a.started_at < b.ended_at and "
        "b.started_at < a.ended_at"
    )
    assert pairs, "some were measured at the same time"


@pytest.mark.timeout(600)
def test_real_llama_bench_agreement_is_stored(herd: Herd, real_model: Any) -> None:
    binary = os.environ.get("HERD_LLAMA_BENCH")
    if not binary:
        pytest.skip("no llama-bench: name one in HERD_LLAMA_BENCH")
    steps = answer(
        herd, "calibrate", "model=file", f"model.path={real_model}", "pairing=cpu", *STEPS,
        f"engine.bench_binary={binary}", "plan.launches=3", "--format", "json", timeout_s=580,
    )  # fmt: skip
    assert {s["step"] for s in steps} == {"pp64", "tg8"}
    assert all(s["floor_pct"] > 0 and s["low_pct"] < s["high_pct"] for s in steps)
    builds = herd.query("select distinct bench_build from calibrations where kind = 'llama_bench'")
    assert all(r["bench_build"].startswith("build ") for r in builds)
