"""How Chromium is started: in bubblewrap, as nobody, without the host's files."""

import os
import shlex
import shutil
import tempfile
from pathlib import Path

from workers.agent.sandbox.bubblewrap import drop_root
from workers.agent.sandbox.limits import Unavailable
from workers.agent.sandbox.sandbox import system_binds

_BINARIES = ("/usr/lib/chromium/chromium", "/usr/lib/chromium-browser/chromium-browser")
_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_READ_TOO = (
    *("/opt", "/etc/fonts", "/etc/chromium", "/etc/ssl", "/etc/ca-certificates"),
    *("/etc/ld.so.cache", "/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf"),
)
_PROFILE_BYTES = 512 * 2**20


def launcher() -> Path | Unavailable:
    """A new script that starts Chromium with whatever arguments it gets.

    bubblewrap keeps the network (the browser's proxy is the world's site) and gives a process
    space of its own: all of Chromium dies with it, and it with the process that started it.
    """
    bwrap, setpriv, browser = shutil.which("bwrap"), shutil.which("setpriv"), _browser()
    if not browser:
        return Unavailable("install the package chromium")
    if not bwrap or not setpriv:
        return Unavailable("install the packages bubblewrap and util-linux")
    read_too = [part for path in _READ_TOO for part in ("--ro-bind-try", path, path)]
    command = [
        *(drop_root(setpriv) if os.geteuid() == 0 else ()),
        *(bwrap, "--unshare-all", "--share-net", "--die-with-parent", "--new-session"),
        *system_binds(),
        *read_too,
        *("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/dev/shm"),  # noqa: S108 - its own
        *("--size", str(_PROFILE_BYTES), "--tmpfs", "/profile", "--remount-ro", "/"),
        *("--clearenv", "--setenv", "HOME", "/profile", "--setenv", "LANG", "C.UTF-8"),
        *("--setenv", "PATH", "/usr/bin:/bin", "--chdir", "/profile", "--", browser),
    ]
    # the driver's own profile is a folder that nobody cannot write: the last switch counts
    line = f'exec {shlex.join(command)} "$@" --user-data-dir=/profile/user'
    script = Path(tempfile.mkdtemp(prefix="herd-browser-")) / "chromium"
    script.write_text(f"#!/bin/sh\n{line}\n")
    script.chmod(0o700)
    return script


def _browser() -> str | None:
    """The program itself where it is known: Debian's /usr/bin/chromium is a script."""
    for path in _BINARIES:
        if os.access(path, os.X_OK):
            return path
    return next((found for name in _NAMES if (found := shutil.which(name))), None)
