"""The host actor: one long-lived Ray actor per host, and the host's lock."""

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypedDict

import ray

from warehouse.lock import Holder, held
from workers.bench_run import run_bench
from workers.context_search import run_search
from workers.contract import MEMORY_FOLDER, Event, LaunchRequest
from workers.engine.build import EngineBuild, probe
from workers.engine.config import EngineConfig
from workers.executor import run_launch
from workers.gpu import Nvml
from workers.parent import die_with_parent
from workers.workloads.llama_bench.config import LlamaBenchConfig
from workers.workloads.max_context.config import MaxContextConfig


def host_lock_path() -> Path:
    """The file whose lock says that somebody measures on this host, whoever they are."""
    return Path(tempfile.gettempdir()) / "herd-host.lock"


class _Means(TypedDict):
    """What a launch needs of its host."""

    find_build: Callable[[EngineConfig], EngineBuild]
    run_dir: Path
    cancelled: threading.Event
    nvml: Nvml


class HostWorker:
    """Runs launches on this host, one after the other; a Ray actor as `HOST_ACTOR`.

    No `num_gpus`: Ray neither counts GPUs nor touches CUDA_VISIBLE_DEVICES, the driver leases
    exact devices (shared/reference/ray.md, section 4).
    """

    def __init__(self, run_dir: str) -> None:
        die_with_parent()
        self._cancelled = threading.Event()
        memory = Path(run_dir) / MEMORY_FOLDER
        self._run_dir = memory if memory.is_dir() else Path(run_dir)
        self._nvml = Nvml()
        self._builds: dict[tuple[str, tuple[tuple[str, str], ...]], EngineBuild] = {}
        self._stack = ExitStack()

    @ray.method(concurrency_group="control")
    def claim(self, holder: Holder) -> None:
        """Take this host's lock, until the actor ends; never waits, so that it can be ended.

        Raises:
            HeldError: somebody else measures here.
        """
        lock = held(host_lock_path(), holder, wait=False, on_wait=_nobody_waits, mode=0o666)
        self._stack.enter_context(lock)

    @ray.method(concurrency_group="control")
    def cancel(self) -> None:
        """End the running launch: its cells become `cancelled`."""
        self._cancelled.set()

    @ray.method(concurrency_group="measure", num_returns="streaming")
    def run(self, request: LaunchRequest) -> Iterator[Event]:
        """Run a launch; its events come as they happen."""
        means = _Means(
            find_build=self._find_build,
            run_dir=self._run_dir,
            cancelled=self._cancelled,
            nvml=self._nvml,
        )
        workload = request.cells[0].workload
        if isinstance(workload, MaxContextConfig):
            yield from run_search(request, workload, **means)
        elif isinstance(workload, LlamaBenchConfig):
            run_dir, cancelled = self._run_dir, self._cancelled
            yield from run_bench(request, workload, run_dir=run_dir, cancelled=cancelled)
        else:
            yield from run_launch(request, **means)

    def _find_build(self, engine: EngineConfig) -> EngineBuild:
        """Probed once: it starts processes, and a sweep must not change its engine midway."""
        key = engine.probe_key
        if key not in self._builds:
            self._builds[key] = probe(engine.binary, engine.env)
        return self._builds[key]


def _nobody_waits(_: Holder | None) -> None:
    """`held` asks for somebody to tell; with `wait` off there is nothing to tell."""


# As a dict: Ray's own annotations do not know concurrency groups.
_OPTIONS: dict[str, Any] = {
    "num_cpus": 0,
    "max_restarts": 0,
    "max_task_retries": 0,
    "concurrency_groups": {"control": 1, "measure": 1},
}
HOST_ACTOR: Any = ray.remote(**_OPTIONS)(HostWorker)
