from pathlib import Path

import gguf
import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFReader, GGUFWriter

from warehouse.errors import ModelError
from workers.models.header import read_header
from workers.models.requantise import requantise

Q4_1 = GGMLQuantizationType.Q4_1
TEMPLATE = "{% for m in messages %}\nä {{ m.content }}{% endfor %}"
WEIGHTS = np.random.default_rng(1).standard_normal((16, 64), dtype=np.float32)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.gguf"
    writer = GGUFWriter(path, "llama")
    writer.add_custom_alignment(64)
    writer.add_block_count(1)
    writer.add_description("as it was")
    writer.add_file_type(3)
    writer.add_token_list(["a", "ä", "<s>"])
    writer.add_token_types([1, 1, 3])
    writer.add_token_scores([0.5, -1.5, 0.0])
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)
    for name in ("token_embd", "blk.0.attn_q"):
        rows = gguf.quants.quantize(WEIGHTS, Q4_1)
        writer.add_tensor(f"{name}.weight", rows, raw_dtype=Q4_1)
    writer.add_tensor("output.weight", WEIGHTS)
    writer.add_tensor("output_norm.weight", np.arange(64, dtype=np.float32))
    writer.add_tensor("blk.0.ssm_conv1d.weight", np.ones((64, 4), dtype=np.float32))
    writer.add_tensor("blk.0.ffn_gate_inp.weight", np.ones((4, 64), dtype=np.float32))
    writer.add_tensor("blk.0.ffn_up.weight", WEIGHTS.astype(np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.mark.parametrize("quant", ["Q8_0", "Q5_0", "Q4_0"])
def test_weights_change_their_type_and_keep_their_values(
    source: Path, tmp_path: Path, quant: str
) -> None:
    target = tmp_path / "target.gguf"
    requantise(source, target, quant)
    header = read_header(target)
    assert header.quant == quant
    assert header.missing_bytes == 0
    assert {tensor.name: tensor.type_name for tensor in header.tensors} == {
        "token_embd.weight": "Q4_1",
        "blk.0.attn_q.weight": quant,
        "output.weight": "Q8_0",
        "output_norm.weight": "F32",
        "blk.0.ssm_conv1d.weight": "F32",
        "blk.0.ffn_gate_inp.weight": "F32",
        "blk.0.ffn_up.weight": quant,
    }
    old, new = (
        {tensor.name: tensor for tensor in GGUFReader(path).tensors} for path in (source, target)
    )
    for name, tensor in new.items():
        before = gguf.quants.dequantize(old[name].data, old[name].tensor_type)
        after = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        assert after.shape == before.shape
        step = np.abs(before).max() / (8 if quant == "Q4_0" else 16)
        assert np.abs(after - before).max() <= step


def test_metadata_is_kept_and_the_origin_is_told(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target.gguf"
    requantise(source, target, "Q8_0")
    old = {field.name: field.contents() for field in GGUFReader(source).fields.values()}
    new = {field.name: field.contents() for field in GGUFReader(target).fields.values()}
    changed = {key for key in old | new if old.get(key) != new.get(key)}
    assert changed == {"general.file_type", "general.description"}
    assert new["general.description"] == (
        "re-quantised from Q4_1 to Q8_0 by herd: says nothing of quality"
    )
    assert new["tokenizer.chat_template"] == TEMPLATE
    assert read_header(target).container.data_offset % 64 == 0


def test_the_same_input_gives_the_same_bytes(source: Path, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    requantise(source, tmp_path / "a.gguf", "Q5_0", lambda done, all_: steps.append((done, all_)))
    requantise(source, tmp_path / "b.gguf", "Q5_0")
    assert (tmp_path / "a.gguf").read_bytes() == (tmp_path / "b.gguf").read_bytes()
    assert steps == [(done, 7) for done in range(1, 8)]


def test_other_quants_are_refused(source: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot write Q4_K: only Q8_0, Q5_0, Q4_0"):
        requantise(source, tmp_path / "target.gguf", "Q4_K")


def test_a_truncated_source_is_refused(source: Path, tmp_path: Path) -> None:
    source.write_bytes(source.read_bytes()[:-700])
    with pytest.raises(ModelError, match=r"source\.gguf is truncated: \d+ bytes missing"):
        requantise(source, tmp_path / "target.gguf", "Q8_0")
    assert not (tmp_path / "target.gguf").exists()


def test_a_quant_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "source.gguf"
    writer = GGUFWriter(path, "llama")
    row = np.zeros((1, 64), dtype=np.uint8)
    kind = GGMLQuantizationType.I8
    writer.add_tensor("blk.0.ffn_up.weight", row.view(np.int8), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(ModelError, match="I8 is not yet implemented"):
        requantise(path, tmp_path / "target.gguf", "Q8_0")
