"""Hosts under Ray: one long-lived actor each, pinned to its node; launches and their events."""

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.fleet.lost import lost_reason
from workers.run_dir import SHARED_MEMORY
from orchestrator.fleet.token import token_path
from warehouse.errors import FleetError, HeldError
from warehouse.lock import Holder
from workers.contract import Event, LaunchRequest

_LEAN = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_enable_metrics_collection": "0",
    "RAY_enable_worker_prestart": "0",
    "RAY_prestart_worker_first_driver": "0",
    "RAY_event_stats": "0",
    "RAY_AUTH_MODE": "token",
}
_OBJECT_STORE_BYTES = 75 * 1024 * 1024
_WAIT_STEP_S = 1.0
_START_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Lost:
    """The host's actor is gone, whatever took it."""

    reason: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The host has nothing more to say of what it was handed: it is free."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What came from a host."""

    host_id: str
    event: Event | Lost | Ended


class Fleet:
    """The hosts of a sweep. Here one, on a Ray that lives as long as the sweep."""

    def __init__(self, nodes: dict[str, str], holder: Holder, run_dir: Path) -> None:
        """Nobody is hired yet.

        Args:
            nodes: host label to Ray NodeID.
            holder: who measures, for others who want the host.
            run_dir: folder for sockets, logs and slot files.
        """
        self._nodes = nodes
        self._holder = holder
        self._run_dir = run_dir
        self._actors: dict[str, Any] = {}
        self._running: dict[str, Any] = {}

    def hire(self, *, wait: bool, tell: Callable[[str], None]) -> None:
        """Start the actor of every host; each takes its host's lock.

        Args:
            wait: wait for whoever holds a host.
            tell: prints a line to the user.

        Raises:
            HeldError: somebody else measures on a host, and `wait` is false.
            FleetError: an actor does not start.
        """
        for host_id in self._nodes:
            actor = self._start_actor(host_id)
            told = False
            while True:
                try:
                    self._claim(host_id, actor)
                    break
                except HeldError as error:
                    if not wait:
                        raise
                    if not told:
                        tell(f"waiting: {error}")
                    told = True
                    time.sleep(_WAIT_STEP_S)

    def free_hosts(self) -> set[str]:
        """Hosts whose actor has nothing to do."""
        return set(self._actors) - set(self._running)

    def run(self, host_id: str, request: LaunchRequest) -> None:
        """Hand a launch to a host; its events come by `hear`."""
        self._running[host_id] = self._actors[host_id].run.remote(request)

    def cancel(self) -> None:
        """Ask every host to end its launch; the events that follow say how it ended."""
        for host_id in self._running:
            self._actors[host_id].cancel.remote()

    def hear(self, timeout_s: float) -> list[Heard]:
        """What has come from the hosts, after waiting for the first at most `timeout_s`."""
        import ray

        if not self._running:
            return []
        ready, _ = ray.wait(list(self._running.values()), num_returns=len(self._running), timeout=0)
        if not ready:
            ready, _ = ray.wait(list(self._running.values()), timeout=timeout_s)
        by_generator = {id(generator): host for host, generator in self._running.items()}
        return [self._next(by_generator[id(generator)]) for generator in ready]

    def _next(self, host_id: str) -> Heard:
        import ray
        from ray.exceptions import RayActorError

        try:
            return Heard(host_id, ray.get(next(self._running[host_id])))
        except StopIteration:
            del self._running[host_id]
            return Heard(host_id, Ended())
        except RayActorError as error:
            del self._running[host_id]
            del self._actors[host_id]
            return Heard(host_id, Lost(lost_reason(str(error))))

    def rehire(self, host_id: str) -> None:
        """Start a lost host's actor anew.

        Raises:
            FleetError: it does not start.
            HeldError: somebody else took the host meanwhile.
        """
        self._claim(host_id, self._start_actor(host_id))

    def _start_actor(self, host_id: str) -> Any:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        from workers.host import HOST_ACTOR

        pinned = NodeAffinitySchedulingStrategy(self._nodes[host_id], soft=False)
        return HOST_ACTOR.options(scheduling_strategy=pinned).remote(str(self._run_dir))

    def _claim(self, host_id: str, actor: Any) -> None:
        import ray
        from ray.exceptions import RayError, RayTaskError

        try:
            ray.get(actor.claim.remote(self._holder), timeout=_START_TIMEOUT_S)
        except RayTaskError as error:
            if isinstance(error.cause, HeldError):
                raise HeldError(str(error.cause)) from error
            raise FleetError(f"the worker on {host_id}: {error.cause}") from error
        except RayError as error:
            raise FleetError(
                f"the worker on {host_id} did not start: {' '.join(str(error).split())[:300]}"
            ) from error
        self._actors[host_id] = actor


@contextmanager
def embedded(host_id: str, holder: Holder, run_dir: Path) -> Iterator[Fleet]:
    """A fleet of this host alone, on a Ray that starts and ends here.

    Raises:
        FleetError: Ray does not start.
    """
    if not os.access(SHARED_MEMORY, os.W_OK):
        raise FleetError(f"{SHARED_MEMORY} is missing or not writable, and Ray needs it: mount it")
    os.environ.update(_LEAN, RAY_AUTH_TOKEN_PATH=str(token_path()))
    import ray

    try:
        ray.init(
            num_cpus=1,
            num_gpus=0,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            configure_logging=False,
            object_store_memory=_OBJECT_STORE_BYTES,
            labels={"host": _label(host_id)},
            _temp_dir=str(run_dir / "ray"),
            _node_ip_address="127.0.0.1",
        )
    except Exception as error:  # Ray raises plain ones when a node does not come up
        raise FleetError(f"Ray did not start: {' '.join(str(error).split())[:300]}") from error
    try:
        node_id = ray.get_runtime_context().get_node_id()
        yield Fleet({host_id: node_id}, holder, run_dir)
    finally:
        ray.shutdown()


def _label(host_id: str) -> str:
    """A host's name as a Ray label takes it."""
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in host_id)[:63].strip("-_.")
