"""Golden tests of the views that compare cells which differ in one thing: against plain Python."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.conftest import Ask
from tests.warehouse_samples import cell, launch, memory, model, planned, sweep, trial, warehouse
from warehouse.connection import connect
from warehouse.store import Warehouse


def flags(**values: object) -> str:
    return json.dumps({"engine": {"ubatch_size": 512, **values}})


def put(store: Warehouse, cell_id: str, tg: float, **axes: Any) -> None:
    """A cell with a generation speed and five times that as prompt speed."""
    prompt = trial(
        cell_id, kind="pp", step="pp512", prompt_n_asked=512, tg_tok_s=None, pp_tok_s=5 * tg
    )
    values = {"server_config": flags(), "launch_id": f"l{cell_id}", **axes}
    store.commit_cell(cell(cell_id, **values), [trial(cell_id, tg_tok_s=tg), prompt], [])


SPEEDS = {("f16", "f16"): 40.0, ("q8_0", "q8_0"): 36.0, ("q8_0", "q4_0"): 38.0}
KV = {("f16", "f16"): 90.0, ("q8_0", "q8_0"): 48.0, ("q8_0", "q4_0"): 36.0}


class TestCaches:
    @pytest.fixture
    def filled(self, store: Warehouse) -> Warehouse:
        for number, (pair, tg) in enumerate(SPEEDS.items()):
            name = f"c{number}"
            parts = [
                memory(f"l{name}", "CUDA0", "kv", KV[pair], "log"),
                memory(f"l{name}", "CUDA0", "model", 900.0, "log"),
                memory(f"l{name}", "CUDA0", "context", 77.0, "breakdown"),
                memory(f"l{name}", "CPU", "kv", 10.0, "log"),
            ]
            store.write_launch(launch(f"l{name}"), parts)
            put(store, name, tg, cache_k=pair[0], cache_v=pair[1])
        return store

    def test_ratios_and_what_the_cache_takes(self, filled: Warehouse, ask: Ask) -> None:
        put(filled, "other", 99.0, context=8192)
        found = ask("SELECT * FROM compare_caches")
        assert [(r["cache_k"], r["cache_v"]) for r in found] == sorted(
            SPEEDS, key=lambda pair: -SPEEDS[pair]
        )
        for row in found:
            pair = row["cache_k"], row["cache_v"]
            assert row["tg_ratio"] == pytest.approx(SPEEDS[pair] / max(SPEEDS.values()))
            assert row["pp_ratio"] == pytest.approx(SPEEDS[pair] / max(SPEEDS.values()))
            assert row["kv_mib"] == KV[pair] + 10
            assert row["kv_pct"] == pytest.approx(100 * (KV[pair] + 10) / 100)
            assert row["gpu_mib"] == 900 + KV[pair]
            assert (row["caches"], row["source"]) == (3, "measured")

    def test_servers_with_other_flags_are_not_alike(self, store: Warehouse, ask: Ask) -> None:
        put(store, "a", 40.0)
        put(store, "b", 30.0, cache_v="q4_0", server_config=flags(ubatch_size=128))
        assert ask("SELECT * FROM compare_caches") == []
        put(store, "c", 20.0, cache_v="q4_0")
        assert [r["cell_id"] for r in ask("SELECT cell_id FROM compare_caches")] == ["a", "c"]


class TestBuilds:
    def test_ordered_by_number_where_a_build_has_no_date(self, store: Warehouse, ask: Ask) -> None:
        # By text, 9999 would come after 10068.
        builds = {
            "build 9999, commit aa": 40.0,
            "build 10068, commit bb": 44.0,
            "build 11434": 33.0,
        }
        for number, (text, tg) in enumerate(builds.items()):
            name = f"e{9 - number}"
            dated = "2020-01-01" if number == 2 else None
            axes = {"engine": name, "engine_sha256": name, "build_date": dated}
            put(store, name, tg, engine_build=text, **axes)
        found = ask("SELECT * FROM compare_builds")
        assert [r["engine_build"] for r in found] == list(builds)
        assert [r["build_number"] for r in found] == [9999, 10068, 11434]
        assert [r["tg_ratio"] for r in found] == [
            pytest.approx(tg / 44.0) for tg in builds.values()
        ]
        changes = [None, 100 * (44 / 40 - 1), 100 * (33 / 44 - 1)]
        for row, change in zip(found, changes, strict=True):
            expected = None if change is None else pytest.approx(change)
            assert row["tg_change_pct"] == expected
            assert row["pp_change_pct"] == expected
            assert row["builds"] == 3

    def test_ordered_by_date_and_a_later_config_may_set_it(
        self, store: Warehouse, ask: Ask
    ) -> None:
        put(store, "a", 40.0, engine="x", engine_sha256="sx", engine_build="build 1, commit aa")
        put(store, "b", 44.0, engine="y", engine_sha256="sy", build_date="2026-01-05",
            engine_build="build 0, commit bb")  # fmt: skip
        assert [r["cell_id"] for r in ask("SELECT * FROM compare_builds")] == ["b", "a"]
        for name, date in (("w1", "2025-12-30"), ("w2", "2025-12-31")):
            plan = planned("a", sweep_id=name, engine="x", engine_sha256="sx", build_date=date)
            store.write_sweep(sweep(name), [plan], [], [], [])
        found = ask("SELECT cell_id, build_date, tg_change_pct FROM compare_builds")
        assert found == [
            {"cell_id": "a", "build_date": "2025-12-31", "tg_change_pct": None},
            {"cell_id": "b", "build_date": "2026-01-05", "tg_change_pct": pytest.approx(10.0)},
        ]
        (x, y) = ask("SELECT build, build_number, build_order, engines, measured_cells FROM builds")
        assert tuple(x.values()) == ("sx", None, 1, ["x"], 1)  # a wheel says 1
        assert (y["build"], y["build_order"]) == ("sy", 2)

    def test_an_imported_build_without_hash_is_told_by_what_it_says(
        self, store: Warehouse, ask: Ask
    ) -> None:
        imported = {"engine_sha256": None, "source": "llama-bench x.csv", "workload": "llama_bench"}
        put(store, "a", 40.0, engine_build="build 5, commit aa", **imported)
        put(store, "b", 50.0, engine_build="build 6, commit bb", **imported)
        found = ask("SELECT cell_id, builds, source FROM compare_builds")
        assert [tuple(r.values()) for r in found] == [
            ("a", 2, "llama-bench x.csv"),
            ("b", 2, "llama-bench x.csv"),
        ]


def test_pairings_against_one_gpu(store: Warehouse, ask: Ask) -> None:
    wanted: dict[str, tuple[str, str | None, str | None, float, tuple[str, ...]]] = {
        "slow": ("GTX 1050", None, None, 10.0, ("CUDA1",)),
        "one": ("RTX 3060", None, None, 30.0, ("CUDA0",)),
        "layer": ("all", "1/1", "layer", 33.0, ("CUDA0", "CUDA1")),
        "row": ("all", "1/1", "row", 24.0, ("CUDA0", "CUDA1")),
    }
    for name, (pairing, split, split_mode, tg, devices) in wanted.items():
        parts = [memory(f"l{name}", each, "total", 500.0, "nvml") for each in devices]
        parts += [memory(f"l{name}", "CUDA0", "model", 1.0, "log")]
        parts += [memory(f"l{name}", "CPU", "model", 70.0, "log")]
        parts += [memory(f"l{name}", "Host", "rss", 700.0, "psutil")]
        store.write_launch(launch(f"l{name}", devices=devices), parts)
        config = flags(split_mode=split_mode) if split_mode else flags()
        axes = {"pairing": pairing, "split": split, "split_mode": split_mode}
        put(store, name, tg, server_config=config, **axes)
    found = {row["cell_id"]: row for row in ask("SELECT * FROM pairings")}
    assert list(found) == ["layer", "one", "row", "slow"]
    for name, (_, _, _, tg, devices) in wanted.items():
        row = found[name]
        assert (row["devices"], row["gpus"], row["pairings"]) == (list(devices), len(devices), 4)
        assert row["tg_ratio"] == pytest.approx(tg / 33)
        assert row["tg_of_one"] == pytest.approx(tg / 30)
        named = 500.0 * len(devices) + (1.0 if "CUDA0" not in devices else 0.0)
        assert (row["gpu_mib"], row["host_mib"]) == (named, 70.0)


def test_quants_have_their_file_and_hosts_differ_in_threads_only(
    store: Warehouse, ask: Ask
) -> None:
    file = model(model_sha256="m8", quant="Q8_0", size_bytes=3 * 2**20)
    store.write_sweep(sweep(), [], [], [], [file])
    put(store, "a", 40.0)
    put(store, "b", 20.0, quant="Q8_0", model_sha256="m8")
    put(store, "c", 30.0, quant="Q8_0", model_sha256="m8", server_config=flags(threads=1))
    found = ask("SELECT cell_id, tg_ratio, file_mib FROM compare_quants")
    assert [tuple(r.values()) for r in found] == [("a", 1.0, None), ("b", 0.5, 3.0)]
    put(store, "d", 60.0, hardware_class="big", server_config=flags(threads=8))
    put(store, "e", 90.0, hardware_class="big", server_config=flags(ubatch_size=64), quant="Q8_0")
    hosts = ask("SELECT cell_id, tg_ratio FROM compare_hosts")
    assert [tuple(r.values()) for r in hosts] == [("d", 1.0), ("a", pytest.approx(40 / 60))]


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cell from a file, one measured, each with its launch."""
    root: Path = tmp_path_factory.mktemp("imported")
    store = warehouse(root)
    source = "llama-bench run.jsonl"
    old = launch("old", server_id="sold", source=source, load_ms=None, command_line=())
    store.write_launch(old, [memory("old", "CUDA0", "total", 8800.0, source)])
    store.write_launch(launch("new", server_id="snew"), [memory("new", "CPU", "model", 5.0, "log")])
    put(store, "old", 22.4, source=source, launch_id="old", workload="llama_bench")
    put(store, "new", 21.0, launch_id="new")
    return root


@pytest.mark.parametrize(
    ("view", "column"),
    [
        *((each, "source") for each in ("speed", "speed_steps", "launch_speeds", "energy")),
        *((each, "launch_source") for each in ("memory_by_device", "launch_totals")),
    ],
)
def test_imported_rows_stand_beside_measured_ones(imported: Path, view: str, column: str) -> None:
    with connect(imported) as connection:
        found = connection.query(f"SELECT DISTINCT {column} AS source FROM {view}").to_pylist()
    assert sorted(row["source"] for row in found) == ["llama-bench run.jsonl", "measured"]


def test_a_view_that_shows_cells_says_where_they_are_from(imported: Path) -> None:
    with connect(imported) as connection:
        views = [each for each in connection.list_views() if each.kind == "view"]
    without = {
        *("outcomes", "servers", "builds"),  # plans and configurations
        *("noise", "prediction_error", "predicted_vs_measured"),  # what only herd can know
        *("latest_launches", "launch_figures"),  # as the table; beside launch_speeds
        "attempt_speeds",  # of trials alone; the view speed shows them with their cell
    }
    for view in views:
        names = {column.name for column in view.columns}
        shown = names & {"source", "launch_source", "sources"}
        assert bool(shown) or view.name in without, view.name


def test_a_server_has_its_axes_once(store: Warehouse, ask: Ask) -> None:
    same: dict[str, Any] = {"server_id": "s", "cache_k": "q8_0", "server_config": flags()}
    store.write_sweep(sweep(), [planned("a", **same), planned("b", **same)], [], [], [])
    put(store, "a", 1.0, **same)
    put(store, "c", 1.0, server_id="t", server_config="{}")
    found = ask("SELECT server_id, cache_k, engine_flags FROM servers ORDER BY 1")
    assert found == [
        {"server_id": "s", "cache_k": "q8_0", "engine_flags": '{"ubatch_size":512}'},
        {"server_id": "t", "cache_k": "f16", "engine_flags": None},
    ]


def test_a_step_of_a_launch_says_what_it_dropped(store: Warehouse, ask: Ask) -> None:
    trials = [
        trial("c", tg_tok_s=30.0),
        trial("c", tg_tok_s=34.0),
        trial("c", tg_tok_s=1.0, valid=False, invalid_reason="throttled"),
        trial("c", tg_tok_s=None, invalid_reason=None),
        trial("c", step="tg9", tg_tok_s=1.0, valid=False, invalid_reason="throttled"),
    ]
    store.commit_cell(cell("c"), trials, [])
    (row,) = ask("SELECT step, tok_s, speeds, trials_dropped FROM launch_speeds")
    assert row == {"step": "tg32", "tok_s": 32.0, "speeds": [30.0, 34.0], "trials_dropped": 2}
