import hashlib
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest

from orchestrator.cells import CellSpec
from orchestrator.identity import (
    ServerIdentity,
    cell_identity,
    engine_facts,
    server_identity,
    workload_facts,
)
from orchestrator.pairing import Pairing
from orchestrator.placement import Planned
from tests.unit.orchestrator_samples import ENGINE, build, device, planned, spec, view
from warehouse.canonical import canonical, digest
from workers.engine.config import EngineConfig
from workers.models.config import ModelConfig
from workers.workloads.speed.config import SpeedConfig

GPUS = (device(0), device(1, "GTX 1050"))
PAIR = spec(pairing="pair", split=(14.0, 10.0))
HOST = view(engine=build(*GPUS))
BEFORE = planned(PAIR, HOST)


def on_its_host(cell: CellSpec) -> Planned:
    """On a host that has the build for whatever binary and environment the cell wants."""
    engines = {cell.engine.probe_key: HOST.engines[ENGINE.probe_key]}
    return planned(cell, replace(HOST, engines=engines))


def with_engine(**changes: Any) -> CellSpec:
    return replace(PAIR, engine=replace(ENGINE, **changes))


def test_canonical_json_is_one_text_for_equal_values() -> None:
    assert canonical({"b": (1, 2), "a": {"d": None, "c": "ä"}}) == canonical(
        {"a": {"c": "ä", "d": None}, "b": [1, 2]}
    )
    assert canonical({"b": 1, "a": [1.5, True]}) == '{"a":[1.5,true],"b":1}'


def test_a_digest_is_the_start_of_sha256() -> None:
    assert digest("abc") == "ba7816bf8f01cfea414140de5dae2223"  # FIPS 180-2, appendix B.1


def fixed_server(engine: dict[str, object]) -> ServerIdentity:
    return server_identity(
        model="41" * 32,
        context=131072,
        cache_k="q8_0",
        cache_v="q4_0",
        pairing=Pairing("pair", GPUS, (14.0, 10.0)),
        engine=engine,
        engine_sha256="e1" * 32,
        hardware_class="Some CPU x4, 16 GiB, no GPU",
    )


def test_a_server_is_the_hash_of_what_decides_it() -> None:
    server = fixed_server({"threads": 4, "flash_attn": "on", "args": []})
    assert server.config == (
        '{"cache":["q8_0","q4_0"],"context":131072,"devices":["RTX 3060","GTX 1050"],'
        '"engine":{"args":[],"flash_attn":"on","threads":4},"engine_sha256":"' + "e1" * 32 + '",'
        '"hardware_class":"Some CPU x4, 16 GiB, no GPU","model":"' + "41" * 32 + '",'
        '"tensor_split":[14.0,10.0]}'
    )
    assert server.server_id == hashlib.sha256(server.config.encode()).hexdigest()[:32]


def test_a_workload_is_its_configuration_and_method() -> None:
    assert workload_facts(SpeedConfig(prompt_sizes=[128, 512], n_predict=32)) == (
        '{"method_version":2,"n_predict":32,"name":"speed","prompt_sizes":[128,512],'
        '"repetitions":5,"seed":0}'
    )


def test_identities_stay_the_same_from_one_version_of_herd_to_the_next() -> None:
    """Whoever changes these values disowns every cell that anybody has measured.

    So does a new field of SpeedConfig, and one of EngineConfig whose default is not None.
    """
    server = fixed_server(engine_facts(EngineConfig(threads=4, threads_batch=4)))
    assert server.server_id == "ca5cd221567c976d5a43f07ffaeeaf74"
    assert (
        cell_identity(server.server_id, workload_facts(SpeedConfig()))
        == "e76c29180be9511d30f66d96e0e36b99"
    )


SAME: dict[str, Callable[[], Planned]] = {
    "the host's name": lambda: planned(PAIR, view("beta", engine=build(*GPUS))),
    "what the host was seen with": lambda: planned(
        PAIR, view(engine=build(*GPUS), kernel="Linux 7.0", python="3.14.0", driver="580.1")
    ),
    "the file's folder": lambda: planned(PAIR, view(engine=build(*GPUS), folder="/elsewhere")),
    "the build's path and text": lambda: planned(
        PAIR, view(engine=build(*GPUS, path="/elsewhere/llama-server", text="build 0, commit x"))
    ),
    "the device's name": lambda: planned(
        PAIR, view(engine=build(*(replace(d, name=f"Vulkan{i}") for i, d in enumerate(GPUS))))
    ),
    "free memory": lambda: planned(
        PAIR, view(engine=build(*(replace(d, free_mib=1) for d in GPUS)))
    ),
    "the engine's name and date": lambda: planned(
        with_engine(name="other", build_date="2026-01-01"), HOST
    ),
    "time limits": lambda: planned(
        with_engine(start_timeout_s=1.0, stop_timeout_s=1.0, request_timeout_s=1.0), HOST
    ),
    "auto threads as resolved": lambda: planned(with_engine(threads=4, threads_batch=4), HOST),
    "how the sweep is planned": lambda: planned(
        replace(PAIR, other_axes=(("plan.max_attempts", 3),), max_attempts=3, prune=False), HOST
    ),
    "the model's name in the catalogue": lambda: planned(
        replace(PAIR, model=ModelConfig(name="alias")),
        replace(HOST, models={("alias", "Q4_1", None): HOST.models["tiny", "Q4_1", None]}),
    ),
}


@pytest.mark.parametrize("what", SAME)
def test_what_decides_no_result_is_not_in_the_identity(what: str) -> None:
    after = SAME[what]()
    assert (after.cell_id, after.server) == (BEFORE.cell_id, BEFORE.server)


def test_the_order_of_a_dictionary_is_not_in_the_identity() -> None:
    one = on_its_host(with_engine(env={"A": "1", "B": "2"}))
    other = on_its_host(with_engine(env={"B": "2", "A": "1"}))
    assert one.server == other.server


DIFFERENT: dict[str, Callable[[], Planned]] = {
    "context": lambda: planned(replace(PAIR, context=8192), HOST),
    "cache of K": lambda: planned(replace(PAIR, cache_k="q8_0"), HOST),
    "cache of V": lambda: planned(replace(PAIR, cache_v="q8_0"), HOST),
    "file": lambda: planned(replace(PAIR, quant="Q8_0"), HOST),
    "file's content": lambda: planned(PAIR, view(engine=build(*GPUS), sha256={"Q4_1": "0" * 64})),
    "file that is nowhere": lambda: planned(PAIR, view(engine=build(*GPUS), sha256={})),
    "build": lambda: planned(PAIR, view(engine=build(*GPUS, sha256="e2" * 32))),
    "missing build": lambda: planned(PAIR, view(engine=None)),
    "hardware class": lambda: planned(PAIR, view(engine=build(*GPUS), hardware_class="other")),
    "split": lambda: planned(replace(PAIR, split=(10.0, 14.0)), HOST),
    "order of the devices": lambda: planned(PAIR, view(engine=build(*GPUS[::-1]))),
    "number of devices": lambda: planned(replace(PAIR, pairing="RTX 3060", split=None), HOST),
    "no devices": lambda: planned(replace(PAIR, pairing="cpu"), HOST),
}


@pytest.mark.parametrize("what", DIFFERENT)
def test_what_decides_the_result_is_in_the_identity(what: str) -> None:
    after = DIFFERENT[what]()
    assert after.server.server_id != BEFORE.server.server_id
    assert after.cell_id != BEFORE.cell_id
    assert after.workload == BEFORE.workload


CHANGED_FLAGS: dict[str, object] = {
    "parallel": 2,
    "kv_unified": True,
    "fit": "on",
    "n_gpu_layers": "10",
    "flash_attn": "off",
    "batch_size": 1024,
    "ubatch_size": 256,
    "threads": 3,
    "threads_batch": 3,
    "poll": 0,
    "prio": 1,
    "split_mode": "row",
    "main_gpu": 1,
    "n_cpu_moe": 4,
    "override_tensor": "exps=CPU",
    "kv_offload": False,
    "op_offload": False,
    "repack": False,
    "load_mode": "dio",
    "swa_full": True,
    "cache_ram": 1024,
    "cache_prompt": False,
    "cache_reuse": 256,
    "ctx_checkpoints": 8,
    "checkpoint_min_step": 64,
    "context_shift": True,
    "cont_batching": False,
    "slot_prompt_similarity": 0.5,
    "warmup": False,
    "jinja": False,
    "sleep_idle_seconds": 60,
    "args": ["--mlock"],
    "env": {"GGML_X": "1"},
    "address_space_gib": 4.0,
}


def test_every_field_of_the_engine_is_judged_here() -> None:
    assert {f.name for f in fields(EngineConfig)} == {*CHANGED_FLAGS, *EngineConfig.NOT_IDENTITY}


@pytest.mark.parametrize("flag", CHANGED_FLAGS)
def test_every_flag_of_the_engine_decides_the_server(flag: str) -> None:
    after = on_its_host(with_engine(**{flag: CHANGED_FLAGS[flag]}))
    assert after.server.server_id != BEFORE.server.server_id


def test_leaving_a_flag_out_is_another_server() -> None:
    after = planned(with_engine(flash_attn=None), HOST)
    assert after.server.server_id != BEFORE.server.server_id


@pytest.mark.parametrize(
    "workload",
    [
        SpeedConfig(prompt_sizes=[128]),
        SpeedConfig(n_predict=64),
        SpeedConfig(repetitions=3),
        SpeedConfig(seed=1),
        SpeedConfig(name="other"),
    ],
)
def test_another_workload_is_another_cell_of_the_same_server(workload: SpeedConfig) -> None:
    after = planned(replace(PAIR, workload=workload), HOST)
    assert after.server == BEFORE.server
    assert after.cell_id != BEFORE.cell_id


def test_another_method_is_another_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    before = workload_facts(SpeedConfig())
    monkeypatch.setattr(SpeedConfig, "METHOD_VERSION", SpeedConfig.METHOD_VERSION + 1)
    after = workload_facts(SpeedConfig())
    assert cell_identity("s1", after) != cell_identity("s1", before)


def test_a_pattern_that_finds_no_device_is_not_the_cpu() -> None:
    """Else a pruned cell would take the place of the CPU's, or be taken for it."""
    cpu_only = view(engine=build())
    patterns = ("cpu", "single", "pair", "all")
    cells = [planned(spec(pairing=pattern), cpu_only) for pattern in patterns]
    assert len({cell.cell_id for cell in cells}) == len(patterns)
    splits = [planned(spec(pairing="pair", split=s), cpu_only) for s in ((1.0, 2.0), (2.0, 1.0))]
    assert splits[0].cell_id != splits[1].cell_id


def test_the_binarys_path_is_no_identity() -> None:
    moved = replace(
        HOST, engines={with_engine(binary="/mine").engine.probe_key: HOST.engines[ENGINE.probe_key]}
    )
    assert planned(with_engine(binary="/mine"), moved).server == BEFORE.server
