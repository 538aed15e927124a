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
    with connect(command.warehouse_root) as connection:
        found = read_launch_speeds(connection, result.sweep_id)
    steps = calibration_rows(found, result.sweep_id)
    if steps:
        now = datetime.now(UTC)
        holder = Holder(pid=os.getpid(), host=socket.gethostname(), what="calibrate", since=now)
        with writing(
            command.warehouse_root,
            holder,
            wait=True,
            on_wait=lambda other: tell(f"waiting: {other}"),
        ) as warehouse:
            warehouse.write_calibration(steps)
    return CalibrationResult(result, steps)


def calibrating(command: Command) -> Command:
    """The command with the cells of llama-bench, where one is configured. Pure.

    Raises:
        ConfigError: several server configurations, or too few launches.
    """
    first, *others = command.cells
    if any(replace(each, workload=first.workload) != first for each in others):
        raise ConfigError("herd calibrate takes one server configuration: no axis but workload")
    if first.launches < MIN_LAUNCHES:
        text = f"plan.launches={first.launches}: {MIN_LAUNCHES} launches at least tell noise"
        raise ConfigError(text)
    return replace(command, cells=(*command.cells, *_bench_cells(command.cells)))


def _bench_cells(cells: Iterable[CellSpec]) -> list[CellSpec]:
    """The same steps for llama-bench."""
    return [
        replace(
            cell,
            workload=LlamaBenchConfig(
                prompt_sizes=cell.workload.prompt_sizes,
                n_predict=cell.workload.n_predict,
                repetitions=cell.workload.repetitions,
            ),
        )
        for cell in cells
        if cell.engine.bench_binary is not None and isinstance(cell.workload, SpeedConfig)
    ]
