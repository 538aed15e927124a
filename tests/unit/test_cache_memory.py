"""Caches against logs of real GPUs, against the first record's table, and by hand."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.memory.kv import bytes_per_token, kv_bytes, recurrent_bytes
from orchestrator.memory.server import ServerShape
from tests.tiny_models import write_tiny
from workers.models.header import parse_header, read_header
from workers.models.layers import LayerKind
from workers.models.shape import ModelShape, model_shape

MIB = 2**20
GPU_TABLE = Path(__file__).parents[1] / "fixtures" / "gpu" / "h100x2-memory.csv"
SERVER = ("gpus", "context", "cache_k", "cache_v", "tensor_split", "n_cpu_moe", "ubatch")


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> ModelShape:
    """The first record's model: 48 layers, every fourth with 2 KV heads of 256."""
    import gguf

    path = tmp_path_factory.mktemp("seed") / "seed.gguf"
    writer = gguf.GGUFWriter(path, "qwen3next")
    writer.add_block_count(48)
    writer.add_context_length(262_144)
    writer.add_embedding_length(2048)
    writer.add_head_count(16)
    writer.add_head_count_kv(2)
    writer.add_key_length(256)
    writer.add_value_length(256)
    writer.add_ssm_conv_kernel(4)
    writer.add_ssm_inner_size(4096)
    writer.add_ssm_state_size(128)
    writer.add_ssm_time_step_rank(32)
    writer.add_ssm_group_count(16)
    writer.add_uint32("qwen3next.full_attention_interval", 4)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    content = path.read_bytes() + bytes(32)  # the padding before tensors, of which there are none
    return model_shape(parse_header(io.BytesIO(content), len(content)))


@pytest.mark.parametrize(
    ("cache", "kib"),
    [("f16/f16", 24), ("q8_0/q8_0", 12.75), ("q8_0/q4_0", 9.75), ("q4_0/q4_0", 6.75)],
)
def test_the_first_records_kib_per_token_unrounded(
    seed: ModelShape, cache: str, kib: float
) -> None:
    assert bytes_per_token(seed, *cache.split("/")) / 1024 == kib


def measured() -> dict[tuple[str, ...], dict[str, float]]:
    """MiB of KV and recurrent state over all devices, and lines, by server configuration."""
    found: dict[tuple[str, ...], dict[str, float]] = {}
    with GPU_TABLE.open() as file:
        for row in csv.DictReader(file):
            part = row["part"].lower()
            if row["source"] == "log" and part in ("kv", "rs"):
                key = (*(row[column] for column in SERVER), row["parallel"])
                parts = found.setdefault(key, {"kv": 0.0, "rs": 0.0, "lines": 0})
                parts[part] += float(row["mib"])
                parts["lines"] += 1
    return found


def test_every_kv_cache_and_state_of_the_gpu_table(seed: ModelShape) -> None:
    assert sum(layer.kind is LayerKind.FULL for layer in seed.layers) == 12
    table = measured()
    assert len(table) >= 28
    for (_, context, k, v, _, _, ubatch, parallel), parts in table.items():
        server = ServerShape(int(context), k, v, parallel=int(parallel), ubatch=int(ubatch))
        printed = 0.005 * parts["lines"]
        kv, state = kv_bytes(seed, server), recurrent_bytes(seed, server)
        assert sum(kv.values()) / MIB == pytest.approx(parts["kv"], abs=printed)
        assert sum(state.values()) / MIB == pytest.approx(parts["rs"], abs=printed)


def test_the_context_is_padded_and_divided_over_slots(seed: ModelShape) -> None:
    per_cell = 24 * 1024

    def cells(context: int, parallel: int = 1, *, unified: bool = False) -> int:
        server = ServerShape(context, parallel=parallel, kv_unified=unified)
        return sum(kv_bytes(seed, server).values()) // per_cell

    assert cells(1000) == 1024
    assert cells(8192, 4) == 8192
    assert cells(1024, 3) == 3 * 512
    assert cells(1024, 3, unified=True) == 1024


def test_a_sliding_window_takes_nothing_more_from_some_context_on(tmp_path: Path) -> None:
    shape = model_shape(read_header(write_tiny(tmp_path / "tiny.gguf", "gemma3")))
    sliding = [layer for layer in shape.layers if layer.kind is LayerKind.SLIDING]
    assert sliding
    only = replace(shape, layers=tuple(sliding))
    small, large = (kv_bytes(only, ServerShape(context)) for context in (65_536, 131_072))
    assert small == large
    assert bytes_per_token(only, "f16", "f16") == 0
