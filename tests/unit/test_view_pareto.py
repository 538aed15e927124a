"""Golden tests of `pareto` and `model_quality`: against a brute-force search in Python."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.unit.conftest import Ask
from tests.warehouse_samples import at, cell, launch, memory, quality, trial, warehouse
from warehouse.connection import connect
from warehouse.store import Warehouse


@dataclass(frozen=True)
class Candidate:
    name: str
    quant: str
    tg: float
    mib: float
    perplexity: float | None
    cache: str = "f16"
    hardware_class: str = "laptop"

    def beats(self, other: "Candidate", *, with_quality: bool) -> bool:
        """At least as good in all, better in one."""
        mine, theirs = [self.tg, -self.mib], [other.tg, -other.mib]
        if with_quality:
            if self.perplexity is None or other.perplexity is None:
                return False
            mine.append(-self.perplexity)
            theirs.append(-other.perplexity)
        pairs = list(zip(mine, theirs, strict=True))
        return all(a >= b for a, b in pairs) and any(a > b for a, b in pairs)


CANDIDATES = [
    Candidate("small", "Q2_K", 50.0, 600.0, 16.0),
    Candidate("small-q8", "Q2_K", 47.0, 560.0, 16.5, "q8_0"),
    Candidate("slow", "Q3_K", 45.0, 700.0, 16.0),  # beaten by small in speed and memory
    Candidate("good", "Q8_0", 25.0, 1500.0, 11.0),
    Candidate("twin", "Q8_1", 25.0, 1500.0, 11.0),  # equal to good: neither beats the other
    Candidate("worse", "Q6_K", 25.0, 1500.0, 12.0),  # beaten by good in quality alone
    Candidate("unknown", "Q4_K", 60.0, 900.0, None),
    Candidate("unknown-slow", "Q5_K", 40.0, 900.0, None),
    Candidate("elsewhere", "Q2_K", 5.0, 600.0, 16.0, hardware_class="pi"),
]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("pareto")
    store = warehouse(folder)
    for each in CANDIDATES:
        axes: dict[str, Any] = {"quant": each.quant, "model_sha256": f"m{each.quant}"}
        axes |= {"cache_k": each.cache, "hardware_class": each.hardware_class}
        launched = f"l{each.name}"
        parts = [
            memory(launched, "CUDA0", "model", each.mib - 100, "log"),
            memory(launched, "CPU", "model", 100.0, "log"),
        ]
        store.write_launch(launch(launched), parts)
        store.commit_cell(
            cell(each.name, launch_id=launched, **axes), [trial(each.name, tg_tok_s=each.tg)], []
        )
        if each.perplexity is not None and each.hardware_class == "laptop":
            name = f"q{each.name}"
            scores = [quality(name, perplexity=each.perplexity, kld_mean_nats=0.1)]
            if each.name == "good":
                scores.append(quality(name, corpus="rare", corpus_sha256="a9", perplexity=1.0))
            row = cell(name, workload="perplexity", context=512, **axes)
            store.commit_cell(row, [], [], scores)
    return folder


def ask_of(root: Path, sql: str) -> dict[str, dict[str, Any]]:
    with connect(root) as connection:
        return {row["cell_id"]: row for row in connection.query(sql).to_pylist()}


def test_the_front_is_what_no_other_beats(root: Path) -> None:
    found = ask_of(root, "SELECT * FROM pareto")
    assert found.keys() == {each.name for each in CANDIDATES}
    for each in CANDIDATES:
        rivals = [o for o in CANDIDATES if o.hardware_class == each.hardware_class]
        row = found[each.name]
        assert row["memory_mib"] == each.mib
        assert row["perplexity"] == each.perplexity
        beaten = any(o.beats(each, with_quality=True) for o in rivals)
        assert row["on_front"] == (None if each.perplexity is None else not beaten), each.name
        flat = any(o.beats(each, with_quality=False) for o in rivals)
        assert row["on_front_without_quality"] == (not flat), each.name


def test_a_beaten_cell_names_who_beats_it(root: Path) -> None:
    found = ask_of(root, "SELECT cell_id, beaten_by FROM pareto")
    known = {each.name: each for each in CANDIDATES}
    for name, row in found.items():
        each = known[name]
        rivals = [
            o.name
            for o in CANDIDATES
            if o.hardware_class == each.hardware_class
            and o.beats(each, with_quality=each.perplexity is not None)
        ]
        fastest = max((known[o].tg for o in rivals), default=None)
        by = row["beaten_by"]
        assert (by in rivals and known[by].tg == fastest) if rivals else by is None, name


def test_a_server_that_was_measured_twice_does_not_beat_itself(store: Warehouse, ask: Ask) -> None:
    store.write_launch(launch("l1"), [memory("l1", "CPU", "model", 100.0, "log")])
    for name, tg, ended in (("old", 41.0, 20), ("new", 40.0, 50)):
        row = cell(name, server_id="s", ended_at=at(ended), workload_config=f'{{"of":"{name}"}}')
        store.commit_cell(row, [trial(name, tg_tok_s=tg)], [])
    found = ask("SELECT cell_id, on_front, on_front_without_quality, beaten_by FROM pareto")
    assert [tuple(row.values()) for row in found] == [("new", None, True, None)]


def test_the_latest_valid_figure_of_a_file_counts(store: Warehouse, ask: Ask) -> None:
    def score(name: str, when: float, *rows: Any, **changes: Any) -> None:
        axes = {"workload": "perplexity", "model_sha256": "m1", **changes}
        store.commit_cell(cell(name, started_at=at(when), **axes), [], [], list(rows))

    score("a", 10, quality("a", perplexity=12.0, ended_at=at(12)))
    score(
        "b",
        50,
        quality("b", perplexity=13.0, ended_at=at(52)),
        quality("b", perplexity=99.0, valid=False, invalid_reason="nan", ended_at=at(60)),
        hardware_class="other",
    )
    score("c", 20, quality("c", corpus_sha256="c1", perplexity=7.0), cache_k="q8_0")
    found = ask("SELECT cell_id, perplexity, rows_dropped FROM model_quality ORDER BY 1")
    assert [tuple(row.values()) for row in found] == [("b", 13.0, 1), ("c", 7.0, 0)]


def test_a_speed_has_the_quality_of_its_own_file(store: Warehouse, ask: Ask) -> None:
    """Two files of one quant (another publisher's, another date), and two pairs of cache types."""
    made = (("a", "m1", "f16", 11.0), ("b", "m2", "f16", 14.0), ("c", "m1", "q4_0", 12.0))
    for name, sha256, cache, perplexity in made:
        axes: dict[str, Any] = {
            "quant": "Q4_K_M",
            "model_sha256": sha256,
            "cache_k": cache,
            "cache_v": cache,
        }
        store.write_launch(launch(f"l{name}"), [memory(f"l{name}", "CPU", "model", 100.0, "log")])
        row = cell(name, launch_id=f"l{name}", server_id=f"s{name}", **axes)
        store.commit_cell(row, [trial(name, tg_tok_s=40.0)], [])
        # quality is scored in chunks: with another context and another server configuration
        scored = cell(f"q{name}", workload="perplexity", context=512, server_id=f"t{name}", **axes)
        figures = quality(f"q{name}", perplexity=perplexity, kld_mean_nats=perplexity / 100)
        store.commit_cell(scored, [], [], [figures])
    store.write_launch(launch("ld"), [memory("ld", "CPU", "model", 100.0, "log")])
    alone = cell("d", launch_id="ld", server_id="sd", quant="Q4_K_M", model_sha256="m3")
    store.commit_cell(alone, [trial("d", tg_tok_s=40.0)], [])
    found = ask("SELECT cell_id, perplexity, kld_mean_nats FROM pareto ORDER BY 1")
    assert [tuple(row.values()) for row in found] == [
        *((name, perplexity, perplexity / 100) for name, _, _, perplexity in made),
        ("d", None, None),
    ]
