from collections.abc import Callable
from pathlib import Path

import pytest
from gguf import GGUFWriter

from tests.tiny_models import KINDS, write_tiny
from warehouse.errors import ModelError
from workers.models.header import parse_header, read_header
from workers.models.layers import EXACT_ARCHITECTURES, Layer, LayerKind, layers_of
from workers.models.metadata import MOST_LAYERS

FULL = Layer(LayerKind.FULL, kv_heads=2, key_length=32, value_length=32)
CONV = Layer(LayerKind.RECURRENT, conv_state=128 * 8)
DELTA = Layer(LayerKind.RECURRENT, conv_state=3 * 512, ssm_state=64 * 256)
WINDOW = Layer(LayerKind.SLIDING, kv_heads=2, key_length=64, value_length=64, window=512)
WIDE = Layer(LayerKind.FULL, kv_heads=2, key_length=64, value_length=64)
LATENT = Layer(LayerKind.MLA, kv_heads=1, key_length=96)

EXPECTED = {
    **dict.fromkeys(("llama", "qwen2", "qwen2moe", "qwen3", "qwen3moe"), (FULL,) * 6),
    "gemma3": (*(WINDOW,) * 5, WIDE),
    "qwen3next": (DELTA, DELTA, FULL, DELTA, DELTA, FULL),
    "lfm2": (CONV, CONV, FULL, CONV, Layer(LayerKind.FULL, 4, 32, 32), CONV),
    "mamba2": (DELTA,) * 6,
    "deepseek2": (LATENT,) * 6,
    "deepseek2-before-mla": (Layer(LayerKind.FULL, 4, 96, 64),) * 6,
}


def header_of(folder: Path, architecture: str, add: Callable[[GGUFWriter, str], None]) -> Path:
    """A header of 4 layers, 4 heads and width 128, without tensors."""
    path = folder / "m.gguf"
    writer = GGUFWriter(path, architecture)
    writer.add_embedding_length(128)
    add(writer, architecture)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    path.write_bytes(path.read_bytes() + bytes(32))
    return path


def layers(
    folder: Path, architecture: str, add: Callable[[GGUFWriter, str], None]
) -> tuple[Layer, ...]:
    return layers_of(read_header(header_of(folder, architecture, add)))[0]


def four(writer: GGUFWriter, architecture: str) -> None:
    writer.add_block_count(4)
    writer.add_head_count(4)


def test_every_exact_architecture_is_tested() -> None:
    assert {kind.architecture for kind in KINDS.values()} == EXACT_ARCHITECTURES
    assert set(EXPECTED) == set(KINDS)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_what_each_architecture_remembers(name: str, tmp_path: Path) -> None:
    header = read_header(write_tiny(tmp_path / "m.gguf", name))
    assert layers_of(header) == (EXPECTED[name], 6)


def test_heads_default_to_the_embedding_over_them_and_kv_heads_to_heads(tmp_path: Path) -> None:
    assert layers(tmp_path, "llama", four) == (Layer(LayerKind.FULL, 4, 32, 32),) * 4


@pytest.mark.parametrize(
    ("pattern", "sliding"),
    [(None, "1111"), (2, "1010"), (0, "1111"), ([True, False, False, True], "1001"), (1, "0000")],
)
def test_patterns_of_a_sliding_window(
    tmp_path: Path, pattern: int | list[bool] | None, sliding: str
) -> None:
    def add(writer: GGUFWriter, architecture: str) -> None:
        four(writer, architecture)
        writer.add_sliding_window(1024)
        writer.add_uint32(f"{architecture}.attention.key_length_swa", 16)
        if isinstance(pattern, list):
            writer.add_sliding_window_pattern(pattern)
        elif pattern is not None:
            writer.add_uint32(f"{architecture}.attention.sliding_window_pattern", pattern)

    found = layers(tmp_path, "gemma3", add)
    kinds = "".join("1" if layer.kind is LayerKind.SLIDING else "0" for layer in found)
    assert kinds == sliding
    assert {layer.key_length for layer in found if layer.window} <= {16}
    assert {layer.key_length for layer in found if not layer.window} <= {32}


def test_gemma3_without_a_window_is_full_attention(tmp_path: Path) -> None:
    assert {layer.kind for layer in layers(tmp_path, "gemma3", four)} == {LayerKind.FULL}


def qwen3next(writer: GGUFWriter, architecture: str) -> None:
    four(writer, architecture)
    writer.add_ssm_inner_size(64)
    writer.add_ssm_state_size(16)


def test_recurrent_layers_by_default_by_list_and_draft_layers(tmp_path: Path) -> None:
    def kinds(add: Callable[[GGUFWriter, str], None]) -> list[LayerKind]:
        return [layer.kind for layer in layers(tmp_path, "qwen3next", add)]

    def named(writer: GGUFWriter, architecture: str) -> None:
        qwen3next(writer, architecture)
        writer.add_array(f"{architecture}.attention.recurrent_layers", [0, 1, 1, 0])

    def with_draft(writer: GGUFWriter, architecture: str) -> None:
        qwen3next(writer, architecture)
        writer.add_nextn_predict_layers(1)

    recurrent, full, none = LayerKind.RECURRENT, LayerKind.FULL, LayerKind.NONE
    assert kinds(qwen3next) == [recurrent] * 3 + [full]
    assert kinds(named) == [full, recurrent, recurrent, full]
    assert kinds(with_draft) == [recurrent] * 3 + [none]


def test_an_unknown_architecture_keeps_all_that_its_header_allows(tmp_path: Path) -> None:
    def add(writer: GGUFWriter, architecture: str) -> None:
        qwen3next(writer, architecture)
        writer.add_sliding_window(128)
        writer.add_head_count_kv([0, 2, 2, 2])

    first, *others = layers(tmp_path, "novel", add)
    assert first == Layer(LayerKind.RECURRENT, 0, 32, 32, ssm_state=16 * 64)
    assert others == [Layer(LayerKind.FULL, 2, 32, 32, ssm_state=16 * 64)] * 3


def test_the_state_of_rwkv_is_a_head_of_each_element(tmp_path: Path) -> None:
    def add(writer: GGUFWriter, architecture: str) -> None:
        writer.add_block_count(1)
        writer.add_wkv_head_size(64)

    (layer,) = layers(tmp_path, "rwkv7", add)
    assert (layer.conv_state, layer.ssm_state) == (2 * 128, 128 * 64)


def heads(count: int | list[int]) -> Callable[[GGUFWriter, str], None]:
    def add(writer: GGUFWriter, architecture: str) -> None:
        writer.add_block_count(4)
        writer.add_head_count(count)

    return add


def with_number(key: str, value: int) -> Callable[[GGUFWriter, str], None]:
    def add(writer: GGUFWriter, architecture: str) -> None:
        qwen3next(writer, architecture)
        writer.add_uint64(f"{architecture}.{key}", value)

    return add


def blocks(count: int) -> Callable[[GGUFWriter, str], None]:
    def add(writer: GGUFWriter, architecture: str) -> None:
        writer.add_block_count(count)
        writer.add_head_count(4)

    return add


ABSURD = {
    "zero heads": ("llama", heads(0), "no KV heads in layer 0"),
    "a layer without heads": ("llama", heads([4, 4, 0, 4]), "no KV heads in layer 2"),
    "heads of other layers": ("llama", heads([4, 4]), "2 values for 4 layers"),
    "no layers": ("llama", blocks(0), "has 0 layers"),
    "too many layers": ("llama", blocks(MOST_LAYERS + 1), "has 513 layers"),
    "a context of 2^40": ("qwen3next", with_number("context_length", 2**40), "absurd value"),
    "only draft layers": ("qwen3next", with_number("nextn_predict_layers", 4), "4 draft layers"),
    "no interval": ("qwen3next", with_number("full_attention_interval", 0), "interval of 0"),
    "no state": ("qwen3next", four, "not the size of their state"),
    "nothing remembered": ("novel", heads(0), "no layer with KV heads"),
}


@pytest.mark.parametrize(("architecture", "add", "complaint"), ABSURD.values(), ids=list(ABSURD))
def test_what_cannot_be_is_an_error_of_one_line(
    tmp_path: Path,
    architecture: str,
    add: Callable[[GGUFWriter, str], None],
    complaint: str,
) -> None:
    path = header_of(tmp_path, architecture, add)
    with path.open("rb") as stream, pytest.raises(ModelError, match=complaint) as caught:
        layers_of(parse_header(stream, path.stat().st_size))
    assert "\n" not in str(caught.value)
