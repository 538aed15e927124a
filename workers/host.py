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
from workers.dead_man import DeadMan
from workers.engine.build import EngineBuild, probe
from workers.engine.config import EngineConfig
from workers.executor import run_launch
from workers.gpu import Nvml
from workers.look import EngineKey, HostReport, LookRequest, look
from workers.parent import die_with_parent
from workers.perplexity_run import run_perplexity
from workers.run_dir import run_dir
from workers.running import Running
from workers.workloads.llama_bench.config import LlamaBenchConfig
from workers.workloads.max_context.config import MaxContextConfig
from workers.workloads.perplexity.config import PerplexityConfig

_MOST_LAUNCHES = 16
"""Side by side on one host: as many as a host has GPUs."""


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
    """Runs launches on this host, side by side if the driver says so; as `HOST_ACTOR` of Ray.

    No `num_gpus`: Ray neither counts GPUs nor touches CUDA_VISIBLE_DEVICES, the driver leases
    exact devices (shared/reference/ray.md, section 4).
    """

    def __init__(self, dead_man_s: float) -> None:
        """Nothing is locked yet.

        Args:
            dead_man_s: silence of the driver after which this process ends, s.
        """
        die_with_parent()
        self._stack = ExitStack()
        folder = self._stack.enter_context(run_dir())
        memory = folder / MEMORY_FOLDER
        self._run_dir = memory if memory.is_dir() else folder
        self._nvml = Nvml()
        self._builds: dict[EngineKey, EngineBuild] = {}
        self._running = Running()
        self._dead_man = DeadMan(dead_man_s, self._let_go)

    @ray.method(concurrency_group="control")
    def claim(self, holder: Holder) -> None:
        """Take this host's lock, until the actor ends; never waits, so that it can be ended.

        Raises:
            HeldError: somebody else measures here.
        """
        lock = held(host_lock_path(), holder, wait=False, on_wait=_nobody_waits, mode=0o666)
        self._stack.enter_context(lock)

    @ray.method(concurrency_group="control")
    def ping(self) -> None:
        """The driver lives; without this for `dead_man_s` the process ends."""
        self._dead_man.heard()

    @ray.method(concurrency_group="control")
    def cancel(self, launch_id: str | None = None) -> None:
        """End a launch, or all: its cells become `cancelled`."""
        self._running.cancel(launch_id)

    @ray.method(concurrency_group="control")
    def leave(self) -> None:
        """End what runs, remove the run folder and let the lock go; for the actor's end."""
        self._let_go()

    def _let_go(self) -> None:
        self._running.cancel(None)
        self._stack.close()

    @ray.method(concurrency_group="look")
    def inspect(self, request: LookRequest) -> HostReport:
        """What this host has; takes as long as hashing the model files that are new."""
        return look(request, self._nvml)

    @ray.method(concurrency_group="measure", num_returns="streaming")
    def run(self, request: LaunchRequest) -> Iterator[Event]:
        """Run a launch; its events come as they happen.

        Raises:
            FleetError: another launch has one of its devices.
        """
        with self._running.leased(request) as cancelled:
            yield from self._events(request, cancelled)

    def _events(self, request: LaunchRequest, cancelled: threading.Event) -> Iterator[Event]:
        means = _Means(
            find_build=self._find_build,
            run_dir=self._run_dir,
            cancelled=cancelled,
            nvml=self._nvml,
        )
        workload = request.cells[0].workload
        if isinstance(workload, MaxContextConfig):
            yield from run_search(request, workload, **means)
        elif isinstance(workload, LlamaBenchConfig):
            yield from run_bench(request, workload, run_dir=self._run_dir, cancelled=cancelled)
        elif isinstance(workload, PerplexityConfig):
            yield from run_perplexity(request, workload, run_dir=self._run_dir, cancelled=cancelled)
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
    "concurrency_groups": {"control": 1, "look": 1, "measure": _MOST_LAUNCHES},
}
HOST_ACTOR: Any = ray.remote(**_OPTIONS)(HostWorker)
