from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.memory.server import HOST, ServerShape
from orchestrator.memory.weights import weights
from tests.tiny_models import write_tiny
from workers.models.header import read_header
from workers.models.shape import ModelShape, model_shape

GPU = ServerShape(1024, devices=("CUDA0",))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ModelShape]:
    folder = tmp_path_factory.mktemp("models")
    names = ("llama", "qwen2moe")
    paths = {name: write_tiny(folder / f"{name}.gguf", name) for name in names}
    return {name: model_shape(read_header(path)) for name, path in paths.items()}


def size(shape: ModelShape, part: str) -> int:
    return sum(tensor.size_bytes for tensor in shape.tensors if part in tensor.name)


def test_input_embeddings_stay_on_the_host(models: dict[str, ModelShape]) -> None:
    shape = models["qwen2moe"]
    held = weights(shape, GPU).by_device
    assert held[HOST] == size(shape, "token_embd")
    assert held["CUDA0"] == shape.weights_bytes - size(shape, "token_embd")


def test_tied_embeddings_are_there_twice(models: dict[str, ModelShape]) -> None:
    shape = models["llama"]
    held = weights(shape, GPU).by_device
    assert held[HOST] == size(shape, "token_embd")
    assert held["CUDA0"] == shape.weights_bytes


def test_a_split_divides_layers(models: dict[str, ModelShape]) -> None:
    shape = models["qwen2moe"]
    server = replace(GPU, devices=("CUDA0", "CUDA1"), split=(1, 1))
    held = weights(shape, server).by_device
    assert held["CUDA0"] == sum(size(shape, f"blk.{layer}.") for layer in range(4))
    whole = weights(shape, GPU).by_device["CUDA0"]
    assert held["CUDA0"] + held["CUDA1"] == whole


def test_experts_of_the_first_layers_move_to_the_host(models: dict[str, ModelShape]) -> None:
    shape = models["qwen2moe"]
    server = replace(GPU, n_cpu_moe=2, mmap=False)
    moved = sum(
        tensor.size_bytes
        for tensor in shape.tensors
        if "_exps" in tensor.name and tensor.layer in (0, 1)
    )
    held = weights(shape, server)
    assert held.by_device[HOST] == size(shape, "token_embd") + moved
    assert held.by_device["CUDA0"] == weights(shape, GPU).by_device["CUDA0"] - moved
    assert held.moved == moved / 6
    assert weights(shape, replace(server, op_offload=False)).moved == 0


def test_with_mmap_the_host_maps_one_stretch(models: dict[str, ModelShape]) -> None:
    shape = models["qwen2moe"]
    last = max(
        tensor.start + tensor.size_bytes
        for tensor in shape.tensors
        if "_exps" in tensor.name and tensor.layer == 0
    )
    first = min(tensor.start for tensor in shape.tensors)
    assert weights(shape, replace(GPU, n_cpu_moe=1)).by_device[HOST] == last - first


def test_the_first_override_that_matches_holds(models: dict[str, ModelShape]) -> None:
    shape = models["qwen2moe"]
    rules = ((r"blk\.5\.", "CPU"), (r"blk\.(4|5)\.ffn_up_exps", "CUDA1"), ("output", "CUDA_Host"))
    server = replace(GPU, devices=("CUDA0", "CUDA1"), split=(1, 0), overrides=rules, mmap=False)
    held = weights(shape, server).by_device
    assert held["CUDA1"] == size(shape, "blk.4.ffn_up_exps")
    # the last rule names the output layer, and the projections of attention with it
    outputs = size(shape, "output") - size(shape, "blk.5.attn_output")
    assert held[HOST] == size(shape, "token_embd") + size(shape, "blk.5.") + outputs


def test_the_cpu_keeps_what_it_repacks_twice(models: dict[str, ModelShape]) -> None:
    shape = models["llama"]
    as_q4_0 = tuple(
        replace(tensor, type_name="Q4_0") if tensor.type_name == "Q8_0" else tensor
        for tensor in shape.tensors
    )
    q4_0 = replace(shape, tensors=as_q4_0)
    server = ServerShape(1024)
    assert weights(shape, server).repacked == 0
    held = weights(q4_0, server)
    quantised = sum(tensor.size_bytes for tensor in as_q4_0 if tensor.type_name == "Q4_0")
    # the table of embeddings is the output layer's weight here
    assert held.repacked == quantised
    assert held.by_device[HOST] == weights(shape, server).by_device[HOST] + quantised
    for other in (replace(server, repack=False), GPU):
        assert weights(q4_0, other).repacked == 0


def test_each_file_of_a_split_model_is_a_stretch(tmp_path: Path) -> None:
    one = model_shape(read_header(write_tiny(tmp_path / "one.gguf", "llama")))
    many = model_shape(read_header(write_tiny(tmp_path / "many", "llama", parts=3)))
    assert {tensor.file for tensor in many.tensors} == {0, 1, 2}
    on_host = ServerShape(1024)
    assert weights(many, on_host).by_device[HOST] <= weights(one, on_host).by_device[HOST]
    assert weights(many, GPU).by_device["CUDA0"] == weights(one, GPU).by_device["CUDA0"]
