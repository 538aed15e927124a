"""Lanes: the queue in parts that a host works through one after the other. Pure.

Launches of one model file that want as many devices are a lane: a host that stays in its lane
reads from its page cache. Cells that are measured in several launches are a lane by model:
a comparison holds launches of one host against each other, so they stay on one host, in turns.
"""

import heapq
from collections import defaultdict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field

from orchestrator.cells import FileKey
from orchestrator.leases import uses_host
from orchestrator.plan import PlannedLaunch
from orchestrator.work import Amount, Kind, Rates, amount_of
from workers.look import EngineKey

_NOTHING = 1e-6
"""Share of a launch that differences of sums may leave."""


@dataclass(frozen=True, slots=True)
class LaneKey:
    """What launches of a lane share."""

    hosts: tuple[str, ...]
    """Any of these may run them."""
    topic: Hashable
    """The files, or the name of the model where launches are in turns."""
    engine: EngineKey
    devices: tuple[str, ...]
    """GPU models in split order; none: the host itself."""
    avoid: str | None = None
    """A host that failed them."""
    in_turns: bool = False
    """Whether they run on one host, in the order of the queue; on whatever devices."""

    @property
    def width(self) -> int:
        """How many devices each wants; 0: more than devices, the host itself."""
        return len(self.devices)


@dataclass(slots=True, eq=False)
class Entry:
    """A launch in the queue."""

    launch: PlannedLaunch
    amount: Amount
    number: int
    """Place in the queue."""
    gone: bool = False

    @property
    def files(self) -> tuple[FileKey, ...]:
        """The model files that it needs."""
        return self.launch.first.spec.file_keys


@dataclass(slots=True, eq=False)
class Lane:
    """Launches that wait; long ones first, or in turns."""

    key: LaneKey
    home: str | None = None
    """The host that has all of it, once one began."""
    before: str | None = None
    """The host that an earlier sweep measured it on: it goes on where it is there."""
    busy: int = 0
    """Its launches that run."""
    served: int = 0
    """Starts of its pool before it was last served, or first wanted."""
    drained_for: set[str] = field(default_factory=set)
    """Hosts that start nothing else until they have room for it."""
    _heap: list[tuple[float, int, int, Entry]] = field(default_factory=list)
    _left: defaultdict[Kind, float] = field(default_factory=lambda: defaultdict(float))
    _number: int = 0
    _puts: int = 0

    def __len__(self) -> int:
        return self._number

    def entries(self) -> Iterator[Entry]:
        """All that wait, in no order."""
        return (entry for *_, entry in self._heap if not entry.gone)

    def put(self, entry: Entry) -> None:
        """Add one."""
        first = 0.0 if self.key.in_turns else -entry.amount.units
        self._puts += 1
        heapq.heappush(self._heap, (first, entry.number, self._puts, entry))
        self._left[entry.amount.kind] += entry.amount.units
        self._number += 1

    def head(self) -> Entry:
        """The next; there has to be one."""
        while self._heap[0][3].gone:
            heapq.heappop(self._heap)
        return self._heap[0][3]

    def remove(self, entry: Entry) -> None:
        """Take one out."""
        entry.gone = True
        kind, units = entry.amount.kind, entry.amount.units
        self._left[kind] -= units
        if self._left[kind] <= _NOTHING * units:
            del self._left[kind]
        self._number -= 1
        if not self._number:
            self._left.clear()
            self._heap.clear()

    def left_s(self, rates: Rates) -> float:
        """Seconds of all that waits; infinite where nothing tells."""
        total = 0.0
        for kind, units in self._left.items():
            total += rates.seconds(kind, units)
        return total

    def next_s(self, rates: Rates) -> float:
        """Seconds that the next takes at once: in turns all are one piece."""
        if self.key.in_turns:
            return self.left_s(rates)
        amount = self.head().amount
        return rates.seconds(amount.kind, amount.units)


def entry_of(launch: PlannedLaunch, number: int) -> Entry:
    """A launch for the queue."""
    return Entry(launch, amount_of(launch), number)


def key_of(launch: PlannedLaunch, avoid: str | None = None) -> LaneKey:
    """The lane of a launch."""
    first = launch.first
    hosts = (launch.host,) if launch.host else first.hosts
    engine = first.engine.probe_key
    if any(cell.spec.launches > 1 for cell in launch.cells):
        return LaneKey(hosts, first.spec.model.name, engine, (), in_turns=True)
    devices = first.pairing.devices
    models = () if uses_host(launch) else tuple(device.description for device in devices)
    return LaneKey(hosts, first.spec.file_keys, engine, models, avoid if len(hosts) > 1 else None)
