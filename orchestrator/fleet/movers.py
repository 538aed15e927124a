"""The movers of a fleet's hosts: started when a file moves, ended when none does."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class HostFiles:
    """Where a host's mover runs and works."""

    node_id: str
    """Ray's, of the host as it is up now."""
    store: str | None
    """Folder of its model store; None is herd's data folder."""


@dataclass(slots=True)
class Movers:
    """At most one mover a host."""

    shared: str | None
    """Folder that hosts share."""
    _hosts: dict[str, HostFiles] = field(default_factory=dict)
    _actors: dict[str, Any] = field(default_factory=dict)

    def join(self, host_id: str, host: HostFiles) -> None:
        """A host is there, for the first time or again."""
        self.drop(host_id)
        self._hosts[host_id] = host

    def drop(self, host_id: str) -> None:
        """End a host's mover, if it has one."""
        import ray

        actor = self._actors.pop(host_id, None)
        if actor is not None:
            ray.kill(actor)

    def of(self, host_id: str) -> Any:
        """A host's mover, started if need be; never waits for it."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        from workers.models.mover import FILE_MOVER

        if host_id not in self._actors:
            host = self._hosts[host_id]
            pinned = NodeAffinitySchedulingStrategy(host.node_id, soft=False)
            options = FILE_MOVER.options(scheduling_strategy=pinned)
            self._actors[host_id] = options.remote(host.store, self.shared)
        return self._actors[host_id]

    def keep(self, host_ids: set[str]) -> None:
        """End the movers of all other hosts."""
        for host_id in set(self._actors) - host_ids:
            self.drop(host_id)
