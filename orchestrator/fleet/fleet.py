"""The hosts of a sweep under Ray: hired as they come, given up when they are lost."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from orchestrator.fleet.events import Heard, Lost, Refused
from orchestrator.fleet.hired import Hired
from orchestrator.fleet.nodes import Node, Nodes
from orchestrator.fleet.pings import pinged
from warehouse.errors import FleetError, HeldError
from warehouse.lock import Holder
from workers.contract import LaunchRequest
from workers.look import LookRequest

_WATCH_S = 1.0
_CLAIM_AGAIN_S = 1.0
_START_LIMIT_S = 60.0
"""An actor that has not answered by then is given up; a start takes 1 to 3 s."""
_LEAVE_LIMIT_S = 5.0
_LONGEST_PAUSE_S = 30.0
TRIES = 2
"""Starts of an actor on one incarnation of a host without a word from it before that is told."""


class Fleet:
    """Watches the nodes and has an actor on each host that is there.

    A host is its label. Everything is asked without waiting; `hear` tells what came of it.
    """

    def __init__(
        self,
        nodes: Nodes,
        holder: Holder,
        look: Callable[[str], LookRequest | None],
        dead_man_s: float,
    ) -> None:
        """Nobody is hired yet: `hear` does that.

        Args:
            nodes: the hosts.
            holder: who measures, for others who want a host.
            look: what a host is to be looked at for before it works, by label.
            dead_man_s: silence of this driver after which a worker ends itself, s.
        """
        self._nodes = nodes
        self._holder = holder
        self._look = look
        self._dead_man_s = dead_man_s
        self._hired: dict[str, Hired] = {}
        self._given_up: list[Heard] = []
        self._tries: Counter[str] = Counter()
        self._due_s: dict[str, float] = {}
        self._next_watch_s = 0.0
        self._present: frozenset[str] = frozenset()
        self._drained: frozenset[str] = frozenset()

    @property
    def ready(self) -> frozenset[str]:
        """Hosts that take launches."""
        hired = tuple(self._hired.items())
        return frozenset(host for host, each in hired if each.ready) - self._drained

    @property
    def drained(self) -> frozenset[str]:
        """Hosts that finish what they run and take no more."""
        return self._drained

    @property
    def expected(self) -> frozenset[str]:
        """Hosts that are there and may take launches, now or after a while."""
        return self._present - self._drained

    def run(self, host_id: str, request: LaunchRequest) -> None:
        """Hand a launch to a host; its events come by `hear`."""
        self._hired[host_id].run(request)

    def cancel(self) -> None:
        """Ask every host to end its launches; the events that follow say how they ended."""
        for each in self._hired.values():
            each.cancel(None)

    def hear(self, timeout_s: float) -> list[Heard]:
        """What has come from the hosts, after waiting for the first at most `timeout_s`.

        Also hires who came and gives up who went.
        """
        import ray

        self._watch()
        given_up, self._given_up = self._given_up, []
        awaited = [each for hired in self._hired.values() for each in hired.awaited]
        if given_up or not awaited:
            if not given_up:
                time.sleep(min(timeout_s, _WATCH_S))
            return given_up
        ready, _ = ray.wait(awaited, num_returns=len(awaited), timeout=0)
        if not ready:
            ready, _ = ray.wait(awaited, timeout=min(timeout_s, _WATCH_S))
        came = {id(each) for each in ready}
        heard = [told for hired in tuple(self._hired.values()) for told in hired.hear(came)]
        for told in heard:
            self._note(told)
        return heard

    def _note(self, told: Heard) -> None:
        hired = self._hired.get(told.host_id)
        if hired is None:
            return
        match told.event:
            case Lost():
                self._forget(hired)
            case Refused():
                self._due_s[told.host_id] = time.monotonic() + _CLAIM_AGAIN_S
        if hired.ready:
            self._tries.pop(hired.node.node_id, None)

    def _watch(self) -> None:
        now_s = time.monotonic()
        self._claim_again(now_s)
        if now_s < self._next_watch_s:
            return
        self._next_watch_s = now_s + _WATCH_S
        present = self._nodes.present()
        self._drained = self._nodes.drained()
        self._present = frozenset(node.host_id for node in present)
        for hired in tuple(self._hired.values()):
            if hired.node not in present:
                self._give_up(hired, "its node is gone")
            elif not hired.ready and hired.claiming is not None:
                self._see_started(hired, now_s)
            elif hired.node.host_id in self._drained and not hired.awaited:
                self._leave([hired])
        for node in present:
            if node.host_id not in self._hired and node.host_id not in self._drained:
                self._hire(node, now_s)

    def _claim_again(self, now_s: float) -> None:
        for hired in self._hired.values():
            waits = not hired.ready and hired.claiming is None and hired.looking is None
            if waits and now_s >= self._due_s.get(hired.node.host_id, 0.0):
                hired.claim(self._holder)

    def _hire(self, node: Node, now_s: float) -> None:
        if now_s < self._due_s.get(node.node_id, 0.0):
            return
        self._tries[node.node_id] += 1
        pause_s = min(_LONGEST_PAUSE_S, 2.0 ** self._tries[node.node_id])
        self._due_s[node.node_id] = now_s + pause_s
        hired = Hired.start(node, self._look(node.host_id), self._dead_man_s)
        hired.claim(self._holder)
        self._hired[node.host_id] = hired
        self._due_s[node.host_id] = now_s + _START_LIMIT_S

    def _see_started(self, hired: Hired, now_s: float) -> None:
        if now_s > self._due_s[hired.node.host_id] + _START_LIMIT_S:
            self._give_up(hired, f"its worker did not answer within {_START_LIMIT_S:.0f} s")

    def _give_up(self, hired: Hired, reason: str) -> None:
        self._forget(hired)
        self._given_up.append(Heard(hired.node.host_id, Lost(reason)))

    def _forget(self, hired: Hired) -> None:
        """It may live on where nobody can tell it: then its dead-man's switch ends it."""
        del self._hired[hired.node.host_id]
        hired.kill()

    def _leave(self, leaving: list[Hired]) -> None:
        import ray
        from ray.exceptions import RayError

        left = [hired.actor.leave.remote() for hired in leaving]
        with suppress(RayError):
            ray.wait(left, num_returns=len(left), timeout=_LEAVE_LIMIT_S)
        for hired in leaving:
            self._forget(hired)

    def close(self) -> None:
        """Let every host go."""
        if self._hired:
            self._leave(list(self._hired.values()))


@contextmanager
def hiring(
    nodes: Nodes, holder: Holder, look: Callable[[str], LookRequest | None], dead_man_s: float
) -> Iterator[Fleet]:
    """A fleet whose workers are kept alive while the block runs, and let go after it."""
    fleet = Fleet(nodes, holder, look, dead_man_s)
    with pinged(lambda: tuple(fleet._hired.values()), dead_man_s):
        try:
            yield fleet
        finally:
            fleet.close()
