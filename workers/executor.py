"""Run a launch on this host: start the server, measure its cells, stop it, say what happened."""

import gzip
import shutil
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from warehouse import rows
from warehouse.errors import EngineError
from workers.cancel import when_cancelled
from workers.cell import CellRun
from workers.contract import CellDone, CellRequest, Event, LaunchDone, LaunchReady, LaunchRequest
from workers.engine.build import EngineBuild
from workers.engine.client import Client
from workers.engine.config import EngineConfig
from workers.engine.flags import server_arguments
from workers.engine.log import devices_used
from workers.engine.process import LaunchFailed, LlamaServer
from workers.failures import Failure, FailureClass
from workers.foreign import before_launch, pids_by_gpu
from workers.gpu import Nvml
from workers.launch_rows import Before, LeasedGpu, Seen, launch_row, memory_rows, missing_devices
from workers.pagecache import page_cache_fraction
from workers.spans import Sample

EARLIER_DEATH = Failure(FailureClass.CRASH, "server died in an earlier cell")
"""Of cells that found no server any more: a class that is tried again."""


def run_launch(
    request: LaunchRequest,
    *,
    find_build: Callable[[EngineConfig], EngineBuild],
    run_dir: Path,
    cancelled: threading.Event,
    nvml: Nvml,
) -> Generator[Event, None, None]:
    """Run a launch; every failure becomes an event. Closing the iterator stops the server.

    Args:
        request: What to run; the model file is taken as it is, not hashed again.
        find_build: The binary of an engine; may raise EngineError. Worth remembering by the
            caller, since probing starts processes.
        run_dir: A private folder in it, best in memory, holds log, key and slot files and is
            removed at the end.
        cancelled: Once set, the request in flight is dropped, and what is left is cancelled.
        nvml: The host's GPUs.

    Yields:
        Events in the order that `workers.contract` states.
    """
    launch = _Launch(request, run_dir / request.launch_id, cancelled, nvml)
    try:
        yield from launch.run(find_build)
    finally:
        launch.clean_up()


class _Launch:
    def __init__(
        self, request: LaunchRequest, folder: Path, cancelled: threading.Event, nvml: Nvml
    ) -> None:
        self._request = request
        self._folder = folder
        self._cancelled = cancelled
        self._nvml = nvml
        self._server: LlamaServer | None = None
        self._failure: Failure | None = None
        self._samples: list[Sample] = []
        self._before = Before(datetime.now(UTC))

    def run(self, find_build: Callable[[EngineConfig], EngineBuild]) -> Iterator[Event]:
        try:
            server = self._start(find_build)
        except LaunchFailed as error:
            self._failure = error.failure
            for cell in self._request.cells:
                yield self._not_run(cell, error.failure)
        else:
            yield self._ready(server)
            yield from self._cells(server)
        yield self._done()

    def clean_up(self) -> None:
        if self._server is not None:
            self._server.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, find_build: Callable[[EngineConfig], EngineBuild]) -> LlamaServer:
        request, model = self._request, Path(self._request.model.path)
        if not model.is_file():
            raise LaunchFailed(Failure(FailureClass.MISSING_MODEL, f"no model file at {model}"))
        self._before = replace(
            self._before,
            page_cache_fraction=page_cache_fraction(model),
            idle_power_w=self._nvml.idle_power_w(request.gpu_uuids),
            gpus=tuple(
                LeasedGpu(device, uuid, self._nvml.sample(uuid).vram_used_mib)
                # without uuids (what the engine sees is not what NVML sees) nothing is claimed
                for device, uuid in zip(request.devices, request.gpu_uuids, strict=False)
            ),
        )
        self._heed_foreign()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            server = self._make(find_build(request.engine))
            self._server = server
            self._before = replace(self._before, started_at=datetime.now(UTC))
            with when_cancelled(self._cancelled, server.kill):
                server.start()
        except EngineError as error:
            raise LaunchFailed(Failure(FailureClass.ENGINE_MISSING, str(error))) from error
        except OSError as error:
            raise LaunchFailed(
                Failure(FailureClass.CRASH, f"cannot be started: {error}")
            ) from error
        self._check_devices(server)
        return server

    def _heed_foreign(self) -> None:
        gpus = {gpu.uuid: gpu.device for gpu in self._before.gpus}
        found, busy = before_launch(self._nvml, gpus, self._request.measure, self._cancelled)
        self._before = replace(self._before, foreign=found)
        if busy:
            raise LaunchFailed(busy)

    def _make(self, build: EngineBuild) -> LlamaServer:
        request = self._request
        arguments = server_arguments(
            request.engine,
            model_path=request.model.path,
            context=request.context,
            cache_k=request.cache_k,
            cache_v=request.cache_v,
            devices=request.devices,
            tensor_split=request.tensor_split,
            known_flags=build.known_flags,
        )
        return LlamaServer(
            build,
            request.engine,
            arguments,
            log_path=self._folder / "server.log",
            run_dir=self._folder,
        )

    def _check_devices(self, server: LlamaServer) -> None:
        # A dead RPC peer or a missing library moves work to the CPU without an error.
        missing = missing_devices(self._request.devices, devices_used(server.log_lines()))
        if missing:
            text = f"the server runs without {', '.join(missing)}, by its log"
            raise LaunchFailed(Failure(FailureClass.DEVICE_MISSING, text))

    def _ready(self, server: LlamaServer) -> LaunchReady:
        lines = server.log_lines()
        return LaunchReady(
            launch_row(
                self._request,
                self._before,
                Seen(command_line=server.command, load_ms=server.load_ms),
            ),
            memory_rows(self._request.launch_id, lines),
        )

    def _cells(self, server: LlamaServer) -> Iterator[Event]:
        engine, there_before = self._request.engine, pids_by_gpu(self._before.foreign)
        with Client(
            server.base_url, server.api_key, request_timeout_s=engine.request_timeout_s
        ) as client:
            for cell in self._request.cells:
                if self._failure or self._cancelled.is_set():
                    yield self._not_run(cell, EARLIER_DEATH)
                    continue
                run = CellRun(
                    self._request, cell, server, client, self._nvml, self._cancelled, there_before
                )
                yield from run.events()
                self._samples.extend(run.samples)
                if run.failure and server.poll() is not None:
                    self._failure = run.failure

    def _not_run(self, cell: CellRequest, failure: Failure) -> CellDone:
        now = datetime.now(UTC)
        cancelled = self._cancelled.is_set()
        return CellDone(
            cell_id=cell.cell_id,
            attempt=cell.attempt,
            status="cancelled" if cancelled else "failed",
            failure=None if cancelled else failure,
            started_at=now,
            ended_at=now,
            trials=(),
            telemetry=(),
        )

    def _done(self) -> LaunchDone:
        """Stop the server; the rows of its whole life."""
        server = self._server
        seen, lines, log = Seen(ended_at=datetime.now(UTC)), [], ""
        if server is not None:
            exit_code = server.stop() if server.pid else None
            lines, log = server.log_lines(), server.log_text()
            seen = Seen(
                command_line=server.command,
                load_ms=server.load_ms or None,
                exit_code=exit_code,
                ended_at=datetime.now(UTC),
                log_tail=server.log_tail(),
            )
        return LaunchDone(
            self._row(seen),
            memory_rows(self._request.launch_id, lines, self._samples, self._before.gpus),
            gzip.compress(log.encode(), mtime=0),
        )

    def _row(self, seen: Seen) -> rows.Launch:
        if self._cancelled.is_set():
            return launch_row(self._request, self._before, seen, status="cancelled")
        return launch_row(
            self._request,
            self._before,
            seen,
            status="failed" if self._failure else "ok",
            failure=self._failure,
        )
