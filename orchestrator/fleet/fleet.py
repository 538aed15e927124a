"""The hosts of a sweep under Ray: hired as they come, given up when they are lost."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from orchestrator.fleet.events import Heard, Joined, Lost, Refused
from orchestrator.fleet.hired import Hired
from orchestrator.fleet.nodes import Node, Nodes
from orchestrator.fleet.pings import pinged
from warehouse.errors import FleetError
from warehouse.lock import Holder
from workers.contract import LaunchRequest
from workers.look import LookRequest

_WATCH_S = 1.0
_START_LIMIT_S = 60.0
"""An actor that has not answered by then is given up; a start takes 1 to 3 s."""
_LEAVE_LIMIT_S = 5.0
_LONGEST_PAUSE_S = 30.0
_TRIES = 3
"""Starts of an actor on one incarnation of a host that come to nothing: then no more is expected
of it, though it is tried again."""


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
        self._next_try_s: dict[str, float] = {}
        self._next_watch_s = 0.0
        self._present: tuple[Node, ...] = ()
        self._drained: frozenset[str] = frozenset()

    @property
    def hired(self) -> tuple[Hired, ...]:
        """The actors that there are; from any thread."""
        return tuple(self._hired.values())

    @property
    def drained(self) -> frozenset[str]:
        """Hosts that finish what they run and take no more."""
        return self._drained

    @property
    def expected(self) -> frozenset[str]:
        """Hosts that are there and of which something may still be expected."""
        return frozenset(node.host_id for node in self._present) - self._drained - self.hopeless

    @property
    def hopeless(self) -> frozenset[str]:
        """Hosts that are there and whose worker does not start."""
        failed = (node for node in self._present if self._tries[node.node_id] >= _TRIES)
        return frozenset(node.host_id for node in failed)

    def run(self, host_id: str, request: LaunchRequest) -> None:
        """Hand a launch to a host; its events come by `hear`."""
        self._hired[host_id].run(request)

    def cancel(self) -> None:
        """Ask every host to end its launches; the events that follow say how they ended."""
        for hired in self.hired:
            hired.cancel(None)

    def hear(self, timeout_s: float, others: Iterable[Any] = ()) -> list[Heard]:
        """What has come from the hosts, after waiting for the first at most `timeout_s`.

        Also hires who came and gives up who went.

        Args:
            timeout_s: a second at most counts.
            others: Ray references whose arrival ends the waiting too.
        """
        import ray

        self._watch()
        told, self._given_up = self._given_up, []
        wait_s = 0.0 if told else min(timeout_s, _WATCH_S)
        awaited = [each for hired in self.hired for each in hired.awaited]
        every = [*awaited, *others]
        if not every:
            time.sleep(wait_s)
            return told
        ready, _ = ray.wait(every, num_returns=len(every), timeout=0)
        if not ready:
            ready, _ = ray.wait(every, timeout=wait_s)
        came = {id(each) for each in ready}
        for hired in self.hired:
            told += hired.hear(came)
        for each in told:
            self._note(each)
        return told

    def _note(self, told: Heard) -> None:
        hired = self._hired.get(told.host_id)
        if hired and isinstance(told.event, Lost):
            self._forget(hired)
        elif hired and isinstance(told.event, Joined):
            del self._tries[hired.node.node_id]

    def _watch(self) -> None:
        now_s = time.monotonic()
        for hired in self.hired:
            if hired.is_to_claim(now_s):
                hired.claim(self._holder, now_s)
        if now_s < self._next_watch_s:
            return
        self._next_watch_s = now_s + _WATCH_S
        nodes, self._drained = self._nodes.present(), self._nodes.drained()
        self._present = tuple(node for node in nodes if node.refused is None)
        for node in nodes:
            if node.refused is not None:
                self._given_up.append(Heard(node.host_id, Refused(FleetError(node.refused))))
        for hired in self.hired:
            self._look_after(hired, now_s)
        for node in self._present:
            taken = node.host_id in self._hired or node.host_id in self._drained
            if not taken and now_s >= self._next_try_s.get(node.node_id, 0.0):
                self._hire(node, now_s)

    def _look_after(self, hired: Hired, now_s: float) -> None:
        if hired.node not in self._present:
            self._give_up(hired, self._nodes.why_gone(hired.node))
        elif hired.claiming is not None and now_s > hired.claimed_s + _START_LIMIT_S:
            self._give_up(hired, f"its worker did not answer within {_START_LIMIT_S:.0f} s")
        elif hired.node.host_id in self._drained and not hired.awaited:
            self._leave([hired])

    def _hire(self, node: Node, now_s: float) -> None:
        self._tries[node.node_id] += 1
        pause_s = min(_LONGEST_PAUSE_S, 2.0 ** self._tries[node.node_id])
        self._next_try_s[node.node_id] = now_s + pause_s
        hired = Hired.start(node, self._look(node.host_id), self._dead_man_s)
        hired.claim(self._holder, now_s)
        self._hired[node.host_id] = hired

    def _give_up(self, hired: Hired, reason: str) -> None:
        self._forget(hired)
        self._given_up.append(Heard(hired.node.host_id, Lost(reason)))

    def _forget(self, hired: Hired) -> None:
        """It may live on where nobody can tell it: then its dead-man's switch ends it."""
        del self._hired[hired.node.host_id]
        hired.kill()

    def _leave(self, leaving: Iterable[Hired]) -> None:
        import ray
        from ray.exceptions import RayError

        left = [hired.leave() for hired in leaving]
        with suppress(RayError):
            ray.wait(left, num_returns=len(left), timeout=_LEAVE_LIMIT_S)
        for hired in leaving:
            self._forget(hired)

    def close(self) -> None:
        """Let every host go."""
        if self._hired:
            self._leave(self.hired)


@contextmanager
def hiring(
    nodes: Nodes, holder: Holder, look: Callable[[str], LookRequest | None], dead_man_s: float
) -> Iterator[Fleet]:
    """A fleet whose workers are kept alive while the block runs, and let go after it."""
    fleet = Fleet(nodes, holder, look, dead_man_s)
    with pinged(lambda: fleet.hired, dead_man_s):
        try:
            yield fleet
        finally:
            fleet.close()
