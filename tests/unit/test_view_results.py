"""Golden tests: what the views say of small hand-made rows, against plain Python."""

from dataclasses import replace
from statistics import median
from typing import Any

import pytest

from tests.unit.conftest import Ask
from tests.warehouse_samples import (
    at,
    cell,
    launch,
    memory,
    model,
    planned,
    predicted,
    sweep,
    trial,
)
from warehouse.store import Warehouse


def spread(values: list[float]) -> float:
    """Scaled median absolute deviation, percent of the median."""
    middle = median(values)
    return 100 * 1.4826 * median([abs(each - middle) for each in values]) / middle


def tg(cell_id: str, speed: float, attempt: int = 1, **changes: Any) -> Any:
    return trial(cell_id, attempt, tg_tok_s=speed, **changes)


def pp(cell_id: str, size: int, speed: float, ttft: float, **changes: Any) -> Any:
    values = {"kind": "pp", "step": f"pp{size}", "prompt_n_asked": size, "predicted_n_asked": 1}
    return trial(cell_id, tg_tok_s=None, pp_tok_s=speed, ttft_ms=ttft, **{**values, **changes})


class TestSpeed:
    def test_medians_and_spreads_are_over_valid_trials_at_depth_zero(
        self, store: Warehouse, ask: Ask
    ) -> None:
        speeds = [40.0, 42.5, 39.0, 41.0]
        prompts = [210.0, 190.0, 205.0]
        firsts = [2400.0, 2700.0, 2500.0]
        trials = [
            *(tg("c1", each) for each in speeds),
            tg("c1", 3.0, valid=False, invalid_reason="throttled"),
            tg("c1", 20.0, depth=2048),
            pp("c1", 128, 400.0, 320.0),
            *(pp("c1", 512, *each) for each in zip(prompts, firsts, strict=True)),
            pp("c1", 2048, 1.0, 9.0, valid=False, invalid_reason="cache"),
        ]
        store.commit_cell(cell("c1", valid_trials=9, invalid_trials=2), trials, [])
        (row,) = ask("SELECT * FROM speed")
        assert row["tg_tok_s"] == median(speeds)
        assert row["tg_spread_pct"] == pytest.approx(spread(speeds))
        assert row["tg_trials"] == 4
        assert row["pp_prompt_n"] == 512
        assert row["pp_tok_s"] == median(prompts)
        assert row["pp_spread_pct"] == pytest.approx(spread(prompts))
        assert row["ttft_ms"] == median(firsts)
        assert row["trials_dropped"] == 2
        assert row["ended_at"] == at(20)

    def test_the_latest_ok_attempt_counts(self, store: Warehouse, ask: Ask) -> None:
        store.commit_cell(cell("c1", 1), [tg("c1", 10.0)], [])
        store.commit_cell(cell("c1", 2), [tg("c1", 20.0, 2)], [])
        store.commit_cell(
            cell("c1", 3, status="failed", failure_class="crash"), [tg("c1", 30.0, 3)], []
        )
        rows = ask("SELECT attempt, tg_tok_s FROM speed")
        assert rows == [{"attempt": 2, "tg_tok_s": 20.0}]

    def test_a_cell_without_valid_trials_is_a_row_without_speed(
        self, store: Warehouse, ask: Ask
    ) -> None:
        lost = tg("c1", 10.0, valid=False, invalid_reason="throttled")
        store.commit_cell(cell("c1", valid_trials=0, invalid_trials=1), [lost], [])
        (row,) = ask("SELECT tg_tok_s, tg_trials, trials_dropped FROM speed")
        assert row == {"tg_tok_s": None, "tg_trials": 0, "trials_dropped": 1}

    def test_other_workloads_are_not_in_it(self, store: Warehouse, ask: Ask) -> None:
        store.commit_cell(cell("c1", workload="stability"), [tg("c1", 10.0)], [])
        assert ask("SELECT * FROM speed") == []


def test_steps_have_their_own_medians(store: Warehouse, ask: Ask) -> None:
    deep = [30.0, 28.0, 31.0]
    trials = [
        *(tg("c1", each, depth=2048, outlier=each == 28.0) for each in deep),
        tg("c1", 40.0, ttft_ms=7.0, inter_token_p50_ms=20.0),
        tg("c1", 1.0, valid=False, invalid_reason="throttled"),
        pp("c1", 512, 200.0, 2500.0),
    ]
    store.commit_cell(cell("c1"), trials, [])
    first, flat, bent = ask("SELECT * FROM speed_steps ORDER BY kind, depth")
    assert (first["step"], first["tok_s"], first["ttft_ms"]) == ("pp512", 200.0, 2500.0)
    assert (flat["depth"], flat["tok_s"], flat["trials"], flat["trials_dropped"]) == (0, 40.0, 1, 1)
    assert flat["inter_token_p50_ms"] == 20.0
    assert bent["tok_s"] == median(deep)
    assert (bent["trials"], bent["outliers"]) == (3, 1)
    assert bent["spread_pct"] == pytest.approx(spread(deep))
    assert (bent["tok_s_min"], bent["tok_s_max"]) == (min(deep), max(deep))


class TestOutcomes:
    def outcomes(self, ask: Ask, *columns: str) -> list[tuple[Any, ...]]:
        found = ask("SELECT * FROM outcomes")
        return [tuple(row[each] for each in columns) for row in found]

    def test_every_planned_cell_has_one(self, store: Warehouse, ask: Ask) -> None:
        plan = [
            planned("c1", plan_order=1),
            planned("c2", plan_order=2),
            planned("c3", plan_order=3),
            planned("c4", plan_order=4, decision="pruned", reason="does not fit"),
            planned("c5", plan_order=5),
        ]
        store.write_sweep(sweep(), plan, [], [], [])
        store.commit_cell(cell("c1", host_id="beta"), [], [])
        failed: dict[str, Any] = {
            "status": "failed",
            "failure_class": "oom_load",
            "reason": "out of memory",
        }
        store.commit_cell(cell("c2", **failed), [], [])
        store.commit_cell(cell("c3", status="cancelled"), [], [])
        columns = ("cell_id", "outcome", "failure_class", "reason", "host_id")
        assert self.outcomes(ask, *columns) == [
            ("c1", "ok", None, None, "beta"),
            ("c2", "failed", "oom_load", "out of memory", "alpha"),
            ("c3", "cancelled", None, None, "alpha"),
            ("c4", "pruned", None, "does not fit", "alpha"),
            ("c5", "pending", None, None, "alpha"),
        ]

    def test_the_latest_attempt_of_that_sweep_decides(self, store: Warehouse, ask: Ask) -> None:
        store.write_sweep(sweep(), [planned("c1")], [], [], [])
        store.commit_cell(cell("c1", 1, status="failed", failure_class="crash"), [], [])
        store.commit_cell(cell("c1", 2), [], [])
        store.commit_cell(cell("c1", 3, sweep_id="w9", status="cancelled"), [], [])
        assert self.outcomes(ask, "outcome", "failure_class", "attempt") == [("ok", None, 2)]

    def test_a_cached_cell_shows_what_it_stands_for(self, store: Warehouse, ask: Ask) -> None:
        failed: dict[str, Any] = {
            "status": "failed",
            "failure_class": "oom_load",
            "host_id": "beta",
        }
        store.commit_cell(cell("c1", 1), [], [])
        store.commit_cell(cell("c1", 2, status="failed", failure_class="crash"), [], [])
        store.commit_cell(cell("c2", 1, **failed), [], [])
        plan = [
            planned(each, sweep_id="w2", plan_order=order, decision="cached", reason="before")
            for order, each in enumerate(("c1", "c2"))
        ]
        store.write_sweep(sweep("w2", started_at=at(100)), plan, [], [], [])
        later = {"sweep_id": "w3", "started_at": at(200), "ended_at": at(210)}
        store.commit_cell(cell("c2", 2, **later), [], [])
        columns = ("outcome", "cached_as", "failure_class", "attempt", "host_id", "reason")
        assert self.outcomes(ask, *columns) == [
            ("cached", "ok", None, 1, "alpha", "before"),
            ("cached", "failed", "oom_load", 1, "beta", "before"),
        ]

    def test_each_sweep_has_its_own_row(self, store: Warehouse, ask: Ask) -> None:
        store.write_sweep(sweep(), [planned("c1")], [], [], [])
        again = sweep("w2", started_at=at(100), name="again")
        store.write_sweep(again, [planned("c1", sweep_id="w2")], [], [], [])
        store.commit_cell(cell("c1", sweep_id="w2"), [], [])
        assert self.outcomes(ask, "sweep", "outcome") == [("demo", "pending"), ("again", "ok")]


def test_failures_show_the_command_line_and_the_end_of_the_log(store: Warehouse, ask: Ask) -> None:
    store.write_launch(launch(exit_code=1, status="failed", log_tail="E bad magic"), [])
    failed: dict[str, Any] = {
        "status": "failed",
        "failure_class": "bad_model",
        "reason": "bad magic",
    }
    store.commit_cell(cell("c1", **failed), [], [])
    store.commit_cell(cell("c2"), [], [])
    store.commit_cell(cell("c3", launch_id="lost", ended_at=at(99), **failed), [], [])
    lost, known = ask("SELECT * FROM failures")
    assert (lost["cell_id"], lost["command_line"]) == ("c3", None)
    assert known["command_line"] == "llama-server -c 4096"
    assert (known["failure_class"], known["log_tail"]) == ("bad_model", "E bad magic")


def test_memory_is_of_the_latest_launch(store: Warehouse, ask: Ask) -> None:
    store.write_sweep(sweep(), [planned("c1")], [], [], [])
    store.write_launch(launch("old"), [memory("old", "CUDA0", "model", 1.0, "log")])
    parts = [
        memory("new", "CUDA0", "model", 980.0, "log"),
        memory("new", "CPU", "kv", 20.0, "log"),
        memory("new", "CUDA_Host", "kv", 12.0, "log"),
        memory("new", "CUDA0", "total", 1700.0, "nvml"),
    ]
    store.write_launch(launch("new", started_at=at(50)), parts)
    failed = launch("failed", started_at=at(70), status="failed", load_ms=None)
    store.write_launch(failed, [memory("failed", "CUDA0", "model", 2.0, "log")])
    found = ask("SELECT * FROM memory_by_device")
    columns = ("device", "part", "source", "mib")
    assert [tuple(row[each] for each in columns) for row in found] == [
        ("CUDA0", "model", "log", 980.0),
        ("CUDA0", "total", "nvml", 1700.0),
        ("Host", "kv", "log", 32.0),
    ]
    assert {row["quant"] for row in found} == {"Q4_1"}


class TestPredictedMemory:
    """Prediction against measurement, by launch."""

    PREDICTED = (
        ("CUDA0", "weights", 1000.0, "exact"),
        ("CUDA0", "compute", 90.0, "history"),
        ("CUDA0", "overhead", 600.0, "estimate"),
        ("Host", "kv", 50.0, "exact"),
    )
    LOGGED = (
        ("CUDA0", "model", 980.0, "log"),
        ("CUDA0", "compute", 100.0, "log"),
        ("CUDA0", "total", 1700.0, "nvml"),
        ("CPU", "kv", 20.0, "log"),
        ("CUDA_Host", "kv", 30.0, "log"),
        ("CUDA_Host", "output", 1.0, "log"),
        ("Host", "rss", 80.0, "psutil"),
    )

    def put(self, store: Warehouse, launch_id: str, sweep_id: str, scale: float = 1.0) -> None:
        forecast = [
            replace(predicted("sc1", d, p, mib * scale), basis=basis, sweep_id=sweep_id)
            for d, p, mib, basis in self.PREDICTED
        ]
        plan = planned("c1", sweep_id=sweep_id, model_sha256="41")
        file = model(model_sha256="41", architecture="llama")
        store.write_sweep(sweep(sweep_id), [plan], forecast, [], [file])
        parts = [memory(launch_id, *part) for part in self.LOGGED]
        command = ("llama-server", "--ctx-size", "4096")
        row = launch(launch_id, sweep_id=sweep_id, command_line=command)
        store.write_launch(row, parts)

    def test_each_part_stands_beside_its_prediction(self, store: Warehouse, ask: Ask) -> None:
        self.put(store, "l1", "w1")
        found = ask("SELECT * FROM predicted_vs_measured")
        columns = ("device", "part", "basis", "predicted_mib", "measured_mib")
        assert [tuple(row[each] for each in columns) for row in found] == [
            ("CUDA0", "compute", "history", 90.0, 100.0),
            ("CUDA0", "overhead", "estimate", 600.0, 1700.0 - 980.0 - 100.0),
            ("CUDA0", "total", "estimate", 1000.0 + 90.0 + 600.0, 1700.0),
            ("CUDA0", "weights", "exact", 1000.0, 980.0),
            ("Host", "kv", "exact", 50.0, 50.0),
            ("Host", "total", "exact", 50.0, 80.0),
        ]
        for row in found:
            error = row["predicted_mib"] - row["measured_mib"]
            assert row["error_mib"] == pytest.approx(error)
            assert row["error_pct"] == pytest.approx(100 * error / row["measured_mib"])
            assert (row["architecture"], row["context"]) == ("llama", 4096)

    def test_a_launch_counts_against_the_plan_of_its_own_sweep(
        self, store: Warehouse, ask: Ask
    ) -> None:
        self.put(store, "l1", "w1")
        self.put(store, "l2", "w2", scale=2.0)
        found = ask("SELECT launch_id, predicted_mib FROM predicted_vs_measured "
                    "WHERE part = 'kv'")  # fmt: skip
        assert [tuple(row.values()) for row in found] == [("l1", 50.0), ("l2", 100.0)]

    def test_a_start_at_another_context_is_left_out(self, store: Warehouse, ask: Ask) -> None:
        self.put(store, "l1", "w1")
        probe = launch("l9", command_line=("llama-server", "--ctx-size", "1024"))
        store.write_launch(probe, [memory("l9", "CPU", "kv", 5.0, "log")])
        assert ask("SELECT DISTINCT launch_id FROM predicted_vs_measured") == [{"launch_id": "l1"}]

    def test_errors_by_architecture_and_part(self, store: Warehouse, ask: Ask) -> None:
        self.put(store, "l1", "w1")
        self.put(store, "l2", "w2", scale=2.0)
        found = {
            (row["device_kind"], row["part"]): row
            for row in ask("SELECT * FROM prediction_error WHERE architecture = 'llama'")
        }
        compute = found["GPU", "compute"]
        errors = [100 * (90.0 - 100.0) / 100.0, 100 * (180.0 - 100.0) / 100.0]
        assert compute["launches"] == 2
        assert compute["median_error_pct"] == pytest.approx(median(errors))
        assert compute["worst_error_pct"] == pytest.approx(max(errors, key=abs))
        assert compute["worst_low_mib"] == pytest.approx(10.0)
        assert compute["worst_high_mib"] == pytest.approx(80.0)
        assert found["Host", "kv"]["worst_low_mib"] == 0.0
        assert found.keys() == {
            *(("GPU", part) for part in ("compute", "overhead", "total", "weights")),
            *(("Host", part) for part in ("kv", "total")),
        }


def test_quants_are_compared_within_what_is_otherwise_alike(store: Warehouse, ask: Ask) -> None:
    speeds = {"Q4_0": 50.0, "Q5_0": 40.0, "Q8_0": 25.0}
    for quant, speed in speeds.items():
        store.commit_cell(
            cell(quant, quant=quant), [tg(quant, speed), pp(quant, 512, speed * 5, 1.0)], []
        )
    store.commit_cell(cell("other", quant="Q4_0", cache_v="q4_0"), [tg("other", 99.0)], [])
    found = ask("SELECT quant, tg_ratio, pp_ratio, quants FROM compare_quants")
    assert [row["quant"] for row in found] == ["Q4_0", "Q5_0", "Q8_0"]
    for row in found:
        assert row["tg_ratio"] == pytest.approx(speeds[row["quant"]] / 50.0)
        assert row["pp_ratio"] == pytest.approx(speeds[row["quant"]] / 50.0)
        assert row["quants"] == 3


def test_hosts_are_compared_over_hardware_classes_only(store: Warehouse, ask: Ask) -> None:
    store.commit_cell(cell("c1", hardware_class="big"), [tg("c1", 80.0)], [])
    store.commit_cell(cell("c2", hardware_class="small", engine_build="b2"), [tg("c2", 20.0)], [])
    store.commit_cell(cell("c3", quant="Q8_0"), [tg("c3", 20.0)], [])
    found = ask("SELECT hardware_class, tg_ratio, engine_build FROM compare_hosts")
    assert found == [
        {"hardware_class": "big", "tg_ratio": 1.0, "engine_build": "b1"},
        {"hardware_class": "small", "tg_ratio": 0.25, "engine_build": "b2"},
    ]
    assert ask("SELECT * FROM compare_quants") == []
