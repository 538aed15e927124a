"""One host's actor: pinned to its node, asked and listened to without waiting."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from orchestrator.fleet.clocks import by_clock_of_driver
from orchestrator.fleet.events import Broke, Ended, Heard, Joined, Lost, Refused
from orchestrator.fleet.lost import lost_reason
from orchestrator.fleet.nodes import Node
from warehouse.errors import FleetError, HeldError
from warehouse.lock import Holder
from workers.contract import LaunchRequest
from workers.look import LookRequest

_CLAIM_AGAIN_S = 1.0


@dataclass(slots=True)
class Hired:
    """An actor and what was asked of it."""

    node: Node
    actor: Any
    request: LookRequest | None
    """What it is to look for before it works."""
    ready: bool = False
    """Whether it takes launches."""
    claimed_s: float = 0.0
    """When it was last asked to take its host's lock."""
    claiming: Any = None
    """The answer that is waited for, to `claim`."""
    looking: Any = None
    """The answer that is waited for, to `inspect`."""
    streams: dict[str, Any] = field(default_factory=dict)
    """Of the launches that run."""

    @classmethod
    def start(cls, node: Node, request: LookRequest | None, dead_man_s: float) -> "Hired":
        """Start the actor; it answers later."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        from workers.host import HOST_ACTOR

        pinned = NodeAffinitySchedulingStrategy(node.node_id, soft=False)
        return cls(node, HOST_ACTOR.options(scheduling_strategy=pinned).remote(dead_man_s), request)

    def is_to_claim(self, now_s: float) -> bool:
        """Whether its host was somebody else's a moment ago."""
        waits = not self.ready and self.claiming is None and self.looking is None
        return waits and now_s >= self.claimed_s + _CLAIM_AGAIN_S

    def claim(self, holder: Holder, now_s: float) -> None:
        """Ask it to take its host's lock."""
        self.claiming, self.claimed_s = self.actor.claim.remote(holder), now_s

    def ping(self) -> None:
        """Keep its dead-man's switch quiet; the answer is nobody's concern."""
        self.actor.ping.remote()

    def run(self, request: LaunchRequest) -> None:
        """Hand it a launch."""
        self.streams[request.launch_id] = self.actor.run.remote(request)

    def cancel(self, launch_id: str | None) -> None:
        """Ask it to end a launch, or all."""
        self.actor.cancel.remote(launch_id)

    def leave(self) -> Any:
        """Ask it to let its host go; gives what can be waited for."""
        return self.actor.leave.remote()

    def kill(self) -> None:
        """End its process, as soon as its node can be told."""
        import ray

        ray.kill(self.actor, no_restart=True)

    @property
    def awaited(self) -> list[Any]:
        """What may have come from it."""
        one = [each for each in (self.claiming, self.looking) if each is not None]
        return [*one, *self.streams.values()]

    def hear(self, ready: set[int]) -> list[Heard]:
        """What came, by `id` of what is awaited. A loss is told once, last, and ends it all."""
        from ray.exceptions import RayError, RayTaskError

        heard: list[Heard] = []
        try:
            if id(self.claiming) in ready:
                heard += self._claimed()
            elif id(self.looking) in ready:
                heard += self._looked()
            for launch_id, stream in list(self.streams.items()):
                if id(stream) in ready:
                    heard.append(self._next(launch_id, stream))
        except RayTaskError as error:  # of claim or inspect
            heard.append(Heard(self.node.host_id, Lost(f"its worker failed: {error.cause}")))
        except RayError as error:
            heard.append(Heard(self.node.host_id, Lost(lost_reason(str(error)))))
        return heard

    def _claimed(self) -> list[Heard]:
        import ray
        from ray.exceptions import RayTaskError

        claiming, self.claiming = self.claiming, None
        try:
            ray.get(claiming)
        except RayTaskError as error:
            if isinstance(error.cause, HeldError):
                return [self._told(Refused(HeldError(str(error.cause))))]
            words = f"the worker on {self.node.host_id}: {error.cause}"
            return [self._told(Refused(FleetError(words)))]
        if self.request is None:
            self.ready = True
            return [self._told(Joined(self.node.node_id, None))]
        self.looking = self.actor.inspect.remote(self.request)
        return []

    def _looked(self) -> list[Heard]:
        import ray

        looking, self.looking = self.looking, None
        report = by_clock_of_driver(ray.get(looking), datetime.now(UTC))
        self.ready = True
        return [self._told(Joined(self.node.node_id, report))]

    def _next(self, launch_id: str, stream: Any) -> Heard:
        import ray
        from ray.exceptions import RayTaskError

        try:
            return self._told(ray.get(next(stream)), launch_id)
        except StopIteration:
            del self.streams[launch_id]
            return self._told(Ended(), launch_id)
        except RayTaskError as error:
            del self.streams[launch_id]
            return self._told(Broke(f"the worker failed: {error.cause}"), launch_id)

    def _told(self, event: Any, launch_id: str | None = None) -> Heard:
        return Heard(self.node.host_id, event, launch_id)
