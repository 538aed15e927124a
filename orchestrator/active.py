"""A launch that runs on a host, as far as the driver has heard of it."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime

from orchestrator.attempts import Attempts
from orchestrator.placement import Planned
from orchestrator.schedule import Assignment
from workers.contract import Baseline, CellDone, CellRequest, LaunchReady, LaunchRequest, ModelFile


@dataclass(slots=True)
class Active:
    """What was asked of a host, and what is left of it."""

    assignment: Assignment
    request: LaunchRequest
    started_at: datetime
    left: dict[str, Planned]
    """Cells that have not ended, the one in flight first."""
    ready: LaunchReady | None = None
    gone: bool = False
    """Whether the end of the latest server is in the warehouse."""
    failed: bool = False
    """Whether a cell of it did: then its time tells nothing of others."""
    uncommitted: list[CellDone] = field(default_factory=list)
    """Cells of a launch that did not come up: committed after the launch's own row."""

    @property
    def host_id(self) -> str:
        """Where it runs."""
        return self.request.host_id

    def in_flight(self) -> CellRequest | None:
        """The cell that a lost host takes with it; the others of its launch did not begin."""
        ended = {done.cell_id for done in self.uncommitted}
        asked = (cell for cell in self.request.cells if cell.cell_id in self.left)
        return next((cell for cell in asked if cell.cell_id not in ended), None)


def begun(
    assignment: Assignment,
    model: ModelFile,
    attempts: Attempts,
    sweep_id: str,
    now: datetime,
    baseline: Baseline | None = None,
) -> Active:
    """A launch as it is asked of its host.

    Args:
        assignment: what and where.
        model: the file where it lies on that host.
        attempts: gives its cells their numbers.
        sweep_id: of the sweep.
        now: UTC.
        baseline: what it is compared with.
    """
    lease, first = assignment.lease, assignment.launch.first
    request = LaunchRequest(
        launch_id=secrets.token_hex(16),
        server_id=first.server.server_id,
        sweep_id=sweep_id,
        host_id=lease.host_id,
        model=model,
        context=first.spec.context,
        cache_k=first.spec.cache_k,
        cache_v=first.spec.cache_v,
        devices=tuple(device.name for device in lease.devices),
        gpu_uuids=lease.gpu_uuids,
        tensor_split=first.pairing.split,
        engine=first.engine,
        engine_build=first.build.text if first.build else None,
        measure=first.spec.measure,
        cells=tuple(
            CellRequest(cell.cell_id, attempts.take(cell.cell_id), cell.spec.workload)
            for cell in assignment.launch.cells
        ),
        predicted_context=first.predicted_context,
        baseline=baseline,
    )
    cells = {cell.cell_id: cell for cell in assignment.launch.cells}
    return Active(assignment, request, now, cells)
