"""Scheduling of a large fleet in simulated time (figures: at most 60 s, and 1.10).

    python -m scripts.bench_schedule [HOSTS [CELLS]]

1,000 hosts in ten classes, 100,000 cells of 1 to 30 minutes; half of the hosts come later, every
tenth is lost and comes back, one start in a hundred fails. The schedule knows no duration
beforehand. Then small fleets with model transfers, where a tenth of a sweep is one launch.
Prints JSON: the time that scheduling took, and makespan / lower bound.
"""

import json
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

from orchestrator.cells import CellSpec, FileKey
from orchestrator.host_view import HostView
from orchestrator.plan import PlannedLaunch, make_plan
from orchestrator.rules import Rules
from scripts.made_up_hosts import alike, planning_host
from scripts.simulated_fleet import Scenario, lower_bound_s, simulate
from warehouse.ledger import Ledger
from workers.engine.config import EngineConfig
from workers.measure import MeasureConfig
from workers.models.config import ModelConfig
from workers.workloads.depth_curve.config import DepthCurveConfig
from workers.workloads.speed.config import SpeedConfig

MODELS = 6
FILE_BYTES = 8_000_000_000


def main() -> None:
    """Run the benchmark."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    cells = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    result = {f"{number}_hosts": large(number, cells)}
    for hosts in (2, 8):
        for exclusive in (True, False):
            name = f"{hosts}_hosts_{'exclusive' if exclusive else 'shared'}"
            result[name] = small(hosts, exclusive=exclusive)
    print(json.dumps(result, indent=2))


def large(number: int, cells: int) -> dict[str, float]:
    """Joins, leaves and failures on a large fleet."""
    dice = random.Random(1)
    hosts = views(classes=10, each=number // 10)
    launches = list(launches_of(hosts, cells))
    late = {view.host.host_id: dice.uniform(0, 3600) for view in hosts[::2]}
    lost = {view.host.host_id: (t := dice.uniform(4000, 30_000), t + 600.0) for view in hosts[::10]}
    durations = Durations(dice)
    failing = {start for start in range(cells) if dice.random() < 0.01}
    scenario = Scenario(
        hosts,
        launches,
        durations.seconds,
        joins=late,
        leaves=lost,
        fails=failing,
    )
    return run(scenario)


def small(number: int, *, exclusive: bool) -> dict[str, float]:
    """A few hosts in up to three classes, none of which has a file at first."""
    dice = random.Random(2)
    hosts = views(classes=min(3, number), each=-(-number // 3))[:number]
    launches = list(launches_of(hosts, 90 * number))
    durations = Durations(dice)
    scenario = Scenario(
        hosts,
        launches,
        durations.seconds,
        rules=Rules(exclusive=exclusive),
        files={},
        fetch_s=FILE_BYTES / 100e6,
    )
    return run(scenario)


def run(scenario: Scenario) -> dict[str, float]:
    """Simulate and measure."""
    start, cpu = time.perf_counter(), time.process_time()
    outcome = simulate(scenario)
    took_s, cpu_s = time.perf_counter() - start, time.process_time() - cpu
    bound_s = lower_bound_s(scenario)
    return {
        "launches": len(scenario.launches),
        "starts": len(outcome.ran),
        "transfers": outcome.transfers,
        "left": outcome.left,
        "scheduling_s": round(took_s, 2),
        "scheduling_cpu_s": round(cpu_s, 2),
        "makespan_h": round(outcome.makespan_s / 3600, 2),
        "ratio": round(outcome.makespan_s / bound_s, 4),
    }


class Durations:
    """True times: by workload, context and class, with what no forecast would know."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._known: dict[str, float] = {}
        self._speeds: dict[str, float] = {}

    def seconds(self, launch: PlannedLaunch) -> float:
        """Of a launch; the same whenever it is asked."""
        cell = launch.first
        if cell.cell_id not in self._known:
            speed = self._speeds.setdefault(cell.hardware_class, self._dice.uniform(0.5, 2.0))
            base = 60.0 if cell.spec.workload.name == "speed" else 240.0
            deep = 1.0 + 3.0 * cell.spec.context / 131072
            own = self._dice.lognormvariate(0.0, 0.3)
            self._known[cell.cell_id] = min(1800.0, base * deep * own / speed)
        return self._known[cell.cell_id]


def launches_of(hosts: list[HostView], number: int) -> Iterator[PlannedLaunch]:
    """So many launches over all classes, each on GPUs, in the order of the plan."""
    workloads = (SpeedConfig(), DepthCurveConfig())
    classes = len({view.host.hardware_class for view in hosts})
    points = -(-number // classes)
    contexts = -(-points // (MODELS * 2 * len(workloads)))
    whole = [
        CellSpec(
            model=ModelConfig(name=f"model-{model}"),
            quant="Q4_0",
            context=2048 + 131072 * step // contexts,
            cache_k="f16",
            cache_v="f16",
            pairing=pairing,
            split=None,
            engine=ENGINE,
            workload=workload,
            prune=False,
            measure=MeasureConfig(),
            margin_mib=0.0,
            max_attempts=2,
            other_axes=(),
        )
        for model in range(MODELS)
        for step in range(contexts)
        for pairing in ("single", "pair")
        for workload in workloads
    ]
    plan = make_plan(whole[:points], hosts, Ledger(), force=False)
    for launch in plan.launches():
        for cell in launch.cells:  # none shares a start: the most launches there can be
            yield replace(launch, cells=(cell,))


ENGINE = EngineConfig(binary="llama-server")
assert not ENGINE.offloads


def views(*, classes: int, each: int) -> list[HostView]:
    """Hosts with two alike GPUs, none of them here."""
    keys: list[FileKey] = [(f"model-{number}", "Q4_0", None) for number in range(MODELS)]
    return alike(planning_host(ENGINE, keys, FILE_BYTES), classes=classes, each=each)


if __name__ == "__main__":
    main()
