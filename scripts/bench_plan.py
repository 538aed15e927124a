"""Time of planning: 10,000 cells on one host (figure: at most 3 s), and on 50 hosts (5 s).

    python scripts/bench_plan.py [CELLS [MODEL.gguf]]

Hosts are described: one with two GPUs, then 50 in ten classes, five alike of each; with ten
classes a tenth of the points make as many cells. Times are of a fresh process, which composes
the configuration first. Prints JSON; `points_10_classes_s` plans all points on the ten classes,
ten times as many cells. With a model file, whose header then stands for every file's, the memory
of each cell is predicted too.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from orchestrator.cells import CellSpec
from orchestrator.fleet.config import DescribedGpu, DescribedHost
from orchestrator.fleet.described import described_view
from orchestrator.host_view import HostView
from orchestrator.plan import Plan, make_plan
from orchestrator.session import read_command
from warehouse.ledger import Ledger
from warehouse.rows import Host
from workers.contract import ModelFile
from workers.engine.build import EngineBuild
from workers.engine.config import EngineConfig
from workers.models.header import read_header
from workers.models.shape import ModelShape, model_shape

CLASSES = 10
HOSTS_PER_CLASS = 5
AXES = (
    "model=qwen3-coder-next-reap-40b-a3b",
    "quant=i1-IQ3_M,Q2_K_XL,Q4_K_M,IQ4_XS,Q2_K",
    "cache=f16/f16,q8_0/q8_0,q8_0/q4_0,q4_0/q4_0",
    "pairing=single,pair",
)

T = TypeVar("T")


def main() -> None:
    """Run the benchmark."""
    cells = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    model = model_shape(read_header(Path(sys.argv[2]))) if len(sys.argv) > 2 else None
    contexts = cells // 40
    axis = f"context=range(1024,{1024 + 1024 * contexts},1024)"
    specs, expand_s = timed(lambda: read_command([*AXES, axis], None).cells)
    here = local(specs, model)
    alone = hosts(here, classes=1, per_class=1)
    fleet = hosts(here, classes=CLASSES, per_class=HOSTS_PER_CLASS)
    one, one_s = timed(lambda: plan(specs, alone))
    some, some_s = timed(lambda: plan(specs[: cells // CLASSES], fleet))
    every, every_s = timed(lambda: plan(specs, fleet))
    result = {
        "predicted_memory": sum(cell.outlook is not None for cell in one.cells),
        "cells_one_host": len(one.cells),
        "expand_s": expand_s,
        "plan_one_host_s": one_s,
        "expand_and_identify_s": expand_s + one_s,
        "hosts": len(fleet),
        "cells_10_classes": len(some.cells),
        "plan_10_classes_s": some_s,
        "cells_points_10_classes": len(every.cells),
        "points_10_classes_s": every_s,
    }
    print(json.dumps({k: round(v, 2) for k, v in result.items()}, indent=2))


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """What the work gives, and its seconds."""
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def plan(specs: Sequence[CellSpec], fleet: Sequence[HostView]) -> Plan:
    """The plan on an empty warehouse."""
    return make_plan(specs, fleet, Ledger(), force=False)


def hosts(here: HostView, *, classes: int, per_class: int) -> list[HostView]:
    """Described hosts, told apart by the memory of their RAM."""
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
        for number in range(classes)
        for copy in range(per_class)
    ]


def local(specs: Sequence[CellSpec], model: ModelShape | None) -> HostView:
    """The host that plans: an engine and all files, nothing of it looked at."""
    engine = EngineBuild(Path("llama-server"), "e" * 64, "build 1", frozenset(), ())
    host = Host(
        host_id="here",
        seen_at=datetime.now(UTC),
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
    keys = {spec.file_key for spec in specs}
    files = {key: ModelFile(f"/{key[1]}.gguf", f"{i:064}") for i, key in enumerate(keys)}
    shapes = dict.fromkeys(keys, model) if model else {}
    return HostView(host, {EngineConfig().probe_key: engine}, files, shapes)


if __name__ == "__main__":
    main()
