"""The presets of depth curves as a user runs them."""

import pytest

from tests.herd_process import Herd

TG, SLOWER = 4000.0, 0.25


@pytest.fixture
def swept(herd: Herd) -> Herd:
    """An engine whose tokens take longer by a quarter for each thousand in the cache."""
    herd.engine("steady", pp_tok_s=400_000, tg_tok_s=TG, tg_slower=SLOWER)
    return herd


def sweep(herd: Herd, preset: str, *more: str) -> None:
    model = herd.model_file()
    done = herd.run(
        *("--config-dir", str(herd.conf), "sweep", f"+sweep={preset}", "engine=steady"),
        *("model=file", f"model.path={model}", "pairing=cpu", "workload.n_predict=16", *more),
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_degradation_table_of_any_model(swept: Herd) -> None:
    sweep(swept, "depth_curve", "context=4096,8k")
    found = swept.query("SELECT * FROM degradation ORDER BY context, depth")
    # 87.5 % of 4096 leave no room for a tail of 512
    assert [(row["context"], row["depth"], row["fill_pct"]) for row in found] == [
        *((4096, 512 * n, 12.5 * n) for n in range(7)),
        *((8192, 1024 * n, 12.5 * n) for n in range(8)),
    ]
    for row in found:
        true_pct = 100 / (1 + SLOWER * row["depth"] / 1000)
        assert row["tg_pct"] == pytest.approx(true_pct, rel=0.01)
        assert row["trials_dropped"] == 0
    outcomes = swept.query("SELECT outcome, count(*) AS n FROM outcomes GROUP BY 1")
    assert outcomes == [{"outcome": "ok", "n": 2}]
    runs = swept.query("SELECT processed_n - least_n AS twice FROM depth_runs")
    assert runs == [{"twice": 0}] * 2


def test_the_steps_of_llama_bench(swept: Herd) -> None:
    sweep(swept, "llama-bench")
    found = swept.query("SELECT step, depth, trials FROM speed_steps ORDER BY step, depth")
    assert [(row["step"], row["depth"], row["trials"]) for row in found] == [
        (step, depth, 5) for step in ("pp512", "tg16") for depth in (0, 4096, 8192)
    ]
