"""Run the workload `max_context`: a few launches at contexts that close in on the largest."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from warehouse import rows
from workers.contract import (
    CellDone,
    Event,
    LaunchDone,
    LaunchReady,
    LaunchRequest,
    TrialDone,
)
from workers.engine.build import EngineBuild
from workers.engine.config import EngineConfig
from workers.executor import run_launch
from workers.failures import Failure, FailureClass
from workers.gpu import Nvml
from workers.workloads.max_context.config import MaxContextConfig
from workers.workloads.max_context.search import next_context
from workers.workloads.speed.config import SpeedConfig

_PROOF_PROMPT = 64


@dataclass(slots=True)
class _Probe:
    """A start at one context, as it is heard of."""

    request: LaunchRequest
    load_ms: float | None = None
    ended: CellDone | None = None
    launch: rows.Launch | None = None


@dataclass(slots=True)
class _Search:
    """What was tried."""

    probes: list[_Probe] = field(default_factory=list)

    def tried(self) -> dict[int, bool]:
        return {p.request.context: _worked(p) for p in self.probes}

    def failure(self) -> Failure | None:
        """Why nothing worked, or why the search could not go on."""
        if any(_busy(probe) for probe in self.probes):
            return _failure(self.probes[-1])
        if any(_worked(probe) for probe in self.probes):
            return None
        return _failure(self.probes[-1])


def run_search(
    request: LaunchRequest,
    config: MaxContextConfig,
    *,
    find_build: Callable[[EngineConfig], EngineBuild],
    run_dir: Path,
    cancelled: threading.Event,
    nvml: Nvml,
) -> Iterator[Event]:
    """Search the largest context of a request with one cell; as `executor.run_launch`.

    Yields:
        The events of each launch but its cell's, a TrialDone after each, last the CellDone.
    """
    (cell,) = request.cells
    search = _Search()
    started_at = datetime.now(UTC)
    while len(search.probes) < config.max_starts and not cancelled.is_set():
        context = next_context(
            search.tried(),
            limit=request.context,
            first_guess=request.predicted_context,
            granularity=config.granularity,
        )
        if context is None:
            break
        probe = _Probe(_probe_request(request, config, context, len(search.probes)))
        search.probes.append(probe)
        launch = run_launch(
            probe.request, find_build=find_build, run_dir=run_dir, cancelled=cancelled, nvml=nvml
        )
        for event in launch:
            _note(probe, event)
            if isinstance(event, LaunchReady | LaunchDone):
                yield event
        if _busy(probe):
            break
        yield TrialDone(
            cell.cell_id, f"context {context}", len(search.probes), config.max_starts, None
        )
    yield _done(request, search, started_at, cancelled=cancelled.is_set())


def _probe_request(
    request: LaunchRequest, config: MaxContextConfig, context: int, number: int
) -> LaunchRequest:
    (cell,) = request.cells
    proof = SpeedConfig(prompt_sizes=[_PROOF_PROMPT], n_predict=config.n_predict, repetitions=1)
    launch_id = request.launch_id if number == 0 else f"{request.launch_id}-{number + 1}"
    return replace(
        request, launch_id=launch_id, context=context, cells=(replace(cell, workload=proof),)
    )


def _note(probe: _Probe, event: Event) -> None:
    match event:
        case CellDone():
            probe.ended = event
        case LaunchReady(launch):
            probe.load_ms = launch.load_ms
        case LaunchDone(launch):
            probe.launch = launch


def _failure(probe: _Probe) -> Failure | None:
    return probe.ended.failure if probe.ended else None


def _busy(probe: _Probe) -> bool:
    """Whether others kept the GPU: that says nothing of the context."""
    failure = _failure(probe)
    return failure is not None and failure.failure_class is FailureClass.GPU_BUSY


def _worked(probe: _Probe) -> bool:
    return probe.ended is not None and probe.ended.status == "ok"


def _done(
    request: LaunchRequest, search: _Search, started_at: datetime, *, cancelled: bool
) -> CellDone:
    (cell,) = request.cells
    failure = None if cancelled else search.failure()
    status = "cancelled" if cancelled else "failed" if failure else "ok"
    return CellDone(
        cell_id=cell.cell_id,
        attempt=cell.attempt,
        status=status,
        failure=failure,
        started_at=started_at,
        ended_at=datetime.now(UTC),
        trials=(),
        telemetry=(),
        evidence=tuple(
            _row(cell.cell_id, cell.attempt, number, probe)
            for number, probe in enumerate(search.probes, start=1)
        ),
    )


def _row(cell_id: str, attempt: int, number: int, probe: _Probe) -> rows.ContextProbe:
    failure = _failure(probe)
    return rows.ContextProbe(
        cell_id=cell_id,
        attempt=attempt,
        launch_id=probe.request.launch_id,
        probe=number,
        context=probe.request.context,
        started=probe.load_ms is not None,
        generated=_worked(probe),
        failure_class=failure.failure_class.value if failure else None,
        reason=failure.reason if failure else None,
        load_ms=probe.load_ms,
    )
