"""Golden test of `coverage`: known points times known workloads, each with its state."""

from typing import Any

from tests.unit.conftest import Ask
from tests.warehouse_samples import at, cell, planned, sweep
from warehouse.store import Warehouse


def test_every_point_and_workload_is_measured_or_says_why_not(store: Warehouse, ask: Ask) -> None:
    def plan(cell_id: str, **changes: Any) -> Any:
        return planned(cell_id, **{"quant": "Q8_0", **changes})

    first = [
        plan("big", context=8192, decision="pruned", reason="lacks 300 MiB on CUDA0"),
        plan("late", workload="stability"),
        plan("deep", workload="depth_curve"),
        plan("ok"),
        plan("stopped", cache_v="q4_0"),
    ]
    store.write_sweep(sweep(), first, [], [], [])
    again = plan("ok", sweep_id="w2", decision="cached", reason="measured before")
    store.write_sweep(sweep("w2"), [again], [], [], [])
    store.commit_cell(cell("ok", quant="Q8_0", valid_trials=5, invalid_trials=2), [], [])
    store.commit_cell(cell("flags", quant="Q8_0", source="llama-bench x", ended_at=at(90)), [], [])
    for attempt, reason in ((1, "first"), (2, "last")):
        failed = {"status": "failed", "failure_class": "crash", "reason": reason}
        times = {"started_at": at(attempt), "ended_at": at(30 + attempt)}
        row = cell("deep", attempt, quant="Q8_0", workload="depth_curve", **failed, **times)
        store.commit_cell(row, [], [])
    store.commit_cell(cell("stopped", quant="Q8_0", cache_v="q4_0", status="cancelled"), [], [])

    found = {
        (row["context"], row["cache_v"], row["workload"]): row
        for row in ask("SELECT * FROM coverage")
    }
    missing = ("missing", "no sweep has planned it")
    assert {point: (row["state"], row["reason"]) for point, row in found.items()} == {
        (4096, "f16", "speed"): ("measured", None),
        (4096, "f16", "stability"): ("pending", "planned, not yet run"),
        (4096, "f16", "depth_curve"): ("failed", "last"),
        (4096, "q4_0", "speed"): ("cancelled", "the sweep was stopped"),
        (4096, "q4_0", "stability"): missing,
        (4096, "q4_0", "depth_curve"): missing,
        (8192, "f16", "speed"): ("pruned", "lacks 300 MiB on CUDA0"),
        (8192, "f16", "stability"): missing,
        (8192, "f16", "depth_curve"): missing,
    }
    whole = found[4096, "f16", "speed"]
    assert (whole["cells"], whole["cells_measured"], whole["attempts"]) == (2, 2, 2)
    assert (whole["valid_trials"], whole["trials_dropped"]) == (6, 2)
    assert (whole["measured_at"], whole["sources"]) == (at(90), ["llama-bench x", "measured"])
    broken = found[4096, "f16", "depth_curve"]
    assert (broken["failure_class"], broken["attempts"], broken["cells_measured"]) == (
        "crash",
        2,
        0,
    )
    assert (found[4096, "q4_0", "stability"]["cells"], whole["failure_class"]) == (0, None)
