"""Whether a host can be a node, by what the installer saw there. Pure."""

import platform
import sys
from collections.abc import Mapping
from typing import Any

_ROOM = 1.5
"""Space wanted, in sizes of what is to be unpacked: the files, and what Python compiles of them."""


def unfit(facts: Mapping[str, Any], needed_mib: float) -> str | None:
    """Why it cannot be a node, and what to do; None: it can.

    Args:
        facts: of `workers.node.installer.look`.
        needed_mib: of the parts of the bundle that it lacks, unpacked.
    """
    here = f"{platform.system()} {platform.machine()}"
    there = f"{facts['system']} {facts['machine']}"
    if there != here:
        return f"it is {there}, and the driver's packages are for {here}: add it from such a host"
    if facts["version"][:2] != list(sys.version_info[:2]):
        found = ".".join(map(str, facts["version"]))
        wanted = ".".join(map(str, sys.version_info[:2]))
        return f"its Python is {found}, and the driver runs {wanted}: install python{wanted} there"
    if _is_older(facts["libc"], platform.libc_ver()):
        return (
            f"its C library is {' '.join(facts['libc'])}, older than the driver's "
            f"{' '.join(platform.libc_ver())}: the driver's packages may not run there"
        )
    if facts["free_mib"] < _ROOM * needed_mib:
        return (
            f"it has {facts['free_mib']} MiB free in its home, and {_ROOM * needed_mib:.0f} MiB "
            "are needed: make room"
        )
    if not facts["shared_memory"]:
        return "its /dev/shm is missing or not writable, and Ray needs it: mount it"
    return None


def _is_older(there: list[str], here: tuple[str, str]) -> bool:
    """Wheels name the least version; which one an installed package had is not known any more."""
    if there[0] != here[0]:
        return True
    return _numbers(there[1]) < min(_numbers(here[1]), _LEAST_GLIBC)


_LEAST_GLIBC = (2, 28)
"""Of the wheels of herd's packages (manylinux_2_28)."""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
