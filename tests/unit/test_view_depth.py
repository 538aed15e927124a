"""Golden tests of the views of depth curves, against plain Python."""

from pathlib import Path
from statistics import median
from typing import Any

import pytest

from tests.warehouse_samples import cell, trial, warehouse
from warehouse import rows
from warehouse.connection import connect

TG = {0: [40.0, 42.0, 41.0], 2048: [30.0, 31.0, 35.0], 3072: [20.0, 25.0]}
PP = {0: [800.0, 790.0, 860.0], 2048: [500.0, 520.0, 505.0]}


def ask(root: Path, sql: str) -> list[dict[str, Any]]:
    with connect(root) as connection:
        found: list[dict[str, Any]] = connection.query(sql).to_pylist()
    return found


def pp(depth: int, speed: float, **changes: Any) -> rows.Trial:
    values = {"kind": "pp", "step": "pp512", "prompt_n_asked": 512, "depth": depth}
    return trial("c1", tg_tok_s=None, pp_tok_s=speed, **{**values, **changes})


def tg(depth: int, speed: float, attempt: int = 1, **changes: Any) -> rows.Trial:
    return trial("c1", attempt, tg_tok_s=speed, depth=depth, **changes)


def depth_run(attempt: int = 1) -> rows.DepthRun:
    return rows.DepthRun(
        cell_id="c1",
        attempt=attempt,
        interleaved=False,
        restored=False,
        reason="a window",
        sliding_window=True,
        slot_file_mib=None,
        processed_n=10,
        least_n=10,
        fill_ms=1.0,
        save_ms=0.0,
        restore_ms=0.0,
    )


def prefill(depth: int, prompt_n: int, ms: float, attempt: int = 1) -> rows.Prefill:
    return rows.Prefill(
        cell_id="c1",
        attempt=attempt,
        fill=1,
        depth=depth,
        prompt_n=prompt_n,
        prompt_ms=ms,
        pp_tok_s=prompt_n / ms * 1000,
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    store = warehouse(tmp_path)
    trials = [tg(depth, each) for depth, speeds in TG.items() for each in speeds]
    trials += [pp(depth, each) for depth, speeds in PP.items() for each in speeds]
    trials += [
        tg(2048, 1.0, valid=False, invalid_reason="cache_n is 0, asked for 2048"),
        pp(3072, 1.0, valid=False, invalid_reason="cache_n is 0, asked for 3072"),
        tg(0, 39.0, step="tg32-again"),
    ]
    batches = [prefill(0, 2048, 2560.0), prefill(2048, 1024, 2000.0)]
    store.commit_cell(cell("c1", workload="depth_curve"), trials, [], [depth_run(), *batches])
    store.commit_cell(cell("flat"), [trial("flat", tg_tok_s=99.0)], [])
    return tmp_path


def test_speed_against_the_empty_cache(root: Path) -> None:
    found = {row["depth"]: row for row in ask(root, "SELECT * FROM degradation")}
    assert list(found) == [0, 2048, 3072]
    for depth, row in found.items():
        assert row["tg_tok_s"] == median(TG[depth])
        assert row["tg_pct"] == pytest.approx(100 * median(TG[depth]) / median(TG[0]))
        assert row["fill_pct"] == 100 * depth / 4096
        assert row["interleaved"] is False
    middle = median(TG[2048])
    off = median([abs(each - middle) for each in TG[2048]])
    assert found[2048]["tg_spread_pct"] == pytest.approx(100 * 1.4826 * off / middle)
    assert found[2048]["pp_tok_s"] == median(PP[2048])
    assert found[2048]["pp_pct"] == pytest.approx(100 * median(PP[2048]) / median(PP[0]))
    assert (found[3072]["pp_tok_s"], found[3072]["pp_pct"]) == (None, None)
    assert {d: (r["trials"], r["trials_dropped"]) for d, r in found.items()} == {
        0: (7, 0),
        2048: (6, 1),
        3072: (2, 1),
    }
    assert found[0]["tg_drift_pct"] == pytest.approx(100 * (39.0 / median(TG[0]) - 1))
    assert found[2048]["tg_drift_pct"] is None


def test_fill_is_of_the_context_that_the_server_really_has(tmp_path: Path) -> None:
    store = warehouse(tmp_path)
    capped = cell("c1", workload="depth_curve", context=16384, slot_context=8192)
    store.commit_cell(capped, [tg(2048, 30.0)], [], [prefill(4096, 512, 100.0)])
    assert ask(tmp_path, "SELECT fill_pct FROM degradation") == [{"fill_pct": 25.0}]
    assert ask(tmp_path, "SELECT fill_pct FROM prefill_curve") == [{"fill_pct": 50.0}]


def test_without_a_baseline_there_are_no_percents(tmp_path: Path) -> None:
    store = warehouse(tmp_path)
    trials = [tg(2048, 30.0), tg(0, 1.0, valid=False, invalid_reason="throttled")]
    store.commit_cell(cell("c1", workload="depth_curve"), trials, [])
    (flat, deep) = ask(tmp_path, "SELECT * FROM degradation")
    assert (flat["tg_pct"], flat["trials_dropped"]) == (None, 1)
    assert (deep["tg_tok_s"], deep["tg_pct"]) == (30.0, None)


def test_the_prefill_curve_is_of_the_latest_ok_attempt(root: Path) -> None:
    store = warehouse(root)
    again = cell("c1", 2, workload="depth_curve")
    store.commit_cell(again, [tg(0, 50.0, 2)], [], [prefill(0, 1000, 500.0, 2), depth_run(2)])
    (row,) = ask(root, "SELECT * FROM prefill_curve")
    assert (row["depth"], row["prompt_n"], row["pp_tok_s"]) == (0, 1000, 2000.0)
    (only,) = ask(root, "SELECT * FROM degradation")
    assert (only["tg_tok_s"], only["tg_pct"]) == (50.0, 100.0)


def test_the_prefill_curve_by_depth(root: Path) -> None:
    found = ask(root, "SELECT depth, fill_pct, prompt_n, pp_tok_s FROM prefill_curve")
    assert found == [
        {"depth": 0, "fill_pct": 0.0, "prompt_n": 2048, "pp_tok_s": 800.0},
        {"depth": 2048, "fill_pct": 50.0, "prompt_n": 1024, "pp_tok_s": 512.0},
    ]


def test_depths_are_not_in_the_views_of_speed(root: Path) -> None:
    assert [row["cell_id"] for row in ask(root, "SELECT cell_id FROM speed")] == ["flat"]
    found = ask(
        root, "SELECT step, depth, tok_s FROM speed_steps WHERE cell_id = 'c1' AND kind = 'tg'"
    )
    assert {(r["step"], r["depth"]): r["tok_s"] for r in found} == {
        ("tg32", 0): 41.0,
        ("tg32-again", 0): 39.0,
        ("tg32", 2048): 31.0,
        ("tg32", 3072): 22.5,
    }
