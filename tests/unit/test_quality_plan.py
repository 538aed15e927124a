"""Cells that are compared with a baseline, from the command to the launch."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cells import FROM_HEADER, CellSpec, NamedFile, specs
from orchestrator.fitting import Fitter, Seat
from orchestrator.host_view import Looking
from orchestrator.identity import engine_facts
from orchestrator.leases import FileState, HostState
from orchestrator.memory.outlook import Memory
from orchestrator.placement import Planned
from orchestrator.plan import with_evidence
from orchestrator.schedule import Schedule
from orchestrator.wants import Wanted
from tests.tiny_models import write_tiny
from tests.unit.fleet_samples import gpu_host
from tests.unit.orchestrator_samples import SHA256, plan_of, spec, view
from tests.unit.test_cells import composed
from warehouse.errors import ConfigError
from workers.models.config import ModelConfig
from workers.models.header import read_header
from workers.models.shape import model_shape
from workers.workloads.perplexity.config import PerplexityConfig

WORKLOAD = PerplexityConfig(corpus_sha256="c0" * 32, baseline_quant="Q8_0")
BASELINE = NamedFile(ModelConfig(name="tiny"), "Q8_0")
OWN_KEY, BASE_KEY = ("tiny", "Q4_1", None), ("tiny", "Q8_0", None)


def scored(quant: str = "Q4_1", **changes: Any) -> CellSpec:
    whole = spec(quant=quant, workload=WORKLOAD, baseline=BASELINE)
    return replace(whole, **changes)


def cells(*asked: CellSpec, **sha256: str) -> dict[str, Planned]:
    found = plan_of(*asked, hosts=(view(sha256={**SHA256, **sha256}),)).cells
    return {f"{cell.spec.quant} {cell.spec.cache_k}": cell for cell in found}


def test_the_baselines_hash_is_identity_its_name_is_none() -> None:
    (one,) = cells(scored()).values()
    (other,) = cells(scored(), Q8_0="99" * 32).values()
    assert one.cell_id != other.cell_id
    assert one.server.server_id == other.server.server_id
    assert isinstance(one.spec.workload, PerplexityConfig)
    assert one.spec.workload.baseline_sha256 == SHA256["Q8_0"]
    renamed = replace(WORKLOAD, baseline_quant="/elsewhere/Q8_0.gguf", corpus="/a", logits_gib=1.0)
    (same,) = cells(scored(workload=renamed)).values()
    assert same.cell_id == one.cell_id
    (text,) = cells(scored(workload=replace(WORKLOAD, corpus_sha256="c1" * 32))).values()
    assert text.cell_id != one.cell_id


def test_what_is_compared_with_an_unknown_file_is_never_cached() -> None:
    nowhere = view(sha256={"Q4_1": SHA256["Q4_1"]})
    (cell,) = plan_of(scored(), hosts=(nowhere,)).cells
    assert cell.decision == "run"
    assert cell.baseline is not None
    assert cell.baseline.sha256 is None
    assert isinstance(cell.spec.workload, PerplexityConfig)
    assert cell.spec.workload.baseline_sha256 == "nowhere:tiny:Q8_0"


def test_the_cell_that_scores_the_baseline_is_evidence() -> None:
    small: dict[str, Any] = {"cache_k": "q8_0", "cache_v": "q8_0"}
    found = cells(scored(), scored("Q8_0"), scored("Q8_0", **small), scored(**small))
    base = found["Q8_0 f16"].cell_id
    assert {cell.baseline_cell_id for cell in found.values()} == {base}
    pruned = [replace(cell, decision="pruned") for cell in found.values()]
    assert {cell.baseline_cell_id for cell in with_evidence(pruned)} == {None}
    assert cells(scored())["Q4_1 f16"].baseline_cell_id is None
    assert cells(spec())["Q4_1 f16"].baseline_cell_id is None


def test_each_is_a_launch_of_its_own() -> None:
    plan = plan_of(scored(), spec(), scored(workload=replace(WORKLOAD, chunks=2)))
    assert len({cell.server.server_id for cell in plan.cells}) == 1
    assert len(plan.launches()) == 3


def test_both_files_are_there_before_a_launch() -> None:
    """A speed cell of the same file does not wait for the baseline."""
    host = gpu_host("a", "RTX 3060")
    asked = [scored(pairing="single"), spec(pairing="single")]
    made = Schedule(plan_of(*asked, hosts=(host,)).launches())
    made.set_host(HostState(host, files={BASE_KEY: FileState.AWAY}))
    (first,) = made.assign(0.0)
    assert first.launch.first.spec.baseline is None
    made.release(first, 1.0, measured=True)
    assert made.assign(1.0) == []
    assert made.wanted() == [Wanted("a", BASE_KEY)]
    made.set_host(HostState(host, files={OWN_KEY: FileState.AWAY, BASE_KEY: FileState.COMING}))
    assert made.wanted() == []
    made.set_host(HostState(host, files={OWN_KEY: FileState.AWAY, BASE_KEY: FileState.READY}))
    assert made.wanted() == [Wanted("a", OWN_KEY)]
    made.set_host(HostState(host))
    (second,) = made.assign(2.0)
    assert second.launch.first.spec.baseline == BASELINE


def test_a_baseline_that_cannot_be_had_stops_what_needs_it_alone() -> None:
    host = gpu_host("a", "RTX 3060")
    asked = [spec(pairing="single"), scored(pairing="single")]
    made = Schedule(plan_of(*asked, hosts=(host,)).launches())
    made.set_host(HostState(host, files={BASE_KEY: FileState.NEVER}))
    (stuck,) = made.stuck()
    assert stuck.missing_model
    assert stuck.launch.first.spec.baseline == BASELINE
    assert len(made.assign(0.0)) == 1


def test_memory_is_that_of_the_chunks_and_not_of_the_context(tmp_path: Path) -> None:
    shape = model_shape(read_header(write_tiny(tmp_path / "m.gguf", "qwen2")))
    host = replace(view(), shapes={OWN_KEY: shape}, free_ram_mib=1e6)
    cell = plan_of(scored(), hosts=(host,)).cells[0]
    seat = Seat(cell.build, cell.pairing, cell.engine, engine_facts(cell.engine))
    fitter = Fitter(host, Memory())

    def mib(context: int, part: str, **changes: Any) -> float:
        outlook = fitter.fit(replace(scored(**changes), context=context), seat).outlook
        assert outlook is not None
        return sum(each.mib for each in outlook.prediction.parts if each.part == part)

    assert mib(131072, "kv") == mib(512, "kv") == mib(2048, "kv", workload=spec().workload)
    assert mib(512, "output") == 1024 * shape.vocab_size * 4 / 2**20
    assert mib(512, "output", workload=spec().workload) == 0
    tight = replace(host, free_ram_mib=1.0)
    (pruned,) = plan_of(scored(), hosts=(tight,)).cells
    assert pruned.decision == "pruned"


def test_a_preset_asks_for_every_quant_against_one() -> None:
    composer = composed(
        ("workload", "workload=perplexity"),
        ("workload.baseline_quant", "workload.baseline_quant=Q8_0"),
        ("engine.perplexity_binary", "engine.perplexity_binary=/there"),
    )
    (cell,) = specs([{"quant": "Q4_0"}], composer)
    assert cell.baseline is not None
    assert cell.baseline.file_key == ("smollm2-135m", "Q8_0", None)
    assert isinstance(cell.workload, PerplexityConfig)
    assert cell.workload.corpus_sha256
    with pytest.raises(ConfigError, match="no quant 'Q9'"):
        specs([{"workload.baseline_quant": "Q9"}], composer)
    with pytest.raises(ConfigError, match="chunk_context"):
        specs([{"context": 256}], composer)


def test_a_baseline_by_its_path() -> None:
    composer = composed(
        ("workload", "workload=perplexity"),
        ("workload.baseline_quant", "workload.baseline_quant=/models/big-F16.gguf"),
        ("engine.perplexity_binary", "engine.perplexity_binary=/there"),
    )
    looking = Looking(specs([{"quant": "Q4_0"}], composer), None)
    wanted = looking.request("alpha").models
    assert [(each.model.name, each.quant, each.model.path) for each in wanted] == [
        ("smollm2-135m", "Q4_0", None),
        ("big-F16", None, "/models/big-F16.gguf"),
    ]


def test_a_model_by_path_has_no_quants_to_name() -> None:
    composer = composed(
        ("model", "model=file"),
        ("model.path", "model.path=/models/a.gguf"),
        ("workload", "workload=perplexity"),
        ("engine.perplexity_binary", "engine.perplexity_binary=/there"),
    )
    with pytest.raises(ConfigError, match="one file"):
        specs([{"workload.baseline_quant": "Q8_0"}], composer)
    (plain,) = specs([{}], composer)
    assert (plain.quant, plain.baseline) == (FROM_HEADER, None)
