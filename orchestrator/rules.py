"""How many launches a host runs at once. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

from orchestrator.host_view import HostView
from orchestrator.leases import Lease, uses_host
from orchestrator.plan import PlannedLaunch

Undisturbed = Mapping[tuple[str, str], int]
"""By host and hardware class: so many launches on separate GPUs of it were seen not to disturb
each other, in a calibration."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How hosts are shared."""

    exclusive: bool = True
    """One launch a host at a time, but where a calibration allows more."""
    undisturbed: Undisturbed = field(default_factory=dict)

    def most(self, host: HostView) -> float:
        """Launches that a host may run at once."""
        if not self.exclusive:
            return inf
        return self.undisturbed.get((host.host.host_id, host.host.hardware_class), 1)

    def is_full(self, host: HostView, leases: Sequence[Lease]) -> bool:
        """Whether a host with these leases takes nothing more.

        What has the host to itself says so; another may be there by `plan.beside`.
        """
        most = self.most(host)
        return any(lease.alone for lease in leases) or 1 < most <= len(leases)

    def alone(self, host: HostView, launch: PlannedLaunch) -> bool:
        """Whether a launch needs its host to itself."""
        if launch.beside > 1:
            return False
        return self.most(host) <= 1 or uses_host(launch)

    def has_room_beside(self, launch: PlannedLaunch, running: Sequence[PlannedLaunch]) -> bool:
        """Whether a launch is one of those that are to run side by side with these."""
        server_id = launch.first.server.server_id
        own = all(each.first.server.server_id == server_id for each in running)
        return own and len(running) < launch.beside

    def gpus(self, host: HostView) -> int | None:
        """GPUs of a host whose launches run side by side; None where one has the host."""
        return None if self.most(host) <= 1 else len(host.host.gpus) or None


EXCLUSIVE = Rules()
