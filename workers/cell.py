"""One cell on a running server: its workload under telemetry, and why it failed if it did."""

import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import psutil

from warehouse import rows
from workers.cancel import when_cancelled
from workers.contract import CellDone, CellRequest, LaunchRequest, TrialDone
from workers.cooldown import CoolDown, cool_down
from workers.engine.client import Client
from workers.engine.config import DEFAULT_BATCH_SIZE, DEFAULT_UBATCH_SIZE
from workers.engine.log import window_cells
from workers.engine.process import LlamaServer
from workers.engine.stream import ConnectionLost
from workers.failures import CellFailed, Failure, FailureClass
from workers.gpu import Nvml
from workers.memory_now import memory_now
from workers.spans import Sample, summarise
from workers.telemetry import Sampler, telemetry_rows
from workers.trials import rate, trial_rows
from workers.workloads.base import Bench, KeptLog, Measured
from workers.workloads.catalogue import workload_for

DEATH_WAIT_S = 15.0
"""After a broken connection: a server that aborts first writes a backtrace, for seconds."""


class CellRun:
    """The run of one cell.

    Attributes:
        failure: Why it failed; None before, and if it did not.
        samples: Its telemetry, once it has ended.
    """

    def __init__(
        self,
        launch: LaunchRequest,
        cell: CellRequest,
        server: LlamaServer,
        client: Client,
        nvml: Nvml,
        cancelled: threading.Event,
        there_before: Mapping[str, frozenset[int]],
    ) -> None:
        self.failure: Failure | None = None
        self.samples: tuple[Sample, ...] = ()
        self._launch = launch
        self._cell = cell
        self._server = server
        self._client = client
        self._nvml = nvml
        self._cancelled = cancelled
        self._there_before = there_before
        self._cool_down: CoolDown | None = None
        self._measured: list[Measured] = []
        self._evidence: list[rows.Row] = []
        self._log: bytes | None = None
        self._complete = False
        self._slot_context: int | None = None

    def events(self) -> Iterator[TrialDone | CellDone]:
        """Measure: a TrialDone for each trial, then the CellDone."""
        started_at = datetime.now(UTC)
        launch = self._launch
        self._cool_down = cool_down(self._nvml, launch.gpu_uuids, launch.measure, self._cancelled)
        with Sampler(self._server.pid, launch.gpu_uuids, self._nvml, self._there_before) as sampler:
            try:
                with when_cancelled(self._cancelled, self._client.abort):
                    yield from self._trials(sampler)
            except CellFailed as error:
                self.failure = self._refused(error.failure)
            except ConnectionLost as error:
                self.failure = self._lost(error)
        self.samples = sampler.samples
        yield self._done(started_at)

    def _trials(self, sampler: Sampler) -> Iterator[TrialDone]:
        workload = workload_for(self._cell.workload)
        self._slot_context = self._client.slot_context()
        context = min(self._launch.context, self._slot_context)
        total = workload.total(context)
        self._client.erase()
        engine = self._launch.engine
        bench = Bench(
            cell_id=self._cell.cell_id,
            attempt=self._cell.attempt,
            client=self._client,
            context=context,
            batch_size=engine.batch_size or DEFAULT_BATCH_SIZE,
            ubatch_size=engine.ubatch_size or DEFAULT_UBATCH_SIZE,
            checkpoints=engine.ctx_checkpoints != 0,
            window_cells=window_cells(self._server.log_lines()),
            slot_folder=self._server.slot_folder,
            base_url=self._server.base_url,
            api_key=self._server.api_key,
            request_timeout_s=engine.request_timeout_s,
            model_path=Path(self._launch.model.path),
            folder=self._server.log_path.parent,
            cancelled=self._cancelled,
            memory_now=lambda: memory_now(self._server.pid, self._launch.gpu_uuids, self._nvml),
            server_context=self._launch.context,
        )
        for found in workload.run(bench):
            if isinstance(found, KeptLog):
                self._log = found.content
                continue
            if isinstance(found, rows.Row):
                self._evidence.append(found)
                if isinstance(found, rows.LoadStep | rows.AgentRun):
                    yield self._step_done(found, total)
                continue
            sampler.mark()
            self._measured.append(found)
            yield self._trial_done(found, total, sampler.hottest_c)
        self._complete = not self._cancelled.is_set()

    def _trial_done(self, measured: Measured, total: int, temperature_c: float | None) -> TrialDone:
        return TrialDone(
            cell_id=self._cell.cell_id,
            step=measured.asked.label,
            done=len(self._measured),
            total=total,
            tok_s=rate(measured.asked.kind, measured.completion.answer.timings),
            temperature_c=temperature_c,
        )

    def _step_done(self, step: rows.LoadStep | rows.AgentRun, total: int) -> TrialDone:
        done = sum(isinstance(row, type(step)) for row in self._evidence)
        if isinstance(step, rows.AgentRun):
            name, tok_s = f"{step.task}: {step.outcome}", step.tg_tok_s
        else:
            name, tok_s = step.step, step.total_tok_s
        return TrialDone(self._cell.cell_id, name, done, max(done, total), tok_s)

    def _refused(self, failure: Failure) -> Failure | None:
        if self._cancelled.is_set():
            return None
        if failure.failure_class is FailureClass.RUN_TIMEOUT:
            self._server.kill()
        return failure

    def _lost(self, error: ConnectionLost) -> Failure | None:
        if self._cancelled.is_set():
            return None
        if self._server.wait_exit(DEATH_WAIT_S) is None:
            return Failure(FailureClass.REQUEST_ERROR, f"the connection broke: {error}")
        return self._server.failure()

    def _status(self) -> str:
        if self.failure:
            return "failed"
        return "ok" if self._complete else "cancelled"

    def _done(self, started_at: datetime) -> CellDone:
        cell = self._cell
        return CellDone(
            cell_id=cell.cell_id,
            attempt=cell.attempt,
            status=self._status(),
            failure=self.failure,
            started_at=started_at,
            ended_at=datetime.now(UTC),
            trials=self._trial_rows(),
            telemetry=telemetry_rows(
                self.samples,
                host_id=self._launch.host_id,
                launch_id=self._launch.launch_id,
                cell_id=cell.cell_id,
                attempt=cell.attempt,
            ),
            evidence=tuple(self._evidence),
            cool_down=self._cool_down,
            slot_context=self._slot_context,
            agent_log=self._log,
        )

    def _trial_rows(self) -> tuple[rows.Trial, ...]:
        cores = psutil.cpu_count() or 1
        spans = [
            summarise(self.samples, one.completion.sent_s, one.completion.ended_s, cores=cores)
            for one in self._measured
        ]
        cell = self._cell
        return trial_rows(cell.cell_id, cell.attempt, self._measured, spans, self._launch.measure)
