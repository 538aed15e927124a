"""From plan and events to rows. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypedDict

from orchestrator.placement import Planned
from orchestrator.plan import Plan
from warehouse import rows
from warehouse.canonical import canonical
from workers.contract import CellDone, LaunchReady, LaunchRequest
from workers.failures import Failure


class AxesColumns(TypedDict):
    """The columns of `rows.Axes`."""

    cell_id: str
    server_id: str
    model: str
    quant: str
    context: int
    cache_k: str
    cache_v: str
    pairing: str
    split: str | None
    split_mode: str | None
    engine: str
    engine_build: str | None
    engine_sha256: str | None
    model_sha256: str | None
    workload: str
    workload_config: str
    server_config: str
    other_axes: str
    hardware_class: str
    build_date: str | None


def axes(cell: Planned) -> AxesColumns:
    """All axes of a cell as columns."""
    spec = cell.spec
    on_gpus = bool(cell.pairing.devices)
    return AxesColumns(
        cell_id=cell.cell_id,
        server_id=cell.server.server_id,
        model=spec.model.name,
        quant=spec.quant,
        context=spec.context,
        cache_k=spec.cache_k,
        cache_v=spec.cache_v,
        pairing=cell.pairing.pattern,
        split="/".join(f"{part:g}" for part in cell.pairing.split) if on_gpus else None,
        split_mode=cell.engine.split_mode if on_gpus else None,
        engine=cell.engine.name,
        engine_build=cell.build.text if cell.build else None,
        engine_sha256=cell.build.sha256 if cell.build else None,
        model_sha256=cell.file.sha256,
        workload=spec.workload.name,
        workload_config=cell.workload,
        server_config=cell.server.config,
        other_axes=canonical(dict(spec.other_axes)),
        hardware_class=cell.hardware_class,
        build_date=cell.engine.build_date,
    )


def planned_rows(plan: Plan, sweep_id: str, first: int = 0) -> list[rows.PlannedCell]:
    """The plan as rows, in its order; `first` is the place of its first cell."""
    return [
        rows.PlannedCell(
            **axes(cell),
            sweep_id=sweep_id,
            decision=cell.decision,
            reason=cell.reason,
            plan_order=order,
            host_id=cell.hosts[0] if len(cell.hosts) == 1 else None,
            predicted_s=cell.forecast.seconds if cell.forecast else None,
            predicted_tg_tok_s=cell.forecast.tg_tok_s if cell.forecast else None,
            note=cell.note,
            unresolved_id=cell.unresolved_id,
        )
        for order, cell in enumerate(plan.cells, first)
    ]


def predicted_memory_rows(plan: Plan, sweep_id: str) -> list[rows.PredictedMemory]:
    """What each planned server configuration is expected to hold, by device and part."""
    servers = {cell.server.server_id: cell.outlook for cell in plan.cells if cell.outlook}
    return [
        rows.PredictedMemory(
            sweep_id=sweep_id,
            server_id=server_id,
            device=part.device,
            part=part.part,
            mib=part.mib,
            basis=part.basis,
            free_mib=outlook.free_mib.get(part.device),
        )
        for server_id, outlook in servers.items()
        for part in outlook.prediction.parts
    ]


def cell_row(cell: Planned, request: LaunchRequest, done: CellDone) -> rows.Cell:
    """The row of an attempt."""
    counted = [trial.valid for trial in done.trials]
    own = (rows.Request, rows.Quality, rows.AgentRun)
    counted += [row.valid for row in done.evidence if isinstance(row, own)]
    valid = sum(counted)
    return rows.Cell(
        **axes(cell),
        attempt=done.attempt,
        sweep_id=request.sweep_id,
        launch_id=request.launch_id,
        host_id=request.host_id,
        status=done.status,
        failure_class=done.failure.failure_class if done.failure else None,
        reason=done.failure.reason if done.failure else None,
        started_at=done.started_at,
        ended_at=done.ended_at,
        valid_trials=valid,
        invalid_trials=len(counted) - valid,
        cool_down_s=done.cool_down.waited_s if done.cool_down else None,
        cooled=done.cool_down.cooled if done.cool_down else None,
        slot_context=done.slot_context,
    )


def with_transcript(evidence: Sequence[rows.Row], path: str) -> tuple[rows.Row, ...]:
    """The rows of a cell, its agent runs with the place of their log."""
    return tuple(
        replace(row, transcript_path=path)
        if isinstance(row, rows.AgentRun) and row.outcome != "skipped"
        else row
        for row in evidence
    )


def lost_cell(
    cell_id: str, attempt: int, failure: Failure, started_at: datetime, ended_at: datetime
) -> CellDone:
    """The end of a cell whose host is gone: none of its trials came back."""
    return CellDone(cell_id, attempt, "failed", failure, started_at, ended_at, (), ())


def lost_launch(
    request: LaunchRequest,
    ready: LaunchReady | None,
    failure: Failure,
    started_at: datetime,
    ended_at: datetime,
) -> rows.Launch:
    """The row of a launch whose host is gone, with what was known once it had come up.

    Args:
        request: what was asked of the host.
        ready: what it said once the server was up.
        failure: what took it.
        started_at: when it was asked, by the driver's clock, UTC.
        ended_at: when it was given up, by the driver's clock, UTC.
    """
    if ready is not None:
        # a row has one clock, and that of the host may be off
        ended_at = ready.launch.started_at + (ended_at - started_at)
        return replace(
            ready.launch,
            status="failed",
            failure_class=failure.failure_class,
            reason=failure.reason,
            ended_at=ended_at,
        )
    return rows.Launch(
        launch_id=request.launch_id,
        server_id=request.server_id,
        sweep_id=request.sweep_id,
        host_id=request.host_id,
        devices=request.devices,
        command_line=(),
        engine_build=request.engine_build,
        status="failed",
        failure_class=failure.failure_class,
        reason=failure.reason,
        exit_code=None,
        log_tail="",
        log_path=None,
        load_ms=None,
        page_cache_fraction=None,
        idle_power_w=None,
        started_at=started_at,
        ended_at=ended_at,
    )
