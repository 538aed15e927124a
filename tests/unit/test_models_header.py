import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import gguf
import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFWriter

from tests import gpu_table
from tests.tiny_models import write_tiny
from warehouse.errors import ModelError
from workers.models.header import quant_name, quant_of_file, read_header

Q4_K_M = 15
Q8_0 = GGMLQuantizationType.Q8_0


def write_model(path: Path, add: Callable[[GGUFWriter], object] = lambda writer: None) -> Path:
    """A model of the architecture llama with 2 layers, written by the gguf library."""
    writer = GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_size_label("1K")
    writer.add_block_count(2)
    writer.add_context_length(128)
    writer.add_embedding_length(64)
    writer.add_head_count(4)
    writer.add_token_list([f"t{index}" for index in range(5000)])
    add(writer)
    weights = np.ones((8, 64), dtype=np.float32)
    writer.add_tensor("a.weight", gguf.quants.quantize(weights, Q8_0), raw_dtype=Q8_0)
    writer.add_tensor("b.weight", np.ones(64, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def file_type(number: int) -> Callable[[GGUFWriter], object]:
    return lambda writer: writer.add_file_type(number)


def test_facts_of_a_complete_file(tmp_path: Path) -> None:
    def add(writer: GGUFWriter) -> None:
        writer.add_file_type(Q4_K_M)
        writer.add_head_count_kv(2)

    path = write_model(tmp_path / "m.gguf", add)
    header = read_header(path)
    assert header.facts() == json.loads(header.facts_json())
    assert header.facts() == {
        "architecture": "llama",
        "name": "tiny",
        "size_label": "1K",
        "quant": "Q4_K_M",
        "layers": 2,
        "context_length": 128,
        "embedding_length": 64,
        "heads": 4,
        "kv_heads": 2,
        "key_length": 16,
        "value_length": 16,
        "experts": None,
        "experts_active": None,
        "vocab_size": 5000,
        "parameters": 8 * 64 + 64,
        "tensor_count": 2,
        "bytes_by_type": {"Q8_0": 8 * 2 * 34, "F32": 256},
        "file_size_bytes": path.stat().st_size,
        "missing_bytes": 0,
    }


def test_kv_heads_by_layer_are_kept(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.gguf", lambda writer: writer.add_head_count_kv([0, 2]))
    assert read_header(path).kv_heads == (0, 2)


def test_kv_heads_are_the_heads_where_the_header_is_silent(tmp_path: Path) -> None:
    assert read_header(write_model(tmp_path / "m.gguf")).kv_heads == 4


@pytest.mark.parametrize("lost", [1, 200, 256])
def test_a_cut_file_tells_how_much_is_missing(tmp_path: Path, lost: int) -> None:
    path = write_model(tmp_path / "m.gguf")
    os.truncate(path, path.stat().st_size - lost)
    assert read_header(path).missing_bytes == lost


def test_quant_is_the_file_type_else_the_type_with_most_bytes(tmp_path: Path) -> None:
    assert quant_of_file(write_model(tmp_path / "a.gguf", file_type(27))) == "IQ3_M"
    assert quant_of_file(write_model(tmp_path / "b.gguf")) == "Q8_0"
    assert quant_of_file(write_model(tmp_path / "c.gguf", file_type(999))) == "Q8_0"
    assert quant_of_file(tmp_path / "nowhere.gguf") == "unknown"


@pytest.mark.parametrize(
    ("number", "name"),
    [(0, "F32"), (1, "F16"), (15, "Q4_K_M"), (1024 + 30, "IQ4_XS"), (5, None)],
)
def test_names_of_file_types(number: int, name: str | None) -> None:
    assert quant_name(number) == name


def test_values_that_cannot_be_are_named(tmp_path: Path) -> None:
    key = "llama.expert_count"
    path = write_model(tmp_path / "m.gguf", lambda writer: writer.add_uint64(key, 2**63))
    with pytest.raises(ModelError, match=r"m\.gguf has an absurd value in 'llama\.expert_count'"):
        read_header(path)
    path = write_model(tmp_path / "m.gguf", lambda writer: writer.add_string(key, "many"))
    with pytest.raises(ModelError, match=r"absurd value in 'llama\.expert_count': many"):
        read_header(path)


def test_what_is_no_model_file_is_an_error_of_one_line(tmp_path: Path) -> None:
    other = tmp_path / "other.gguf"
    other.write_text("GGUG and other text that is no model")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path, complaint in (
        (tmp_path / "missing.gguf", "no such file"),
        (tmp_path, "is not a regular file"),
        (pipe, "is not a regular file"),
        (other, "is not a GGUF file"),
    ):
        with pytest.raises(ModelError, match=complaint) as caught:
            read_header(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_split_model_is_one(tmp_path: Path) -> None:
    one = read_header(write_tiny(tmp_path / "one.gguf", "llama"))
    first = write_tiny(tmp_path / "m", "llama", parts=3)
    header = read_header(first)
    assert len(header.parts) == 3
    assert header.parameters == one.parameters
    assert header.bytes_by_type == one.bytes_by_type
    assert header.file_size_bytes == sum(p.stat().st_size for p in tmp_path.glob("m-*.gguf"))
    third = tmp_path / "m-00003-of-00003.gguf"
    os.truncate(third, third.stat().st_size - 5)
    assert read_header(first).missing_bytes == 5


def test_parts_of_a_split_model_are_asked_for(tmp_path: Path) -> None:
    first = write_tiny(tmp_path / "m", "llama", parts=3)
    second = tmp_path / "m-00002-of-00003.gguf"
    with pytest.raises(ModelError, match=r"a part of 3: name its first, NAME-00001-of-00003"):
        read_header(second)
    second.unlink()
    with pytest.raises(ModelError, match=r"m-00002-of-00003\.gguf: no such file"):
        read_header(first)
    renamed = first.rename(tmp_path / "renamed.gguf")
    with pytest.raises(ModelError, match="name its first"):
        read_header(renamed)


def test_a_header_of_18_gb_is_read_at_once(tmp_path: Path) -> None:
    """Its weights are a hole in the file: only what lies before them is read."""
    path = gpu_table.write_model(tmp_path / "m.gguf")
    assert path.stat().st_size > 18e9
    began = time.monotonic()
    assert read_header(path).missing_bytes == 0
    assert time.monotonic() - began < 1
