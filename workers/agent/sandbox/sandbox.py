"""The sandbox: a program with some files goes in, its output and its files come out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workers.agent.world.state import TestRun


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
    """All files together."""
    output_kib: int = 64
    """Each of stdout and stderr."""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Why this host has none."""

    reason: str


@dataclass(frozen=True, slots=True)
class SandboxResult:
    """What came out."""

    stdout: str
    stderr: str
    exit_code: int | None
    """None: a limit ended it. Negative: the signal."""
    limit: str | None
    """The limit that ended it: wall time, memory, output, ..."""
    files: Mapping[str, bytes]
    """Regular files that are there at the end."""
    left_out: tuple[str, ...]
    """Paths that did not come back: links, special files, too large."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Bubblewrap as it works on this host."""

    name: str
    """For rows: `bubblewrap`."""

    def run(
        self, argv: Sequence[str], files: Mapping[str, bytes], limits: Limits = Limits()
    ) -> SandboxResult:
        """Run a program, `python` being the sandbox's own. Blocks; never raises for its doings."""
        raise NotImplementedError(argv, files, limits)

    def run_tests(
        self, files: Mapping[str, bytes], path: str | None = None, limits: Limits = Limits()
    ) -> TestRun:
        """Run unittest- or pytest-style tests of `path`, or of all test files."""
        raise NotImplementedError(files, path, limits)


def find_sandbox() -> Sandbox | Unavailable:
    """The sandbox of this host, tried once."""
    raise NotImplementedError
