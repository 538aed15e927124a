"""Write another quant of a model file from one that is at hand, for files to try things with.

Only what the `gguf` library quantises: Q8_0, Q5_0, Q4_0. The loss of the first quant stays in,
so the result says something of speed and memory, nothing of quality; its header says so.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFValueType, LlamaFileType

from warehouse.errors import ModelError
from workers.models.config import REQUANTISE_TYPES
from workers.models.header import read_header

_DESCRIPTION = "general.description"
_FILE_TYPE = "general.file_type"
_ALIGNMENT = "general.alignment"
# The expert router decides which weights are used: llama-quantize leaves it alone as well.
_ROUTER = "ffn_gate_inp"
# Embeddings and output hurt most in few bits: llama-quantize gives them Q8_0 or about that.
_CAREFUL = ("token_embd.weight", "output.weight")
_UNQUANTISED = (
    GGMLQuantizationType.F32,
    GGMLQuantizationType.F16,
    GGMLQuantizationType.BF16,
)


def requantise(
    source: Path,
    target: Path,
    quant: str,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write `source` to `target` with its weights as `quant`; the same input, the same bytes.

    Holds one tensor in memory at a time, as float32.

    Args:
        source: a complete GGUF of any quant that the `gguf` library can read.
        target: the file to write; an older one is overwritten.
        quant: Q8_0, Q5_0 or Q4_0.
        progress: called with the tensors written so far and their number.

    Raises:
        ModelError: the source is damaged or of a quant that cannot be read, or another `quant`.
    """
    if quant not in REQUANTISE_TYPES:
        raise ModelError(f"cannot write {quant}: only {', '.join(REQUANTISE_TYPES)}")
    header = read_header(source)
    if header.missing_bytes:
        raise ModelError(f"model file {source} is truncated: {header.missing_bytes} bytes missing")
    kind = GGMLQuantizationType[quant]
    reader = gguf.GGUFReader(source)
    # the writer's own `general.architecture` comes first, as in the source
    writer = gguf.GGUFWriter(target, header.architecture)
    writer.data_alignment = int(reader.alignment)
    try:
        _copy_metadata(reader, writer)
        _add_note(writer, header.quant, quant)
        plan = [(tensor, _new_type(tensor, kind)) for tensor in reader.tensors]
        for tensor, new in plan:
            _announce(writer, tensor, new)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        for done, (tensor, new) in enumerate(plan, start=1):
            writer.write_tensor_data(_converted(tensor, new))
            if progress:
                progress(done, len(plan))
    except NotImplementedError as error:
        raise ModelError(f"model file {source}: {error}") from error
    finally:
        writer.close()


def _copy_metadata(reader: gguf.GGUFReader, writer: gguf.GGUFWriter) -> None:
    """Every entry as it is, but those that the writer or the new quant sets."""
    own = {"general.architecture", _DESCRIPTION, _FILE_TYPE}
    for field in reader.fields.values():
        # GGUF.* are the reader's names for the counts in front of the metadata
        if field.name in own or field.name.startswith("GGUF."):
            continue
        kind = field.types[0]
        is_array = kind is GGUFValueType.ARRAY
        # the writer cannot write an array without elements, and nobody misses one
        if is_array and not field.data:
            continue
        sub_type = field.types[-1] if is_array else None
        writer.add_key_value(field.name, field.contents(), kind, sub_type=sub_type)


def _add_note(writer: gguf.GGUFWriter, old: str, new: str) -> None:
    writer.add_file_type(LlamaFileType[f"MOSTLY_{new}"])
    writer.add_description(f"re-quantised from {old} to {new} by herd: says nothing of quality")


def _new_type(tensor: gguf.ReaderTensor, wanted: GGMLQuantizationType) -> GGMLQuantizationType:
    """The wanted type for matrices of weights, the old one for all else."""
    if tensor.name in _CAREFUL:
        if tensor.tensor_type not in _UNQUANTISED:
            return tensor.tensor_type
        wanted = GGMLQuantizationType.Q8_0
    block, _ = GGML_QUANT_SIZES[wanted]
    is_matrix = len(tensor.shape) > 1 and int(tensor.shape[0]) % block == 0
    is_weight = tensor.name.endswith(".weight") and _ROUTER not in tensor.name
    return wanted if is_matrix and is_weight else tensor.tensor_type


def _announce(
    writer: gguf.GGUFWriter, tensor: gguf.ReaderTensor, new: GGMLQuantizationType
) -> None:
    block, block_bytes = GGML_QUANT_SIZES[new]
    shape = [int(length) for length in reversed(tensor.shape)]
    size = int(tensor.n_elements) // block * block_bytes
    # float32 stands for "the shape is in elements": the writer takes uint8 shapes for bytes
    writer.add_tensor_info(tensor.name, shape, np.dtype(np.float32), size, raw_dtype=new)


def _converted(
    tensor: gguf.ReaderTensor, new: GGMLQuantizationType
) -> "np.ndarray[Any, np.dtype[Any]]":
    if new is tensor.tensor_type:
        return tensor.data
    return gguf.quants.quantize(gguf.quants.dequantize(tensor.data, tensor.tensor_type), new)
