from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.memory.compute import (
    History,
    Learned,
    MeasuredLaunch,
    compute_mib,
    overhead_mib,
    relevant,
)
from orchestrator.memory.server import HOST, ServerShape
from orchestrator.memory.weights import weights
from tests.tiny_models import write_tiny
from workers.models.header import read_header
from workers.models.shape import ModelShape, model_shape

GPU = ServerShape(4096, devices=("CUDA0",))
BUILD, HARDWARE = "b1", "h1"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelShape:
    path = tmp_path_factory.mktemp("model") / "m.gguf"
    return model_shape(read_header(write_tiny(path, "qwen3moe")))


def launch(
    model: ModelShape,
    server: ServerShape,
    compute: Mapping[str, float],
    overhead: Mapping[str, float] | None = None,
    **others: Any,
) -> MeasuredLaunch:
    known: dict[str, Any] = {"digest": model.digest, "engine_build": BUILD}
    known |= {"hardware_class": HARDWARE, "moved": weights(model, server).moved}
    return MeasuredLaunch(
        server=server, compute_mib=compute, overhead_mib=overhead or {}, **known | others
    )


def learned(
    model: ModelShape, server: ServerShape, *launches: MeasuredLaunch, device: str = "CUDA0"
) -> Learned:
    history = relevant(launches, model, BUILD, HARDWARE)
    return compute_mib(model, server, weights(model, server), device, history)


def test_a_launch_seen_before_is_predicted_as_it_was(model: ModelShape) -> None:
    seen = launch(model, GPU, {"CUDA0": 100.0, HOST: 20.0})
    for device, mib in seen.compute_mib.items():
        found = learned(model, GPU, seen, device=device)
        assert found.mib == pytest.approx(mib)
        assert found.basis == "history"


def test_masks_grow_with_the_context_and_shares_with_the_ubatch(model: ModelShape) -> None:
    """A mask is 2 bytes for each cell and token: 4 MiB for 4,096 and 512."""
    seen = launch(model, GPU, {"CUDA0": 100.0})
    assert learned(model, replace(GPU, context=8192), seen).mib == pytest.approx(104.0)
    assert learned(model, replace(GPU, ubatch=1024), seen).mib == pytest.approx(200.0)


def test_a_pipeline_has_four_copies_of_the_masks(model: ModelShape) -> None:
    pair = replace(GPU, devices=("CUDA0", "CUDA1"))
    seen = launch(model, pair, {"CUDA0": 100.0, "CUDA1": 80.0})
    wider = replace(pair, context=8192)
    assert learned(model, wider, seen).mib == pytest.approx(116.0)
    assert learned(model, wider, seen, device="CUDA1").mib == pytest.approx(96.0)
    for other in (
        {"split_mode": "row"},
        {"kv_offload": False},
        {"n_gpu_layers": 4},
        {"overrides": (("exps", "CUDA0"),)},
    ):
        plain = replace(pair, **other)
        seen = launch(model, plain, {"CUDA0": 100.0})
        assert learned(model, replace(plain, context=8192), seen).mib == pytest.approx(104.0)


def test_a_tensor_of_the_host_is_copied_to_the_device(model: ModelShape) -> None:
    seen = launch(model, GPU, {"CUDA0": 100.0})
    experts = replace(GPU, n_cpu_moe=1)
    largest = max(tensor.size_bytes for tensor in model.tensors if "_exps" in tensor.name)
    assert learned(model, experts, seen).mib == pytest.approx(100.0 + largest / 2**20)
    assert learned(model, replace(experts, op_offload=False), seen).mib == pytest.approx(100.0)


def test_the_most_alike_launches_are_asked(model: ModelShape) -> None:
    alike = launch(model, GPU, {"CUDA0": 100.0})
    others = [
        launch(model, replace(GPU, ubatch=256), {"CUDA0": 20.0}),
        launch(model, replace(GPU, n_cpu_moe=1), {"CUDA0": 20.0}),
        launch(model, replace(GPU, devices=("CUDA0", "CUDA1")), {"CUDA0": 30.0, "CUDA1": 30.0}),
    ]
    assert learned(model, GPU, alike, *others).mib == pytest.approx(100.0)
    assert learned(model, GPU, *others).basis == "history"


@pytest.mark.parametrize(
    "other", [{"digest": "d"}, {"engine_build": "b2"}, {"server": replace(GPU, flash_attn=False)}]
)
def test_other_models_builds_and_kernels_tell_nothing(
    model: ModelShape, other: dict[str, Any]
) -> None:
    unlike = replace(launch(model, GPU, {"CUDA0": 100.0}), **other)
    assert learned(model, GPU, unlike).basis == "estimate"


def test_without_flash_attention_the_scores_are_laid_down(model: ModelShape) -> None:
    """4 bytes for each cell, token and head, beside a mask of f32: 32 and 8 MiB."""
    plain = replace(GPU, flash_attn=False)
    flash = learned(model, GPU).mib
    assert learned(model, plain).mib == pytest.approx(flash + 32 + 4)


def test_overhead_is_the_median_of_the_hardware(model: ModelShape) -> None:
    seen = [
        launch(model, GPU, {}, {"CUDA0": mib, HOST: 300.0}, digest=f"d{mib}")
        for mib in (700.0, 720.0, 900.0)
    ]
    pair = replace(GPU, devices=("CUDA0", "CUDA1"))
    seen.append(launch(model, pair, {}, {"CUDA0": 800.0, "CUDA1": 800.0}))
    history = relevant(seen, model, BUILD, HARDWARE)
    assert overhead_mib(GPU, "CUDA0", history) == Learned(720.0, "history")
    assert overhead_mib(pair, "CUDA1", history) == Learned(800.0, "history")
    three = replace(GPU, devices=("CUDA0", "CUDA1", "CUDA2"))
    assert overhead_mib(three, "CUDA2", history) == Learned(800.0, "history")
    assert overhead_mib(GPU, HOST, history) == Learned(300.0, "history")
    elsewhere = relevant(seen, model, BUILD, "h2")
    assert overhead_mib(GPU, "CUDA0", elsewhere) == overhead_mib(GPU, "CUDA0", History())
    assert overhead_mib(GPU, "CUDA0", elsewhere).basis == "estimate"
    assert overhead_mib(GPU, HOST, elsewhere).basis == "estimate"
