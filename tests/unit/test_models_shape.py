import io
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import gpu_table
from tests.tiny_models import KINDS, write_tiny
from warehouse.errors import ModelError
from workers.models.header import parse_header, read_header
from workers.models.shape import ModelShape, Place, model_shape


def of_tiny(folder: Path, name: str) -> ModelShape:
    return model_shape(read_header(write_tiny(folder / "m.gguf", name)))


def test_sizes_that_decide_memory(tmp_path: Path) -> None:
    shape = model_shape(read_header(gpu_table.write_model(tmp_path / "m.gguf")))
    assert (shape.architecture, shape.quant, shape.exact) == ("qwen3next", "IQ3_S", True)
    assert (shape.context_length, shape.embedding_length, shape.heads) == (262144, 2048, 16)
    assert (shape.vocab_size, shape.experts, shape.experts_active) == (151936, 256, 10)
    assert shape.feed_forward == 11 * 512
    assert not shape.is_tied
    assert shape.weights_bytes == sum(tensor.size_bytes for tensor in shape.tensors)


def test_tensors_have_their_layer_and_place(tmp_path: Path) -> None:
    path = write_tiny(tmp_path / "m.gguf", "qwen2moe")
    shape = model_shape(read_header(path))
    found = {tensor.name: (tensor.place, tensor.layer) for tensor in shape.tensors}
    assert found["token_embd.weight"] == (Place.INPUT, None)
    assert found["output.weight"] == found["output_norm.weight"] == (Place.OUTPUT, None)
    assert found["blk.5.ffn_up_exps.weight"] == (Place.LAYER, 5)
    last = shape.tensors[-1]
    assert last.start + last.size_bytes <= path.stat().st_size


def test_quants_of_a_model_share_its_digest(tmp_path: Path) -> None:
    header = read_header(write_tiny(tmp_path / "m.gguf", "llama"))
    first = header.parts[0]
    smaller = [replace(tensor, type_name="Q4_0") for tensor in first.container.tensors]
    other = replace(first, container=replace(first.container, tensors=tuple(smaller)))
    shape, quantised = model_shape(header), model_shape(replace(header, parts=(other,)))
    assert (shape.quant, quantised.quant) == ("Q8_0", "Q4_0")
    assert quantised.digest == shape.digest
    digests = [of_tiny(tmp_path, name).digest for name in KINDS]
    assert len(set(digests)) == len(KINDS)


def test_a_tensor_outside_the_file_is_an_error(tmp_path: Path) -> None:
    path = write_tiny(tmp_path / "m.gguf", "llama")
    header = read_header(path)
    cut = replace(header, parts=(replace(header.parts[0], size_bytes=header.file_size_bytes - 7),))
    with pytest.raises(ModelError, match="outside the file: it is truncated by 7 bytes"):
        model_shape(cut)


def test_a_tensor_of_no_layer_is_an_error(tmp_path: Path) -> None:
    path = write_tiny(tmp_path / "m.gguf", "llama")
    path.write_bytes(path.read_bytes().replace(b"blk.5.attn_k.weight", b"blk.9.attn_k.weight"))
    with pytest.raises(ModelError, match=r"'blk\.9\.attn_k\.weight' of a layer that it does not"):
        model_shape(read_header(path))


def test_draft_layers_are_not_loaded(tmp_path: Path) -> None:
    path = write_tiny(tmp_path / "m.gguf", "qwen3next")
    header = read_header(path)
    first = header.parts[0]
    values = {**first.container.values, "qwen3next.nextn_predict_layers": 1}
    drafting = replace(first, container=replace(first.container, values=values))
    shape = model_shape(replace(header, parts=(drafting,)))
    assert {tensor.layer for tensor in shape.tensors} == {None, 0, 1, 2, 3, 4}
    assert len(shape.layers) == 6


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """A file of each kind of layer, cut behind its header, as long as before for its reader."""
    folder = tmp_path_factory.mktemp("models")
    found = []
    for name in ("gemma3", "qwen3next", "deepseek2"):
        path = write_tiny(folder / f"{name}.gguf", name)
        found.append(path.read_bytes()[: read_header(path).container.data_offset])
    return found


def shape_or_error(data: bytes) -> None:
    """Whatever the bytes are, what comes out is a shape or a ModelError of one line."""
    complaint = ""
    try:
        model_shape(parse_header(io.BytesIO(data), len(data) + 2**24))
    except ModelError as error:
        complaint = str(error)
    assert "\n" not in complaint


@given(number=st.integers(0, 2), share=st.floats(0, 1))
def test_a_header_cut_anywhere(files: list[bytes], number: int, share: float) -> None:
    data = files[number]
    shape_or_error(data[: int(share * len(data))])


@given(number=st.integers(0, 2), data=st.data())
def test_a_header_with_any_bytes_changed(
    files: list[bytes], number: int, data: st.DataObject
) -> None:
    changed = bytearray(files[number])
    places = st.integers(0, len(changed) - 1)
    for place in data.draw(st.lists(places, min_size=1, max_size=8)):
        changed[place] = data.draw(st.integers(0, 255))
    shape_or_error(bytes(changed))


@given(number=st.integers(0, 2), value=st.binary(min_size=4, max_size=8), data=st.data())
def test_a_header_with_any_value_changed(
    files: list[bytes], number: int, value: bytes, data: st.DataObject
) -> None:
    """Bytes behind a key of the architecture: its type and its value."""
    name = (b"gemma3.", b"qwen3next.", b"deepseek2.")[number]
    content = files[number]
    starts = [place for place in range(len(content)) if content.startswith(name, place)]
    start = data.draw(st.sampled_from(starts))
    length = int.from_bytes(content[start - 8 : start], "little")
    at = start + length + data.draw(st.sampled_from([0, 4]))
    shape_or_error(content[:at] + value + content[at + len(value) :])
