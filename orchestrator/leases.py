"""Leases: the exact devices of a host that a launch has to itself. Pure.

A plan binds a cell to one host of its class; hosts that are alike may count their cards in
another order, so the devices are found anew on the host that runs it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from orchestrator.cells import FileKey
from orchestrator.host_view import HostView
from orchestrator.pairing import Pairing, gpus_of
from orchestrator.plan import PlannedLaunch
from warehouse.rows import Gpu
from workers.engine.build import EngineDevice
from workers.engine.config import EngineConfig


class FileState(Enum):
    """Whether a host has a model file."""

    READY = "ready"
    AWAY = "away"
    """It can be had: it has to be fetched before a lease."""
    COMING = "coming"
    NEVER = "never"
    """It cannot be had on this host."""


_WORST_LAST = (FileState.READY, FileState.AWAY, FileState.COMING, FileState.NEVER)


@dataclass(frozen=True, slots=True)
class HostState:
    """A host that is there, as the schedule sees it."""

    view: HostView
    draining: bool = False
    """It ends what it runs and takes no more."""
    quarantined: str | None = None
    """Why it gets nothing for now (`orchestrator.health`)."""
    files: Mapping[FileKey, FileState] = field(default_factory=dict)
    """A file that is not named is taken to be there; its worker says so if it is not."""

    @property
    def host_id(self) -> str:
        """Its label."""
        return self.view.host.host_id

    @property
    def takes_work(self) -> bool:
        """Whether it may get another launch."""
        return not self.draining and self.quarantined is None

    def state(self, keys: Iterable[FileKey]) -> FileState:
        """Whether it has all of these model files; else what is worst."""
        states = [self.files.get(key, FileState.READY) for key in keys]
        return max(states, key=_WORST_LAST.index)

    def lacking(self, keys: Iterable[FileKey]) -> FileKey:
        """The first of these that has to be fetched; there has to be one."""
        return next(key for key in keys if self.files.get(key) is FileState.AWAY)


@dataclass(frozen=True, slots=True)
class Part:
    """What a lease has of one host."""

    host_id: str
    devices: tuple[EngineDevice, ...]
    """In split order, as the engine names them there; none is the CPU."""
    gpu_uuids: tuple[str, ...]
    """NVML uuids of the devices, as far as they are known."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Devices that belong to one launch until it ends."""

    parts: tuple[Part, ...]
    """One, or those of several hosts that are leased together (llama.cpp's RPC)."""
    alone: bool
    """Whether the rest of the host stays idle meanwhile."""

    @property
    def host_id(self) -> str:
        """The host that runs the server."""
        return self.parts[0].host_id

    @property
    def devices(self) -> tuple[EngineDevice, ...]:
        """The devices of that host, in split order."""
        return self.parts[0].devices

    @property
    def gpu_uuids(self) -> tuple[str, ...]:
        """Their NVML uuids, as far as they are known."""
        return self.parts[0].gpu_uuids

    @property
    def hosts(self) -> tuple[str, ...]:
        """Every host of which it has devices."""
        return tuple(part.host_id for part in self.parts)


def uses_host(launch: PlannedLaunch) -> bool:
    """Whether it computes or keeps a part of the model on the CPU: then it disturbs all others."""
    pairing, engine = launch.first.pairing, launch.first.engine
    return not pairing.devices or offloads(engine)


def offloads(engine: EngineConfig) -> bool:
    """Whether a part of the model or its cache lies in the host's memory."""
    return (
        engine.n_gpu_layers not in (None, "all")
        or bool(engine.n_cpu_moe)
        or engine.override_tensor is not None
        or engine.kv_offload is False
    )


def find_lease(
    launch: PlannedLaunch, host: HostView, taken: Sequence[Lease], *, alone: bool
) -> Lease | None:
    """Free devices of a host for a launch; None while others have them.

    Args:
        launch: it goes by the GPU models of its pairing.
        host: a host of its class.
        taken: leases that hold a part of the host.
        alone: it needs the host to itself.
    """
    if taken and (alone or any(lease.alone for lease in taken)):
        return None
    build = host.engines.get(launch.first.engine.probe_key)
    devices = build.devices if build else ()
    known = gpus_of(devices, host.host.gpus)
    busy = {uuid for lease in taken for part in lease.parts for uuid in part.gpu_uuids}
    chosen = tuple(_chosen(launch.first.pairing, devices, known, busy))
    if len(chosen) != len(launch.first.pairing.devices):
        return None
    uuids = tuple(known[device.name].uuid for device in chosen if device.name in known)
    # devices of which it is not known which cards they are may be anybody's
    alone = alone or len(uuids) != len(chosen)
    if taken and alone:
        return None
    return Lease((Part(host.host.host_id, chosen, uuids),), alone)


def _chosen(
    pairing: Pairing,
    devices: Sequence[EngineDevice],
    gpus: Mapping[str, Gpu],
    busy: Collection[str],
) -> Iterator[EngineDevice]:
    """For each device of a pairing the first free one that is like it, in the engine's order."""
    used: set[str] = set()
    for wanted in pairing.devices:
        alike = [each for each in devices if each.description == wanted.description]
        free = (
            each
            for each in alike
            if each.name not in used
            and _slot(gpus.get(each.name)) == _slot(gpus.get(alike[0].name))
            and (each.name not in gpus or gpus[each.name].uuid not in busy)
        )
        first = next(free, None)
        if first:
            used.add(first.name)
            yield first


def _slot(gpu: Gpu | None) -> tuple[object, ...]:
    """What may make two cards of one name unlike."""
    if gpu is None:
        return ()
    return gpu.memory_mib, gpu.pcie_generation, gpu.pcie_width, gpu.power_limit_w
