"""Hosts that nobody has: what planning and scheduling are timed with."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.cells import FileKey
from orchestrator.fleet.config import DescribedGpu, DescribedHost
from orchestrator.fleet.described import described_view
from orchestrator.host_view import HostView
from warehouse.rows import Host
from workers.contract import ModelFile
from workers.engine.build import EngineBuild
from workers.engine.config import EngineConfig
from workers.models.shape import ModelShape


def alike(here: HostView, *, classes: int, each: int) -> list[HostView]:
    """Hosts with two alike GPUs; classes are told apart by their RAM, and take turns."""
    return [
        described_view(
            f"host-{number}-{copy}",
            DescribedHost(
                cpu_model="Some CPU",
                cpu_cores=8,
                ram_mib=(32 + number) * 1024,
                gpus=[DescribedGpu(name="NVIDIA GeForce RTX 3060", memory_mib=12288, count=2)],
            ),
            here,
        )
        for copy in range(each)
        for number in range(classes)
    ]


def planning_host(
    engine: EngineConfig,
    keys: Iterable[FileKey],
    size_bytes: int | None = None,
    shape: ModelShape | None = None,
) -> HostView:
    """The host that plans: an engine and all files, nothing of it looked at.

    Args:
        engine: of all cells.
        keys: the model files.
        size_bytes: of each.
        shape: of each; None: not known.
    """
    build = EngineBuild(Path("llama-server"), "e" * 64, "build 1", frozenset(), ())
    host = Host(
        host_id="here",
        seen_at=datetime(2026, 1, 1, tzinfo=UTC),
        hardware_class="here",
        cpu_model="Some CPU",
        cpu_physical_cores=2,
        cpu_logical_cores=2,
        ram_mib=8192,
        kernel="",
        gpus=(),
        driver=None,
        cuda=None,
        python="",
    )
    files = {
        key: ModelFile(f"/{key[0]}-{key[1]}.gguf", f"{number:064}", size_bytes)
        for number, key in enumerate(keys)
    }
    shapes: Mapping[FileKey, ModelShape] = dict.fromkeys(files, shape) if shape else {}
    return HostView(host, {engine.probe_key: build}, files, shapes)
