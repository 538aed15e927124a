from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.memory.kv import BYTES_PER_BLOCK, kv_bytes, recurrent_bytes, row_bytes
from orchestrator.memory.server import HOST, ServerShape
from tests.tiny_models import write_tiny
from warehouse.errors import ConfigError
from workers.models.header import read_header
from workers.models.layers import Layer, LayerKind
from workers.models.shape import ModelShape, model_shape


@pytest.fixture(scope="module")
def lfm2(tmp_path_factory: pytest.TempPathFactory) -> ModelShape:
    """6 layers: KV heads 0, 0, 2, 0, 4, 0 of 32; the others keep 128 x 8 elements of state."""
    path = tmp_path_factory.mktemp("model") / "m.gguf"
    return model_shape(read_header(write_tiny(path, "lfm2")))


def of_layer(shape: ModelShape, layer: Layer) -> ModelShape:
    return replace(shape, layers=(layer,))


FULL = Layer(LayerKind.FULL, kv_heads=1, key_length=32, value_length=32)
SLIDING = replace(FULL, kind=LayerKind.SLIDING, window=512)
MLA = replace(FULL, kind=LayerKind.MLA, value_length=0)


def cells(shape: ModelShape, layer: Layer, server: ServerShape) -> int:
    """Each cell of FULL and SLIDING is 128 bytes of f16."""
    return sum(kv_bytes(of_layer(shape, layer), server).values()) // 128


@pytest.mark.parametrize(
    ("cache", "size"),
    [
        *(("f32", 1024), ("f16", 512), ("bf16", 512), ("q8_0", 272), ("q5_1", 192)),
        *(("q5_0", 176), ("q4_1", 160), ("q4_0", 144), ("iq4_nl", 144)),
    ],
)
def test_bytes_of_256_elements(cache: str, size: int) -> None:
    assert row_bytes(cache, 256) == size


def test_an_unknown_cache_type_is_named() -> None:
    with pytest.raises(ConfigError, match="unknown KV cache type 'q9_0', there are: f32, f16"):
        row_bytes("q9_0", 32)


@pytest.mark.parametrize(
    ("context", "parallel", "unified", "expected"),
    [
        (1000, 1, False, 1024),
        (8192, 4, False, 8192),
        (1024, 3, False, 3 * 512),
        (1024, 3, True, 1024),
        (3000, 4, False, 4 * 768),
    ],
)
def test_the_context_is_padded_and_divided_over_the_slots(
    lfm2: ModelShape, context: int, parallel: int, unified: bool, expected: int
) -> None:
    server = ServerShape(context, parallel=parallel, kv_unified=unified)
    assert cells(lfm2, FULL, server) == expected


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        (ServerShape(131072), 1024),
        (ServerShape(131072, ubatch=2048), 2560),
        (ServerShape(131072, ubatch=2048, batch=256), 768),
        (ServerShape(768), 768),
        (ServerShape(131072, parallel=4), 4 * 1024),
        (ServerShape(131072, parallel=4, kv_unified=True), 2560),
        (ServerShape(131072, swa_full=True), 131072),
    ],
)
def test_a_window_keeps_itself_and_one_ubatch(
    lfm2: ModelShape, server: ServerShape, expected: int
) -> None:
    assert cells(lfm2, SLIDING, server) == expected


def test_latent_attention_keeps_no_v(lfm2: ModelShape) -> None:
    server = ServerShape(1024, "q8_0", "q8_0")
    assert kv_bytes(of_layer(lfm2, MLA), server) == {HOST: 1024 * 34}


def test_without_flash_attention_v_is_as_wide_as_the_widest(lfm2: ModelShape) -> None:
    with_it = kv_bytes(lfm2, ServerShape(1024))
    without = kv_bytes(lfm2, ServerShape(1024, flash_attn=False))
    assert without[HOST] - with_it[HOST] == 1024 * 2 * 32 * 2


def test_state_is_one_for_each_slot_whatever_the_context(lfm2: ModelShape) -> None:
    one = recurrent_bytes(lfm2, ServerShape(1024))
    four = recurrent_bytes(lfm2, ServerShape(65536, "q4_0", "q4_0", parallel=4))
    assert one == {HOST: 4 * 128 * 8 * 4}
    assert four == {HOST: 4 * one[HOST]}


def test_layers_take_their_caches_with_them(lfm2: ModelShape) -> None:
    server = ServerShape(1024, devices=("CUDA0", "CUDA1"), split=(1, 1))
    # layers 0 to 3 lie on the first: 7 places with the output layer, halved
    assert kv_bytes(lfm2, server) == {"CUDA0": 1024 * 2 * 64 * 2, "CUDA1": 1024 * 2 * 128 * 2}
    assert recurrent_bytes(lfm2, server) == {"CUDA0": 3 * 4096, "CUDA1": 4096}
    on_host = replace(server, kv_offload=False)
    assert list(kv_bytes(lfm2, on_host)) == list(recurrent_bytes(lfm2, on_host)) == [HOST]


@given(
    context=st.integers(1, 2**20),
    more=st.integers(0, 2**20),
    k=st.sampled_from(sorted(BYTES_PER_BLOCK)),
    parallel=st.integers(1, 8),
    unified=st.booleans(),
)
def test_more_context_never_takes_less(
    lfm2: ModelShape, context: int, more: int, k: str, parallel: int, unified: bool
) -> None:
    for layer in (FULL, SLIDING, MLA):
        small, large = (
            sum(
                kv_bytes(
                    of_layer(lfm2, layer),
                    ServerShape(tokens, k, k, parallel=parallel, kv_unified=unified),
                ).values()
            )
            for tokens in (context, context + more)
        )
        assert 0 < small <= large
