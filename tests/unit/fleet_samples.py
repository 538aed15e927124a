"""Hosts with GPUs and launches on them, for tests of the schedule."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from orchestrator.cells import CellSpec
from orchestrator.host_view import HostView
from orchestrator.plan import PlannedLaunch
from tests.unit.orchestrator_samples import ENGINE, build, gpu, plan_of, spec, view
from workers.engine.build import EngineDevice
from workers.models.config import ModelConfig


def gpu_host(host_id: str, *models: str, hardware_class: str = "gpus", **changes: Any) -> HostView:
    """A host with GPUs of these models; its cards have uuids of their own."""
    cards = tuple(
        replace(gpu(number, model), uuid=f"{host_id}-{number}")
        for number, model in enumerate(models)
    )
    devices = [
        EngineDevice(f"CUDA{number}", card.name, 12288, 12000) for number, card in enumerate(cards)
    ]
    whole = view(
        host_id,
        engine=build(*devices),
        hardware_class=hardware_class,
        gpus=cards,
    )
    return replace(whole, models={**whole.models, **_other_models(whole)}, **changes)


def _other_models(whole: HostView) -> dict[Any, Any]:
    file = whole.models[("tiny", "Q4_1", None)]
    return {
        (name, "Q4_1", None): replace(file, path=f"/models/{name}.gguf", sha256=name * 8)
        for name in ("big", "huge")
    }


def on(pairing: str, context: int = 4096, model: str = "tiny", **changes: Any) -> CellSpec:
    """A cell on some GPUs."""
    return spec(pairing=pairing, context=context, model=ModelConfig(name=model), **changes)


def launches(specs: Sequence[CellSpec], *hosts: HostView) -> list[PlannedLaunch]:
    """What a plan makes of the cells."""
    return list(plan_of(*specs, hosts=hosts).launches())


assert ENGINE.n_gpu_layers == "all"
