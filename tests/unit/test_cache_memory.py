"""Caches against logs of real GPUs, against the first record's table, and by hand."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from warehouse.errors import ModelError
from workers.models.cache_memory import (
    CacheConfig,
    kib_per_token,
    kv_bytes,
    layer_kv_bytes,
    state_bytes,
)
from workers.models.container import Container, Scalar
from workers.models.header import GgufHeader
from workers.models.shape import FULL, LATENT, RECURRENT, WINDOW, kinds, shape_of

MIB = 2**20
GPU_TABLE = Path(__file__).parents[1] / "fixtures" / "gpu" / "h100x2-memory.csv"


def header(
    architecture: str,
    *,
    kv_heads: int | tuple[int, ...] | None = None,
    length: int | None = None,
    **values: Scalar,
) -> GgufHeader:
    """A header as `parse_header` makes it, of these values."""
    named = {f"{architecture}.{k.replace('__', '.')}": v for k, v in values.items()}
    return GgufHeader(
        file_size_bytes=0,
        container=Container(3, named, {}, (), 0),
        architecture=architecture,
        name=None,
        size_label=None,
        file_type=None,
        layers=None,
        context_length=None,
        embedding_length=None,
        heads=None,
        kv_heads=kv_heads,
        key_length=length,
        value_length=length,
        experts=None,
        experts_active=None,
        vocab_size=None,
    )


SEED = header(
    "qwen3next", kv_heads=2, length=256, block_count=48, full_attention_interval=4,
    ssm__conv_kernel=4, ssm__inner_size=4096, ssm__state_size=128, ssm__group_count=16,
)  # fmt: skip
GEMMA = header("gemma3", kv_heads=1, length=256, block_count=18, attention__sliding_window=512)


@pytest.mark.parametrize(
    ("cache", "kib"),
    [("f16/f16", 24), ("q8_0/q8_0", 12.75), ("q8_0/q4_0", 9.75), ("q4_0/q4_0", 6.75)],
)
def test_the_first_records_kib_per_token_unrounded(cache: str, kib: float) -> None:
    assert kib_per_token(shape_of(SEED), *cache.split("/")) == kib


def test_every_kv_cache_and_state_of_the_gpu_table() -> None:
    """By device in the log, so the sum over devices; states of 36 layers, once for each slot."""
    shape = shape_of(SEED)
    assert kinds(shape) == [(FULL, 12), (RECURRENT, 36)]
    measured: dict[tuple[str, ...], dict[str, float]] = {}
    with GPU_TABLE.open() as file:
        for row in csv.DictReader(file):
            if row["source"] == "log" and row["part"].lower() in ("kv", "rs"):
                key = tuple(row[k] for k in ("gpus", "context", "cache_k", "cache_v",
                            "tensor_split", "n_cpu_moe", "ubatch", "parallel"))  # fmt: skip
                parts = measured.setdefault(key, {"kv": 0.0, "rs": 0.0, "devices": 0})
                parts[row["part"].lower()] += float(row["mib"])
                parts["devices"] += 1
    assert len(measured) >= 28
    for (_, context, k, v, _, _, ubatch, parallel), parts in measured.items():
        config = CacheConfig(int(context), k, v, int(parallel), ubatch_size=int(ubatch))
        printed = 0.005 * parts["devices"]
        assert kv_bytes(shape, config) / MIB == pytest.approx(parts["kv"], abs=printed)
        assert state_bytes(shape, int(parallel)) / MIB == pytest.approx(parts["rs"], abs=printed)


def test_a_sliding_window_keeps_its_window_and_a_micro_batch() -> None:
    """gemma3-270m at 8192 in q8_0/q4_0: 9.75 MiB for 3 layers, 6.09 MiB for 15, by its log."""
    shape = shape_of(GEMMA)
    assert kinds(shape) == [(FULL, 3), (WINDOW, 15)]
    config = CacheConfig(8192, "q8_0", "q4_0")
    full, window = shape.layers[5], shape.layers[0]
    assert 3 * layer_kv_bytes(full, shape.window, config) / MIB == pytest.approx(9.75)
    assert 15 * layer_kv_bytes(window, shape.window, config) / MIB == pytest.approx(6.09, abs=0.005)
    whole = replace(config, swa_full=True)
    assert kv_bytes(shape, whole) / MIB == pytest.approx(9.75 * 6)


def test_latent_attention_keeps_k_alone() -> None:
    """576 elements a token and layer, as in DeepSeek V3."""
    v3 = header(
        "deepseek2", kv_heads=1, length=576, block_count=61, attention__key_length_mla=192,
        attention__kv_lora_rank=512, rope__dimension_count=64,
    )  # fmt: skip
    assert kinds(shape_of(v3)) == [(LATENT, 61)]
    assert kv_bytes(shape_of(v3), CacheConfig(1024, "f16", "f16")) == 61 * 576 * 2 * 1024


def test_a_layer_of_lfm2_without_kv_heads_is_a_convolution() -> None:
    small = header(
        "lfm2", kv_heads=(0, 8, 0), length=64, block_count=3, embedding_length=1024,
        shortconv__l_cache=3,
    )  # fmt: skip
    shape = shape_of(small)
    assert kinds(shape) == [(FULL, 1), (RECURRENT, 2)]
    assert state_bytes(shape) == 2 * 1024 * 2 * 4
    assert state_bytes(shape, 4) == 4 * state_bytes(shape)


def test_the_context_is_padded_and_divided_over_slots() -> None:
    dense = shape_of(header("llama", kv_heads=1, length=1, block_count=1))

    def cells(context: int, parallel: int = 1, *, unified: bool = False) -> int:
        config = CacheConfig(context, "f32", "f32", parallel, unified)
        return kv_bytes(dense, config) // 8

    assert cells(1000) == 1024
    assert cells(8192, 4) == 8192
    assert cells(1024, 3) == 3 * 512
    assert cells(1024, 3, unified=True) == 1024


def test_an_unknown_architecture_is_taken_for_the_most_that_it_can_be() -> None:
    unknown = shape_of(header("zzz9", kv_heads=4, length=64, block_count=2))
    assert not unknown.exact
    assert shape_of(header("qwen2", kv_heads=4, length=64, block_count=2)).exact
    assert kinds(unknown) == [(FULL, 2)]


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        (header("llama", kv_heads=1, length=64), "lacks llama.block_count"),
        (header("llama", kv_heads=1, length=64, block_count=0), "has 0 layers"),
        (header("llama", kv_heads=1, length=64, block_count=10**9), "has 1000000000 layers"),
        (header("llama", kv_heads=(1,), length=64, block_count=2), "layer 1 has none"),
        (header("llama", length=64, block_count=2), "names no KV heads"),
        (header("llama", kv_heads=1, block_count=2), "names no length"),
        (header("mamba2", block_count=2), "lacks mamba2.ssm.conv_kernel"),
    ],
)
def test_a_header_that_lacks_what_it_needs_is_one_error(broken: GgufHeader, complaint: str) -> None:
    with pytest.raises(ModelError, match=complaint):
        shape_of(broken)
