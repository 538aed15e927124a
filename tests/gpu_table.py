"""The 28 server configurations measured on two H100, and the model that they ran.

The table is `tests/fixtures/gpu/h100x2-memory.csv`; the model is qwen3next of 48 layers and 256
experts with random weights, rebuilt as its header and a sparse file of 18 GB.
"""

import csv
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFWriter
from gguf.constants import GGML_QUANT_SIZES

from orchestrator.memory.compute import MeasuredLaunch
from orchestrator.memory.server import HOST, ServerShape
from orchestrator.memory.weights import weights
from workers.models.shape import ModelShape

TABLE = Path(__file__).parent / "fixtures" / "gpu" / "h100x2-memory.csv"
KEY = ("gpus", "context", "cache_k", "cache_v", "tensor_split", "n_cpu_moe", "ubatch", "parallel")
EMBD, LAYERS, EXPERTS, FF, VOCAB = 2048, 48, 256, 512, 151936
Parts = dict[tuple[str, str, str], float]


@dataclass(frozen=True)
class Measured:
    """A configuration with its figures, MiB by device, part and source."""

    server: ServerShape
    parts: Parts

    @property
    def devices(self) -> tuple[str, ...]:
        return self.server.devices

    def log(self, device: str, part: str) -> float:
        return self.parts[device, part, "log"]

    def nvml(self, device: str) -> float:
        return self.parts[device.replace("CUDA", "GPU"), "total", "nvml"]

    def launch(self, shape: ModelShape) -> MeasuredLaunch:
        """As history holds it."""
        compute = {device: self.log(device, "compute") for device in self.devices}
        overhead = {
            device: self.parts[device, "unaccounted", "breakdown"] for device in self.devices
        }
        return MeasuredLaunch(
            digest=shape.digest,
            engine_build="b11434",
            hardware_class="h100x2",
            server=self.server,
            moved=weights(shape, self.server).moved,
            compute_mib={**compute, HOST: self.log("CUDA_Host", "compute")},
            overhead_mib=overhead,
        )


def measured_launches() -> list[Measured]:
    """All configurations of the table, in its order."""
    rows: defaultdict[tuple[str, ...], Parts] = defaultdict(dict)
    with TABLE.open() as file:
        for row in csv.DictReader(file):
            key = tuple(row[name] for name in KEY)
            rows[key][row["device"], row["part"], row["source"]] = float(row["mib"])
    return [Measured(_server(dict(zip(KEY, key, strict=True))), p) for key, p in rows.items()]


def _server(row: dict[str, str]) -> ServerShape:
    split = row["tensor_split"]
    return ServerShape(
        context=int(row["context"]),
        cache_k=row["cache_k"],
        cache_v=row["cache_v"],
        devices=tuple(f"CUDA{gpu}" for gpu in row["gpus"].split("+")),
        split=tuple(float(share) for share in split.split(",")) if split else (),
        parallel=int(row["parallel"]),
        ubatch=int(row["ubatch"]),
        n_cpu_moe=int(row["n_cpu_moe"]),
    )


def write_model(path: Path) -> Path:
    """The model's header, and nothing where its weights would be: the file is sparse."""
    writer = GGUFWriter(path, "qwen3next")
    _metadata(writer)
    for name, shape, kind in _tensors():
        block, block_bytes = GGML_QUANT_SIZES[kind]
        size = int(np.prod(shape)) // block * block_bytes
        in_bytes = (*shape[:-1], shape[-1] // block * block_bytes)
        if kind is Type.F32:
            writer.add_tensor_info(name, shape, np.dtype(np.float32), size)
        else:
            writer.add_tensor_info(name, in_bytes, np.dtype(np.uint8), size, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    writer.close()
    _grow(path)
    return path


def _grow(path: Path) -> None:
    """The file as long as its tensors need."""
    data = sum(-(-_bytes(shape, kind) // 32) * 32 for _, shape, kind in _tensors())
    header = -(-path.stat().st_size // 32) * 32
    with path.open("r+b") as file:
        file.truncate(header + data)


def _bytes(shape: tuple[int, ...], kind: Type) -> int:
    block, block_bytes = GGML_QUANT_SIZES[kind]
    return int(np.prod(shape)) // block * block_bytes


def _metadata(writer: GGUFWriter) -> None:
    writer.add_block_count(LAYERS)
    writer.add_context_length(262144)
    writer.add_embedding_length(EMBD)
    writer.add_feed_forward_length(FF)
    writer.add_head_count(16)
    writer.add_head_count_kv(2)
    writer.add_key_length(256)
    writer.add_value_length(256)
    writer.add_rope_dimension_count(64)
    writer.add_expert_count(EXPERTS)
    writer.add_expert_used_count(10)
    writer.add_expert_feed_forward_length(FF)
    writer.add_expert_shared_feed_forward_length(FF)
    writer.add_ssm_conv_kernel(4)
    writer.add_ssm_inner_size(4096)
    writer.add_ssm_state_size(128)
    writer.add_ssm_time_step_rank(32)
    writer.add_ssm_group_count(16)
    writer.add_uint32("qwen3next.full_attention_interval", 4)
    writer.add_vocab_size(VOCAB)


def _tensors() -> Iterator[tuple[str, tuple[int, ...], Type]]:
    """Names, shapes as numpy's, types; in the order of the measured file."""
    yield "token_embd.weight", (VOCAB, EMBD), Type.Q6_K
    yield "output_norm.weight", (EMBD,), Type.F32
    yield "output.weight", (VOCAB, EMBD), Type.Q6_K
    for layer in range(LAYERS):
        block = f"blk.{layer}."
        for name in ("attn_norm", "post_attention_norm"):
            yield f"{block}{name}.weight", (EMBD,), Type.F32
        yield from _attention(block) if (layer + 1) % 4 == 0 else _delta_net(block)
        yield f"{block}ffn_gate_inp.weight", (EXPERTS, EMBD), Type.F32
        yield f"{block}ffn_down_exps.weight", (EXPERTS, EMBD, FF), Type.IQ3_S
        for name in ("gate", "up"):
            yield f"{block}ffn_{name}_exps.weight", (EXPERTS, FF, EMBD), Type.IQ3_S
        yield f"{block}ffn_gate_inp_shexp.weight", (EMBD,), Type.F32
        for name in ("gate", "up"):
            yield f"{block}ffn_{name}_shexp.weight", (FF, EMBD), Type.Q4_K
        yield f"{block}ffn_down_shexp.weight", (EMBD, FF), Type.Q4_K


def _attention(block: str) -> Iterator[tuple[str, tuple[int, ...], Type]]:
    yield f"{block}attn_q.weight", (8192, EMBD), Type.Q4_K
    yield f"{block}attn_k.weight", (512, EMBD), Type.Q4_K
    yield f"{block}attn_v.weight", (512, EMBD), Type.Q4_K
    yield f"{block}attn_output.weight", (EMBD, 4096), Type.Q4_K
    yield f"{block}attn_q_norm.weight", (256,), Type.F32
    yield f"{block}attn_k_norm.weight", (256,), Type.F32


def _delta_net(block: str) -> Iterator[tuple[str, tuple[int, ...], Type]]:
    yield f"{block}attn_qkv.weight", (8192, EMBD), Type.Q4_K
    yield f"{block}attn_gate.weight", (4096, EMBD), Type.Q4_K
    yield f"{block}ssm_conv1d.weight", (8192, 4), Type.F32
    yield f"{block}ssm_dt.bias", (32,), Type.F32
    yield f"{block}ssm_a", (32,), Type.F32
    yield f"{block}ssm_ba.weight", (64, EMBD), Type.Q4_K
    yield f"{block}ssm_norm.weight", (128,), Type.F32
    yield f"{block}ssm_out.weight", (EMBD, 4096), Type.Q4_K
