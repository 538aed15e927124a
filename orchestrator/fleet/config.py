"""Configuration of hosts that are described, not looked at: what a plan needs of them."""

from dataclasses import dataclass, field

# Not frozen: OmegaConf marks frozen dataclasses read-only, which stops Hydra from merging files
# into a dict of them.


@dataclass
class DescribedGpu:
    """GPUs of one kind, as NVML would show them."""

    name: str = ""
    """In full, as NVML says it: `NVIDIA GeForce RTX 3060`."""
    memory_mib: int = 0
    count: int = 1
    """How many of this kind follow each other on the PCI bus."""
    pcie_generation: int | None = None
    """The most that card and slot can do."""
    pcie_width: int | None = None
    """Lanes, the most that card and slot can do."""
    power_limit_w: float | None = None


@dataclass
class DescribedHost:
    """A host that need not be there: `herd plan` plans for it."""

    cpu_model: str = ""
    """As /proc/cpuinfo says it, without (R) and (TM)."""
    cpu_cores: int = 0
    """Physical cores."""
    cpu_threads: int | None = None
    """Logical cores; null is one a core."""
    ram_mib: int = 0
    """RAM that the system sees: somewhat less than what is built in."""
    gpus: list[DescribedGpu] = field(default_factory=list)
    """In the order of the PCI bus."""
    driver: str | None = None
    """GPU driver version."""
    engine_build: str | None = None
    """What its llama-server says of its build; null: the same as on this host."""
    backend: str = "CUDA"
    """What the engine calls its devices before their number: CUDA, Vulkan, ROCm."""

    @property
    def threads(self) -> int:
        """Logical cores."""
        return self.cpu_cores if self.cpu_threads is None else self.cpu_threads
