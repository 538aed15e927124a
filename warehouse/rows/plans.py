"""Tables of what was asked for and planned."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from warehouse.rows.base import Axes, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep(Row):
    """A start of the command."""

    TABLE: ClassVar[str] = "sweeps"
    sweep_id: Annotated[str, "identity of this start"]
    name: Annotated[str, "name of the sweep"]
    command: Annotated[str, "overrides as typed"]
    config: Annotated[str, "resolved configuration before the axes, JSON"]
    code_version: Annotated[str, "version of herd"]
    started_at: Annotated[datetime, "start, UTC"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCell(Axes):
    """A cell in a sweep's plan, written before the first start."""

    TABLE: ClassVar[str] = "planned_cells"
    sweep_id: Annotated[str, "the sweep that planned it"]
    decision: Annotated[str, "run, pruned or cached"]
    reason: Annotated[str | None, "why pruned or cached"]
    plan_order: Annotated[int, "position in the plan"]
    host_id: Annotated[str | None, "host that the plan chose"]
    predicted_s: Annotated[float | None, "predicted time of the cell, seconds"]
    predicted_tg_tok_s: Annotated[float | None, "predicted generation speed, tokens per second"]
    note: Annotated[str | None, "what the plan warns of: memory that may lack, or is unknown"] = (
        None
    )
    unresolved_id: Annotated[
        str | None, "server_id with auto values (n_cpu_moe) left open; null where there are none"
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedMemory(Row):
    """A part of a device's memory in a planned launch."""

    TABLE: ClassVar[str] = "predicted_memory"
    sweep_id: Annotated[str, "the sweep that planned it"]
    server_id: Annotated[str, "the planned server configuration"]
    device: Annotated[str, "device as the engine names it, or Host"]
    part: Annotated[str, "weights, kv, recurrent, compute or overhead"]
    mib: Annotated[float, "predicted memory, MiB"]
    basis: Annotated[str | None, "exact, history (learned from launches) or estimate"] = None
    free_mib: Annotated[float | None, "free memory of the device when it was planned, MiB"] = None
