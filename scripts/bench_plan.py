"""Time of planning: 10,000 cells on one host (figure: at most 3 s), and on 50 hosts (5 s).

    python -m scripts.bench_plan [CELLS [MODEL.gguf]]

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
from pathlib import Path
from typing import TypeVar

from orchestrator.cells import CellSpec
from orchestrator.host_view import HostView
from orchestrator.plan import Plan, make_plan
from orchestrator.session import read_command
from scripts.made_up_hosts import alike, planning_host
from warehouse.ledger import Ledger
from workers.engine.config import EngineConfig
from workers.models.header import read_header
from workers.models.shape import model_shape

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
    keys = {spec.file_key: None for spec in specs}
    here = planning_host(EngineConfig(), keys, shape=model)
    alone = alike(here, classes=1, each=1)
    fleet = alike(here, classes=CLASSES, each=HOSTS_PER_CLASS)
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


if __name__ == "__main__":
    main()
