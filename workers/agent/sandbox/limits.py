"""What a program in the sandbox may use, and what comes out of it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What a program may use."""

    wall_s: float = 30.0
    cpu_s: int = 20
    """Of each process."""
    memory_mib: int = 512
    """Address space of each process, and resident memory of all together."""
    processes: int = 32
    disk_mib: int = 64
    """All files together, and each of them."""
    file_count: int = 2000
    output_kib: int = 64
    """Of stdout and of stderr."""


DEFAULT = Limits()


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Why this host has none: a task that needs one is skipped with this reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class SandboxResult:
    """What came out."""

    stdout: str
    stderr: str
    exit_code: int | None
    """None: a limit ended it. Negative: the signal that did."""
    limit: str | None
    """The limit that ended it: wall time, CPU time, memory, files, output; or `sandbox` when the
    program ended the sandbox itself."""
    files: Mapping[str, bytes]
    """Regular files that were there at the end, by relative path."""
    left_out: tuple[str, ...]
    """Paths that did not come back, each with the reason: links, special files, too much."""
