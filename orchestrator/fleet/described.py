"""Described hosts: from their configuration to what a plan sees of a host. Pure."""

from dataclasses import replace
from itertools import chain, repeat
from pathlib import Path

from orchestrator.fleet.config import DescribedGpu, DescribedHost
from orchestrator.host_view import HostView
from warehouse.errors import ConfigError
from warehouse.rows import Gpu, Host
from workers.engine.build import EngineBuild, EngineDevice
from workers.inventory import hardware_class

NOT_SEEN = "described"
"""In place of what only a look at the host would tell."""


def described_view(host_id: str, described: DescribedHost, here: HostView) -> HostView:
    """A described host as the plan sees it.

    Its model files are taken to be those of this host. So is its engine where the description
    names no other build; of a build that is not at hand no flags are known.

    Args:
        host_id: its label.
        described: its configuration.
        here: the host that plans.

    Raises:
        ConfigError: the description cannot be of a host.
    """
    _check(host_id, described)
    gpus = _gpus(host_id, described)
    devices = tuple(_device(described.backend, gpu) for gpu in gpus)
    engines = {
        key: _build(key[0], described.engine_build, build, devices)
        for key, build in here.engines.items()
    }
    return replace(
        here,
        host=_host(host_id, described, gpus, here),
        engines=engines,
        free_ram_mib=float(described.ram_mib),
    )


def _check(host_id: str, described: DescribedHost) -> None:
    if not described.cpu_model or not described.backend:
        raise ConfigError(f"fleet.hosts.{host_id}: give it a cpu_model and a backend")
    numbers = {
        "cpu_cores": described.cpu_cores,
        "cpu_threads": described.threads,
        "ram_mib": described.ram_mib,
    }
    for i, gpu in enumerate(described.gpus):
        if not gpu.name:
            raise ConfigError(f"fleet.hosts.{host_id}.gpus[{i}]: give it a name")
        numbers |= {f"gpus[{i}].memory_mib": gpu.memory_mib, f"gpus[{i}].count": gpu.count}
    for key, number in numbers.items():
        if number <= 0:
            raise ConfigError(f"fleet.hosts.{host_id}.{key} must be above 0, it is {number}")


def _gpus(host_id: str, described: DescribedHost) -> tuple[Gpu, ...]:
    kinds = chain.from_iterable(repeat(kind, kind.count) for kind in described.gpus)
    return tuple(_gpu(host_id, index, kind) for index, kind in enumerate(kinds))


def _gpu(host_id: str, index: int, kind: DescribedGpu) -> Gpu:
    return Gpu(
        index=index,
        name=kind.name,
        uuid=f"{NOT_SEEN}:{host_id}:{index}",
        pci_bus_id=NOT_SEEN,
        memory_mib=kind.memory_mib,
        pcie_generation=kind.pcie_generation,
        pcie_width=kind.pcie_width,
        power_limit_w=kind.power_limit_w,
    )


def _device(backend: str, gpu: Gpu) -> EngineDevice:
    return EngineDevice(f"{backend}{gpu.index}", gpu.name, gpu.memory_mib, gpu.memory_mib)


def _build(
    binary: str, text: str | None, here: EngineBuild | None, devices: tuple[EngineDevice, ...]
) -> EngineBuild:
    """The build at hand with that host's devices, or one of which only the name is known."""
    if here is not None and text in (None, here.text):
        return replace(here, devices=devices)
    name = text or f"{NOT_SEEN} build"
    flags = here.known_flags if here is not None else frozenset[str]()
    return EngineBuild(Path(binary), f"{NOT_SEEN}:{name}", name, flags, devices)


def _host(host_id: str, described: DescribedHost, gpus: tuple[Gpu, ...], here: HostView) -> Host:
    return Host(
        host_id=host_id,
        seen_at=here.host.seen_at,
        hardware_class=hardware_class(
            cpu_model=described.cpu_model,
            physical_cores=described.cpu_cores,
            ram_mib=described.ram_mib,
            gpus=gpus,
            driver=described.driver,
        ),
        cpu_model=described.cpu_model,
        cpu_physical_cores=described.cpu_cores,
        cpu_logical_cores=described.threads,
        ram_mib=described.ram_mib,
        kernel=NOT_SEEN,
        gpus=gpus,
        driver=described.driver,
        cuda=None,
        python=NOT_SEEN,
    )
