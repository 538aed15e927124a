"""A calibration: launches of one server configuration, by ours and by llama-bench in turns."""

import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from orchestrator.calibration_rows import calibration_rows
from orchestrator.cells import CellSpec
from orchestrator.launch_speeds import read_launch_speeds
from orchestrator.session import Command
from orchestrator.sweep import SweepResult, Tell, run_sweep
from warehouse import rows
from warehouse.comparison import MIN_LAUNCHES
from warehouse.connection import connect
from warehouse.errors import ConfigError
from warehouse.lock import Holder
from warehouse.store import writing
from workers.workloads.depth_curve.config import DepthCurveConfig
from workers.workloads.depth_curve.depths import fitting_depths
from workers.workloads.llama_bench.config import LlamaBenchConfig
from workers.workloads.speed.config import SpeedConfig


@dataclass(frozen=True, slots=True)
class CalibrationResult:
    """How a calibration ended."""

    sweep: SweepResult
    steps: tuple[rows.Calibration, ...]
    """Empty where too few launches succeeded."""


def calibrate(command: Command, *, wait: bool, tell: Tell) -> CalibrationResult:
    """Measure every launch anew, then write what they say of this host.

    Args:
        command: one server configuration; `plan.launches` launches of it.
        wait: wait for whoever holds the warehouse or the host.
        tell: prints a line to the user.

    Raises:
        ConfigError: several server configurations, or too few launches.
        HerdError: as `run_sweep`.
    """
    result = run_sweep(calibrating(command), force=True, wait=wait, tell=tell)
    with connect(command.storage) as connection:
        found = read_launch_speeds(connection, result.sweep_id)
    steps = calibration_rows(found, result.sweep_id)
    if steps:
        now = datetime.now(UTC)
        holder = Holder(pid=os.getpid(), host=socket.gethostname(), what="calibrate", since=now)
        with writing(
            command.storage,
            holder,
            wait=True,
            on_wait=lambda other: tell(f"waiting: {other}"),
        ) as warehouse:
            warehouse.write_calibration(steps)
    return CalibrationResult(result, steps)


def calibrating(command: Command) -> Command:
    """The command with its cells alone, side by side if asked for, and by llama-bench if there.

    Pure.

    Raises:
        ConfigError: several server configurations, or too few launches.
    """
    first, *others = command.cells
    if any(replace(each, workload=first.workload) != first for each in others):
        raise ConfigError("herd calibrate takes one server configuration: no axis but workload")
    if first.launches < MIN_LAUNCHES:
        text = f"plan.launches={first.launches}: {MIN_LAUNCHES} launches at least tell noise"
        raise ConfigError(text)
    alone = tuple(replace(cell, beside=1) for cell in command.cells)
    beside = tuple(_in_company(cell) for cell in command.cells if cell.beside > 1)
    return replace(command, cells=(*alone, *beside, *_bench_cells(alone)))


def _in_company(cell: CellSpec) -> CellSpec:
    """The cell side by side, as another one to whoever looks at the rows."""
    axes = dict(cell.other_axes) | {"plan.beside": cell.beside}
    return replace(cell, other_axes=tuple(axes.items()))


def _bench_cells(cells: Iterable[CellSpec]) -> list[CellSpec]:
    """The same steps for llama-bench."""
    wanted = ((cell, _bench_steps(cell)) for cell in cells if cell.engine.bench_binary is not None)
    return [replace(cell, workload=steps) for cell, steps in wanted if steps is not None]


def _bench_steps(cell: CellSpec) -> LlamaBenchConfig | None:
    """What llama-bench does of a workload's steps; None if it knows none of them."""
    match cell.workload:
        case SpeedConfig() as speed:
            return LlamaBenchConfig(
                prompt_sizes=speed.prompt_sizes,
                n_predict=speed.n_predict,
                repetitions=speed.repetitions,
            )
        case DepthCurveConfig() as curve:
            room = max(curve.tail, curve.n_predict) + 1
            return LlamaBenchConfig(
                prompt_sizes=[curve.tail],
                n_predict=curve.n_predict,
                depths=list(fitting_depths(curve.depths, cell.context, room)),
                repetitions=curve.min_repetitions,
            )
        case _:
            return None
