"""Predicted memory against the log of the real llama-server, on models of random weights."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.memory.kv import BYTES_PER_BLOCK, kv_bytes, recurrent_bytes
from orchestrator.memory.predict import predict
from orchestrator.memory.server import ServerShape, server_shape
from tests.servers import Servers
from tests.tiny_models import KINDS, write_tiny
from workers.engine.config import EngineConfig
from workers.engine.flags import CACHE_TYPES
from workers.engine.log import memory_by_device
from workers.models.header import read_header
from workers.models.layers import LayerKind
from workers.models.shape import ModelShape, model_shape

CONTEXT = 3000
"""Padded to 3,072 cells; four slots of their own get 768; more than a window and an ubatch."""
SLOTS: tuple[dict[str, Any], ...] = (
    {"parallel": 1},
    {"parallel": 4},
    {"parallel": 4, "kv_unified": True},
)
MIB = 2**20


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("tiny")
    return {name: write_tiny(folder / f"{name}.gguf", name) for name in KINDS}


def measured(
    servers: Servers, engine: EngineConfig, model: Path, **settings: Any
) -> dict[str, float]:
    """MiB by part, of all buffers in the host's memory together."""
    server = servers.make(engine, model, **settings)
    server.start()
    server.stop()
    total: dict[str, int] = {}
    for part in memory_by_device(server.log_lines()):
        total[part.part] = total.get(part.part, 0) + round(part.mib * 100)
    return {part: hundredths / 100 for part, hundredths in total.items()}


def printed_kv(shape: ModelShape, server: ServerShape) -> float:
    """As the log prints it: a line for the whole context's cache, one for the windows'."""
    total = 0
    for is_sliding in (False, True):
        caches = [
            layer if (layer.kind is LayerKind.SLIDING) == is_sliding else replace(layer, kv_heads=0)
            for layer in shape.layers
        ]
        size = sum(kv_bytes(replace(shape, layers=tuple(caches)), server).values())
        total += round(size / MIB * 100)
    return total / 100


def check(servers: Servers, engine: EngineConfig, model: Path, k: str, v: str) -> None:
    shape = model_shape(read_header(model))
    server = server_shape(engine, context=CONTEXT, cache_k=k, cache_v=v, devices=(), split=())
    log = measured(servers, engine, model, context=CONTEXT, cache_k=k, cache_v=v)
    assert log.get("kv", 0) == printed_kv(shape, server)
    state = sum(recurrent_bytes(shape, server).values()) / MIB
    assert log.get("recurrent", 0) == round(state, 2)
    predicted = {part.part: part for part in predict(shape, server).parts}
    assert log["model"] == pytest.approx(predicted["weights"].mib, abs=0.006)
    assert log["compute"] < predicted["compute"].mib


def test_every_cache_type_of_the_server_is_known() -> None:
    assert set(BYTES_PER_BLOCK) == set(CACHE_TYPES)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_kv_and_recurrent_state_equal_the_log(
    name: str, models: dict[str, Path], servers: Servers, real_engine: EngineConfig
) -> None:
    """Every type as K and as V, with one slot, four of their own and four that share a cache."""
    # MLA keeps no V, and llama-server wants its type to be that of K
    is_latent = name == "deepseek2"
    for number, k in enumerate(CACHE_TYPES):
        v = k if is_latent else CACHE_TYPES[(number + 1) % len(CACHE_TYPES)]
        for slots in SLOTS:
            check(servers, replace(real_engine, **slots), models[name], k, v)


@pytest.mark.parametrize("slots", SLOTS)
def test_one_context_for_all_windows(
    slots: dict[str, Any], models: dict[str, Path], servers: Servers, real_engine: EngineConfig
) -> None:
    engine = replace(real_engine, swa_full=True, **slots)
    check(servers, engine, models["gemma3"], "q8_0", "f16")


@pytest.mark.parametrize("name", ["lfm2", "gemma3", "deepseek2"])
def test_without_flash_attention(
    name: str, models: dict[str, Path], servers: Servers, real_engine: EngineConfig
) -> None:
    """V lies transposed, as wide as the widest layer's: lfm2 has layers of two widths."""
    check(servers, replace(real_engine, flash_attn="off"), models[name], "f16", "f16")


def test_a_split_model_is_one(tmp_path: Path, servers: Servers, real_engine: EngineConfig) -> None:
    """llama.cpp maps a stretch of each file."""
    check(servers, real_engine, write_tiny(tmp_path / "lfm2", "lfm2", parts=3), "f16", "f16")
