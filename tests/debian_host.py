"""A host that shares nothing with this one but a network: a Debian root, its own namespaces, sshd.

Its mount, PID, network, IPC and UTS namespaces are its own, and so are its users and HOME. The
root is made once by debootstrap and kept in the user's cache folder; each host is a copy-on-write
view of it. It can do what a host can: be cut off, lose processes, be switched off.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from filelock import FileLock
from platformdirs import user_cache_path

from tests.herd_process import until

_SUITE = "bookworm"
_PACKAGES = ("python3", "openssh-server", "libgomp1", "procps")
_USER = "bench"
_TOOLS = ("debootstrap", "ip", "unshare", "nsenter", "ssh", "ssh-keygen", "chroot")


def skip_reason() -> str | None:
    """Why such a host cannot be had here; None: it can."""
    if os.geteuid() != 0:
        return "a host of its own needs root: namespaces, mounts"
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    return f"missing: {', '.join(missing)} (scripts/apt-packages.sh)" if missing else None


def _run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}{done.stdout}"
    return done.stdout


def debian_root() -> Path:
    """The root that all hosts are views of."""
    cache = user_cache_path("herd-tests", ensure_exists=True)
    root = cache / f"{_SUITE}-2"
    with FileLock(cache / "root.lock"):
        if not root.exists():
            draft = cache / f"{_SUITE}.draft"
            shutil.rmtree(draft, ignore_errors=True)
            done = subprocess.run(
                [
                    *("debootstrap", "--variant=minbase", f"--include={','.join(_PACKAGES)}"),
                    *(_SUITE, str(draft)),
                ],
                capture_output=True,
                text=True,
                timeout=900,
                check=False,
            )
            if done.returncode != 0:
                pytest.skip(f"debootstrap cannot make a root: {done.stdout[-200:]}")
            _run("chroot", draft, "useradd", "-m", "-s", "/bin/bash", _USER)
            draft.rename(root)
    return root


_INIT = """\
set -e
mount -t overlay overlay -o lowerdir={root},upperdir={folder}/upper,workdir={folder}/work \
{folder}/root
cd {folder}/root
mount -t proc proc proc
mount -t tmpfs -o mode=755 dev dev
for name in null zero full random urandom tty; do
    touch dev/$name; mount --bind /dev/$name dev/$name
done
mkdir -p dev/pts dev/shm run/sshd
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount -t tmpfs -o mode=1777 shm dev/shm
hostname {name}
exec chroot . /bin/sh -c '/usr/sbin/sshd -D -e & while :; do sleep 1 & wait; done'
"""


class DebianHost:
    """A host, from its start to its end."""

    def __init__(self, folder: Path, name: str, subnet: int) -> None:
        self.name = name
        self.address = f"10.93.{subnet}.2"
        self.driver_address = f"10.93.{subnet}.1"
        self.ssh_config = folder / f"{name}.ssh"
        self._folder = folder / name
        self._key = folder / f"{name}.key"
        self._known = folder / f"{name}.known"
        self._link = f"hd{subnet}h"
        self._namespace = f"hd-{subnet}-{os.getpid()}"
        self._init: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Switch it on."""
        self._plug_in()
        for part in ("upper", "work", "root"):
            (self._folder / part).mkdir(parents=True)
        root = debian_root()
        self._authorize(root)
        script = _INIT.format(root=root, folder=self._folder, name=self.name)
        self._init = subprocess.Popen(
            [
                *("ip", "netns", "exec", self._namespace, "unshare", "--mount", "--pid", "--uts"),
                *("--ipc", "--fork", "--kill-child", "sh", "-c", script),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(lambda: self.ssh("true").returncode == 0, 30)

    def _plug_in(self) -> None:
        _run("ip", "netns", "add", self._namespace)
        peer = ("peer", "name", "eth0", "netns", self._namespace)
        _run("ip", "link", "add", self._link, "type", "veth", *peer)
        _run("ip", "addr", "add", f"{self.driver_address}/24", "dev", self._link)
        _run("ip", "link", "set", self._link, "up")
        _run("ip", "-n", self._namespace, "addr", "add", f"{self.address}/24", "dev", "eth0")
        for link in ("eth0", "lo"):
            _run("ip", "-n", self._namespace, "link", "set", link, "up")

    def _authorize(self, root: Path) -> None:
        """A key to log in with, and the host's own, known beforehand."""
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self._key)
        home = self._folder / "upper" / "home" / _USER
        (home / ".ssh").mkdir(parents=True)
        shutil.copy(self._key.with_suffix(".key.pub"), home / ".ssh" / "authorized_keys")
        owner = (root / "home" / _USER).stat()
        for path in (home, home / ".ssh", home / ".ssh" / "authorized_keys"):
            os.chown(path, owner.st_uid, owner.st_gid)
        (home / ".ssh").chmod(0o700)
        public = (root / "etc/ssh/ssh_host_ed25519_key.pub").read_text().split()
        self._known.write_text(f"{self.address} {public[0]} {public[1]}\n")
        self.ssh_config.write_text(
            f"Host {self.name}\n HostName {self.address}\n User {_USER}\n"
            f" IdentityFile {self._key}\n UserKnownHostsFile {self._known}\n"
        )

    def forget_key(self) -> None:
        """As for somebody who never logged in there."""
        self._known.write_text("")

    def ssh(self, command: str) -> "subprocess.CompletedProcess[str]":
        """Run it there, as the user who is to be a node."""
        options = ("-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes")
        return subprocess.run(
            ["ssh", "-F", self.ssh_config, *options, self.name, command],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def copy(self, file: Path, target: str) -> None:
        """Put a file there, below the user's home."""
        with file.open("rb") as content:
            subprocess.run(
                [
                    *("ssh", "-F", self.ssh_config, self.name),
                    f"mkdir -p $(dirname {target}) && cat > {target}",
                ],
                stdin=content,
                timeout=60,
                check=True,
            )

    def pids(self, pattern: str) -> list[int]:
        """Processes there whose command line fits, by their ids there."""
        return [int(pid) for pid in self.ssh(f"pgrep -f '{pattern}'").stdout.split()]

    def kill(self, pattern: str) -> None:
        """SIGKILL to them."""
        assert self.ssh(f"pkill -9 -f '{pattern}'").returncode == 0

    @contextmanager
    def cut_off(self) -> Iterator[None]:
        """Its cable is out while the block runs."""
        _run("ip", "link", "set", self._link, "down")
        try:
            yield
        finally:
            _run("ip", "link", "set", self._link, "up")

    def stop(self) -> None:
        """Switch it off: everything in it ends, its mounts go."""
        if self._init is not None:
            self._init.kill()
            self._init.wait()
        deadline = time.monotonic() + 10
        while self._deleted("ip", "netns", "del", self._namespace) is False:
            assert time.monotonic() < deadline
        self._deleted("ip", "link", "del", self._link)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _deleted(self, *command: str) -> bool:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
