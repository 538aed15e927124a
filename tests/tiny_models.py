"""Models of random weights, of each architecture whose memory herd computes exactly."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFWriter

EMBD, FF, HEADS, HEAD, LAYERS, EXPERTS = 128, 256, 4, 32, 6, 4
"""All widths divide by the block of every cache type."""
Tensors = Iterator[tuple[str, tuple[int, ...]]]


@dataclass(frozen=True)
class Kind:
    """An architecture: its metadata beyond the common, and its tensors (shapes as numpy's)."""

    architecture: str
    metadata: Callable[[GGUFWriter, str], None]
    tensors: Callable[[], Tensors]


def write_tiny(path: Path, name: str, *, parts: int = 1) -> Path:
    """Write the model of `KINDS[name]`; of several parts, `path` is given the first one's name."""
    kind = KINDS[name]
    if parts > 1:
        path = path.with_name(f"{path.stem}-00001-of-{parts:05}.gguf")
    per_file = 0 if parts == 1 else -(-len(list(_all_tensors(kind))) // parts)
    target = path.with_name(path.name.split("-00001-of-")[0] + ".gguf") if parts > 1 else path
    writer = GGUFWriter(target, kind.architecture, split_max_tensors=per_file)
    _common(writer)
    kind.metadata(writer, kind.architecture)
    rng = np.random.default_rng(0)
    for tensor, shape in _all_tensors(kind):
        data = rng.standard_normal(shape, dtype=np.float32) * 0.02
        if len(shape) > 1 and shape[-1] % 32 == 0 and "norm" not in tensor:
            packed = gguf.quants.quantize(data, Type.Q8_0)
            writer.add_tensor(tensor, packed, raw_dtype=Type.Q8_0)
        else:
            writer.add_tensor(tensor, data)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _all_tensors(kind: Kind) -> Tensors:
    yield "token_embd.weight", (len(_tokens()), EMBD)
    norm = "token_embd_norm" if kind.architecture == "lfm2" else "output_norm"
    yield f"{norm}.weight", (EMBD,)
    if kind.architecture == "qwen2moe":
        yield "output.weight", (len(_tokens()), EMBD)
    yield from kind.tensors()


def _common(writer: GGUFWriter) -> None:
    writer.add_context_length(8192)
    writer.add_embedding_length(EMBD)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FF)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_quantization_version(2)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(_tokens())
    writer.add_token_types([1] * 257 + [3] * 31)
    writer.add_token_merges(["Ġ Ġ"])
    writer.add_bos_token_id(257)
    writer.add_eos_token_id(258)


def _tokens() -> list[str]:
    """The 256 bytes as byte-level BPE spells them, one pair, and control tokens."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    spelled = [chr(byte) for byte in plain] + [chr(256 + n) for n in range(len(others))]
    return [*spelled, "ĠĠ", *(f"<{n}>" for n in range(31))]


def _attention(writer: GGUFWriter, arch: str) -> None:
    _heads(writer, 2)


def _heads(writer: GGUFWriter, kv_heads: int | list[int]) -> None:
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(kv_heads)
    writer.add_rope_dimension_count(HEAD)


def _attention_tensors(layer: int, kv_heads: int = 2, head: int = HEAD, q_gain: int = 1) -> Tensors:
    block = f"blk.{layer}."
    yield f"{block}attn_q.weight", (HEADS * head * q_gain, EMBD)
    yield f"{block}attn_k.weight", (kv_heads * head, EMBD)
    yield f"{block}attn_v.weight", (kv_heads * head, EMBD)
    yield f"{block}attn_output.weight", (EMBD, HEADS * head)


def _norms(layer: int, *names: str, width: int = EMBD) -> Tensors:
    for name in names:
        yield f"blk.{layer}.{name}.weight", (width,)


def _ffn(layer: int) -> Tensors:
    for name, shape in (("gate", (FF, EMBD)), ("up", (FF, EMBD)), ("down", (EMBD, FF))):
        yield f"blk.{layer}.ffn_{name}.weight", shape


def _experts(layer: int, *, shared: bool = False) -> Tensors:
    yield f"blk.{layer}.ffn_gate_inp.weight", (EXPERTS, EMBD)
    for name, shape in (("gate", (FF, EMBD)), ("up", (FF, EMBD)), ("down", (EMBD, FF))):
        yield f"blk.{layer}.ffn_{name}_exps.weight", (EXPERTS, *shape)
        if shared:
            yield f"blk.{layer}.ffn_{name}_shexp.weight", shape


def _expert_counts(writer: GGUFWriter) -> None:
    writer.add_expert_count(EXPERTS)
    writer.add_expert_used_count(2)
    writer.add_expert_feed_forward_length(FF)


def _dense() -> Tensors:
    for layer in range(LAYERS):
        yield from _norms(layer, "attn_norm", "ffn_norm")
        yield from _attention_tensors(layer)
        yield from _ffn(layer)


def _qwen2_tensors() -> Tensors:
    yield from _dense()
    for layer in range(LAYERS):
        for name, width in (("q", EMBD), ("k", 2 * HEAD), ("v", 2 * HEAD)):
            yield f"blk.{layer}.attn_{name}.bias", (width,)


def _qwen3_tensors() -> Tensors:
    yield from _dense()
    for layer in range(LAYERS):
        yield from _norms(layer, "attn_q_norm", "attn_k_norm", width=HEAD)


def _moe(writer: GGUFWriter, arch: str) -> None:
    _attention(writer, arch)
    _expert_counts(writer)
    writer.add_expert_shared_feed_forward_length(FF)


def _qwen2moe_tensors() -> Tensors:
    for layer in range(LAYERS):
        yield from _norms(layer, "attn_norm", "ffn_norm", "ffn_gate_inp_shexp")
        yield from _attention_tensors(layer)
        yield from _experts(layer, shared=True)
        for name, width in (("q", EMBD), ("k", 2 * HEAD), ("v", 2 * HEAD)):
            yield f"blk.{layer}.attn_{name}.bias", (width,)


def _qwen3moe_tensors() -> Tensors:
    for layer in range(LAYERS):
        yield from _norms(layer, "attn_norm", "ffn_norm")
        yield from _norms(layer, "attn_q_norm", "attn_k_norm", width=HEAD)
        yield from _attention_tensors(layer)
        yield from _experts(layer)


def _gemma3(writer: GGUFWriter, arch: str) -> None:
    _attention(writer, arch)
    writer.add_key_length(64)
    writer.add_value_length(64)
    writer.add_sliding_window(512)


def _gemma3_tensors() -> Tensors:
    names = ("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm")
    for layer in range(LAYERS):
        yield from _norms(layer, *names)
        yield from _norms(layer, "attn_q_norm", "attn_k_norm", width=64)
        yield from _attention_tensors(layer, head=64)
        yield from _ffn(layer)


def _state(writer: GGUFWriter, *, ranks: int) -> None:
    writer.add_ssm_conv_kernel(4)
    writer.add_ssm_inner_size(256)
    writer.add_ssm_state_size(64)
    writer.add_ssm_group_count(2)
    writer.add_ssm_time_step_rank(ranks)


def _qwen3next(writer: GGUFWriter, arch: str) -> None:
    _moe(writer, arch)
    _state(writer, ranks=4)
    writer.add_uint32(f"{arch}.full_attention_interval", 3)


def _qwen3next_tensors() -> Tensors:
    for layer in range(LAYERS):
        block = f"blk.{layer}."
        yield from _norms(layer, "attn_norm", "post_attention_norm", "ffn_gate_inp_shexp")
        yield from _experts(layer, shared=True)
        if (layer + 1) % 3 == 0:
            yield from _attention_tensors(layer, q_gain=2)
            yield from _norms(layer, "attn_q_norm", "attn_k_norm", width=HEAD)
            continue
        yield f"{block}attn_qkv.weight", (512, EMBD)
        yield f"{block}attn_gate.weight", (256, EMBD)
        yield f"{block}ssm_conv1d.weight", (512, 4)
        yield f"{block}ssm_dt.bias", (4,)
        yield f"{block}ssm_a", (4,)
        yield f"{block}ssm_ba.weight", (8, EMBD)
        yield f"{block}ssm_norm.weight", (64,)
        yield f"{block}ssm_out.weight", (EMBD, 256)


def _lfm2(writer: GGUFWriter, arch: str) -> None:
    _heads(writer, [0, 0, 2, 0, 4, 0])
    writer.add_shortconv_l_cache(9)


def _lfm2_tensors() -> Tensors:
    for layer, kv_heads in enumerate((0, 0, 2, 0, 4, 0)):
        block = f"blk.{layer}.shortconv."
        yield from _norms(layer, "attn_norm", "ffn_norm")
        yield from _ffn(layer)
        if kv_heads:
            yield from _attention_tensors(layer, kv_heads)
            yield from _norms(layer, "attn_q_norm", "attn_k_norm", width=HEAD)
        else:
            yield f"{block}conv.weight", (EMBD, 9)
            yield f"{block}in_proj.weight", (3 * EMBD, EMBD)
            yield f"{block}out_proj.weight", (EMBD, EMBD)


def _mamba2(writer: GGUFWriter, arch: str) -> None:
    _state(writer, ranks=8)


def _mamba2_tensors() -> Tensors:
    for layer in range(LAYERS):
        block = f"blk.{layer}."
        yield from _norms(layer, "attn_norm")
        yield f"{block}ssm_in.weight", (256 + 512 + 8, EMBD)
        yield f"{block}ssm_conv1d.weight", (512, 4)
        yield f"{block}ssm_conv1d.bias", (512,)
        yield f"{block}ssm_dt.bias", (8,)
        yield f"{block}ssm_a", (8, 1)
        yield f"{block}ssm_d", (8, 1)
        yield f"{block}ssm_norm.weight", (2, 128)
        yield f"{block}ssm_out.weight", (EMBD, 256)


def _deepseek2(writer: GGUFWriter, arch: str) -> None:
    """Latent width 64, of it rotary 32 besides; heads of 64 + 32 for K and 64 for V."""
    writer.add_head_count(HEADS)
    writer.add_rope_dimension_count(32)
    _expert_counts(writer)
    writer.add_expert_shared_count(1)
    writer.add_leading_dense_block_count(1)
    writer.add_q_lora_rank(32)
    writer.add_kv_lora_rank(64)


def _mla(writer: GGUFWriter, arch: str) -> None:
    _deepseek2(writer, arch)
    writer.add_head_count_kv(1)
    writer.add_key_length(96)
    writer.add_value_length(64)
    writer.add_key_length_mla(96)
    writer.add_value_length_mla(64)


def _before_mla(writer: GGUFWriter, arch: str) -> None:
    _deepseek2(writer, arch)
    writer.add_head_count_kv(HEADS)
    writer.add_key_length(96)
    writer.add_value_length(64)


def _deepseek2_tensors(*, latent: bool) -> Tensors:
    for layer in range(LAYERS):
        block = f"blk.{layer}."
        yield from _norms(layer, "attn_norm", "ffn_norm")
        yield from _norms(layer, "attn_q_a_norm", width=32)
        yield from _norms(layer, "attn_kv_a_norm", width=64)
        yield f"{block}attn_q_a.weight", (32, EMBD)
        yield f"{block}attn_q_b.weight", (HEADS * 96, 32)
        yield f"{block}attn_kv_a_mqa.weight", (96, EMBD)
        yield f"{block}attn_output.weight", (EMBD, HEADS * 64)
        if latent:
            yield f"{block}attn_k_b.weight", (HEADS, 64, 64)
            yield f"{block}attn_v_b.weight", (HEADS, 64, 64)
        else:
            yield f"{block}attn_kv_b.weight", (HEADS * (64 + 64), 64)
        yield from _experts(layer, shared=True) if layer else _ffn(layer)


KINDS = {
    "llama": Kind("llama", _attention, _dense),
    "qwen2": Kind("qwen2", _attention, _qwen2_tensors),
    "qwen2moe": Kind("qwen2moe", _moe, _qwen2moe_tensors),
    "qwen3": Kind("qwen3", _attention, _qwen3_tensors),
    "qwen3moe": Kind("qwen3moe", _moe, _qwen3moe_tensors),
    "gemma3": Kind("gemma3", _gemma3, _gemma3_tensors),
    "qwen3next": Kind("qwen3next", _qwen3next, _qwen3next_tensors),
    "lfm2": Kind("lfm2", _lfm2, _lfm2_tensors),
    "mamba2": Kind("mamba2", _mamba2, _mamba2_tensors),
    "deepseek2": Kind("deepseek2", _mla, lambda: _deepseek2_tensors(latent=True)),
    "deepseek2-before-mla": Kind(
        "deepseek2", _before_mla, lambda: _deepseek2_tensors(latent=False)
    ),
}
"""By name; every architecture of `EXACT_ARCHITECTURES` is among them."""
