"""Launches of one server for tests of workloads."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from warehouse import rows
from workers.contract import (
    CellDone,
    CellRequest,
    Event,
    LaunchRequest,
    ModelFile,
    WorkloadConfig,
)
from workers.engine.build import probe
from workers.engine.config import EngineConfig
from workers.executor import run_launch
from workers.gpu import Nvml

R = TypeVar("R", bound=rows.Row)


def launch(
    engine: EngineConfig,
    model: Path,
    run_dir: Path,
    *workloads: WorkloadConfig,
    context: int = 2048,
    cancelled: threading.Event | None = None,
) -> Iterator[Event]:
    """The events of a launch on the CPU with a cell for each workload."""
    request = LaunchRequest(
        launch_id="launch",
        server_id="server",
        sweep_id="sweep",
        host_id="host",
        model=ModelFile(str(model), None),
        context=context,
        cache_k="f16",
        cache_v="f16",
        devices=(),
        gpu_uuids=(),
        tensor_split=(),
        engine=engine,
        engine_build=None,
        cells=tuple(CellRequest(f"c{n}", 1, each) for n, each in enumerate(workloads)),
    )
    return run_launch(
        request,
        find_build=lambda engine: probe(engine.binary, engine.env),
        run_dir=run_dir / "run",
        cancelled=cancelled or threading.Event(),
        nvml=Nvml(),
    )


def cells_of(events: Iterator[Event]) -> list[CellDone]:
    """The cells of a launch, run to its end."""
    return [event for event in events if isinstance(event, CellDone)]


def rows_of(cell: CellDone, table: type[R]) -> list[R]:
    """Its rows of a child table."""
    return [row for row in cell.evidence if isinstance(row, table)]
