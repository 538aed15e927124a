from dataclasses import replace
from typing import Any

import pytest

from orchestrator.memory.server import ServerShape, server_shape
from warehouse.errors import ConfigError
from workers.engine.config import EngineConfig

PAIR = ("CUDA0", "CUDA1")


def shape(engine: EngineConfig, **settings: Any) -> ServerShape:
    given: dict[str, Any] = {"context": 4096, "cache_k": "f16", "cache_v": "f16"}
    given |= {"devices": PAIR, "split": ()}
    return server_shape(engine, **given | settings)


def test_herd_s_engine_is_the_default_shape() -> None:
    assert shape(EngineConfig()) == ServerShape(4096, devices=PAIR)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"parallel": None, "kv_unified": None}, {"parallel": 4, "kv_unified": True}),
        ({"parallel": -1, "kv_unified": None}, {"parallel": 4, "kv_unified": True}),
        ({"parallel": 2, "kv_unified": None}, {"parallel": 2, "kv_unified": False}),
        ({"n_gpu_layers": "12"}, {"n_gpu_layers": 12}),
        ({"n_gpu_layers": "-1"}, {"n_gpu_layers": None}),
        ({"n_gpu_layers": None}, {"n_gpu_layers": None}),
        ({"flash_attn": "off"}, {"flash_attn": False}),
        ({"flash_attn": "auto"}, {"flash_attn": True}),
        ({"load_mode": "none"}, {"mmap": False}),
        ({"n_cpu_moe": 8}, {"n_cpu_moe": 8}),
        ({"kv_offload": False, "repack": False}, {"kv_offload": False, "repack": False}),
        (
            {"override_tensor": r"blk\.1\.=CPU,a=b=CUDA1"},
            {"overrides": ((r"blk\.1\.", "CPU"), ("a=b", "CUDA1"))},
        ),
    ],
)
def test_fields_that_decide_memory_are_taken_over(
    settings: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert shape(replace(EngineConfig(), **settings)) == ServerShape(4096, devices=PAIR, **expected)


def test_without_a_split_it_is_by_free_memory() -> None:
    free = {"CUDA0": 12000.0, "CUDA1": 2000.0, "Host": 64000.0}
    assert shape(EngineConfig(), free_mib=free).split == (12000.0, 2000.0)
    assert shape(EngineConfig(), free_mib={"CUDA0": 12000.0}).split == ()
    assert shape(EngineConfig(), free_mib=free, split=(14, 10)).split == (14, 10)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"override_tensor": "(=CPU"}, r"'\(' is no expression"),
        ({"override_tensor": "exps"}, "'exps' is not EXPRESSION=BUFFER"),
        ({"split_mode": "none", "main_gpu": 2}, "main_gpu is 2, but there are 2 devices"),
    ],
)
def test_values_that_cannot_be_are_named(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        shape(replace(EngineConfig(), **settings))
