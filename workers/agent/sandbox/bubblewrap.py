"""The command line of bubblewrap: pure."""

from collections.abc import Mapping, Sequence

UNPRIVILEGED = 65534
"""User and group that root becomes first: as root, a limit on processes does not bind."""

SERVE = (
    "import sys; sys.path.insert(0, '/guest'); "
    "from workers.agent.sandbox.guest.supervise import main; main(int(sys.argv[1]))"
)


def drop_root(setpriv: str) -> list[str]:
    """What root starts before it: an unprivileged user without any capability."""
    who = [f"--reuid={UNPRIVILEGED}", f"--regid={UNPRIVILEGED}", "--clear-groups"]
    return [setpriv, *who, "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs", "--"]


def system(usr_merged: Mapping[str, str | None]) -> list[str]:
    """Programs and libraries of the host, read-only.

    Args:
        usr_merged: of /bin, /lib, ...: where it links to, None if it is a folder.
    """
    binds = ["--ro-bind", "/usr", "/usr"]
    for path, target in usr_merged.items():
        binds += ["--ro-bind", path, path] if target is None else ["--symlink", target, path]
    return binds


def arguments(
    *,
    system_binds: Sequence[str],
    prefix: str | None,
    guest: Mapping[str, int],
    filter_fd: int,
    disk_bytes: int,
) -> list[str]:
    """Everything before the program.

    No file system but /sandbox and one MiB of /dev/shm can be written: the others that bubblewrap
    makes in memory (/ and /dev) are made read-only at the end.

    Args:
        system_binds: from `system`.
        prefix: folder of the interpreter if it lies outside /usr.
        guest: path of a guest's module: descriptor that holds its source.
        filter_fd: descriptor that holds the filter of system calls.
        disk_bytes: size of all that can be written.
    """
    sources = [part for path, fd in guest.items() for part in ("--ro-bind-data", str(fd), path)]
    return [
        *("--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent"),
        *("--new-session", "--cap-drop", "ALL", "--hostname", "sandbox"),
        *system_binds,
        *(["--ro-bind", prefix, prefix] if prefix else []),
        *("--proc", "/proc", "--dev", "/dev"),
        *("--size", str(2**20), "--tmpfs", "/dev/shm"),  # noqa: S108 - its own
        *("--size", str(disk_bytes), "--tmpfs", "/sandbox"),
        *("--symlink", "/sandbox/tmp", "/tmp", "--chdir", "/sandbox"),  # noqa: S108 - its own
        *sources,
        *("--remount-ro", "/dev", "--remount-ro", "/"),
        *("--clearenv", "--setenv", "PATH", "/usr/local/bin:/usr/bin:/bin"),
        *("--setenv", "HOME", "/sandbox/home", "--setenv", "LANG", "C.UTF-8"),
        *("--setenv", "PYTHONDONTWRITEBYTECODE", "1", "--seccomp", str(filter_fd), "--"),
    ]
