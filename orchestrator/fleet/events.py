"""What a fleet tells its driver."""

from dataclasses import dataclass

from warehouse.errors import HerdError
from workers.contract import Event
from workers.look import HostReport


@dataclass(frozen=True, slots=True)
class Joined:
    """A host is ready to work: new, or come back."""

    node_id: str
    report: HostReport | None
    """What it has; None where nobody asked."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A host is there and cannot be had; it is tried again."""

    error: HerdError


@dataclass(frozen=True, slots=True)
class Lost:
    """A host's actor is gone, whatever took it, and with it all that it ran."""

    reason: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A launch has nothing more to say: its devices are free."""


@dataclass(frozen=True, slots=True)
class Broke:
    """A launch ended by an error of the worker's own; its host goes on."""

    reason: str


@dataclass(frozen=True, slots=True)
class Heard:
    """What came from a host."""

    host_id: str
    event: Event | Joined | Refused | Lost | Ended | Broke
    launch_id: str | None = None
    """The launch that it is of."""
