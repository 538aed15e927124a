"""From what is known of a measurement to its rows: what is not known is null. Pure."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from warehouse import rows
from warehouse.canonical import canonical, digest
from warehouse.imports.runs import Child, Measurement, Run, Setup


def make_run(
    setup: Setup,
    measured: Measurement,
    import_id: str,
    *,
    children: Sequence[Child] = (),
    memory: Sequence[tuple[str, str, float, str | None]] = (),
) -> Run:
    """The rows of a measurement.

    Args:
        setup: of the server.
        measured: what was done.
        import_id: the import that they are part of.
        children: its trials or agent runs, with any cell_id.
        memory: device, part, MiB and what is odd about it.
    """
    workload = canonical({"name": measured.workload, **measured.config})
    cell_id = digest(f"{setup.server_id}\n{workload}")
    launch_id = digest(canonical([setup.source, setup.host_id, measured.first]))
    valid = sum(each.valid for each in children)
    cell = rows.Cell(
        **_axes(setup),
        cell_id=cell_id,
        workload=measured.workload,
        workload_config=workload,
        attempt=1,
        sweep_id=import_id,
        launch_id=launch_id,
        status="ok",
        failure_class=None,
        reason=None,
        started_at=measured.started_at,
        ended_at=measured.ended_at,
        valid_trials=valid,
        invalid_trials=len(children) - valid,
        source=setup.source,
        note=measured.note,
    )
    return Run(
        _launch(setup, cell),
        cell,
        tuple(replace(each, cell_id=cell_id) for each in children),
        tuple(
            rows.Memory(
                launch_id=launch_id,
                device=device,
                part=part,
                mib=mib,
                source=setup.source,
                note=note,
            )
            for device, part, mib, note in memory
        ),
    )


def _axes(setup: Setup) -> dict[str, Any]:
    on_gpus = bool(setup.gpus)
    return {
        "server_id": setup.server_id,
        "model": setup.model,
        "quant": setup.quant,
        "context": setup.context,
        "cache_k": setup.cache_k,
        "cache_v": setup.cache_v,
        "pairing": setup.pairing,
        "split": "/".join(f"{part:g}" for part in setup.split) or None,
        "split_mode": setup.split_mode if on_gpus else None,
        "engine": setup.engine,
        "engine_build": setup.engine_build,
        "engine_sha256": None,
        "model_sha256": None,
        "server_config": setup.server_config,
        "other_axes": "{}",
        "hardware_class": setup.hardware_class,
        "host_id": setup.host_id,
    }


def _launch(setup: Setup, cell: rows.Cell) -> rows.Launch:
    return rows.Launch(
        launch_id=cell.launch_id,
        server_id=cell.server_id,
        sweep_id=cell.sweep_id,
        host_id=cell.host_id,
        devices=setup.gpus,
        command_line=(),
        engine_build=cell.engine_build,
        status="ok",
        failure_class=None,
        reason=None,
        exit_code=None,
        log_tail="",
        log_path=None,
        load_ms=None,
        page_cache_fraction=None,
        idle_power_w=None,
        started_at=cell.started_at,
        ended_at=cell.ended_at,
        source=setup.source,
    )


def make_trial(**known: Any) -> rows.Trial:
    """A trial of which only so much is known; `cell_id` and `attempt` come later."""
    values = {"cell_id": "", "attempt": 1, "valid": True, "energy_reason": "imported", **known}
    return rows.Trial(**{**_unknown(rows.Trial), **values})


def make_agent_run(**known: Any) -> rows.AgentRun:
    """A try at a task of which only so much is known; as `make_trial`."""
    values = {"cell_id": "", "attempt": 1, "valid": True, **known}
    return rows.AgentRun(**{**_unknown(rows.AgentRun), **values})


def _unknown(table: type[rows.Row]) -> dict[str, None]:
    return dict.fromkeys(each.name for each in fields(table))
