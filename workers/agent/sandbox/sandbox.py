"""The sandbox: a program goes in with its files, its output and its files come out."""

import dataclasses
import functools
import os
import platform
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.agent.sandbox import bubblewrap, calls
from workers.agent.sandbox.guest.wire import frame, read_frame
from workers.agent.sandbox.limits import DEFAULT, Limits, SandboxResult, Unavailable
from workers.agent.world.errors import ToolRefusedError
from workers.agent.world.state import TestRun

_GUEST = Path(__file__).parent / "guest"
_GRACE_S = 10.0
"""Beyond a program's wall time, before the whole sandbox is killed from outside."""
_LINKS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64")
_DETAIL_LINES = 10


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Bubblewrap as it works on this host."""

    name: str
    """For rows: `bubblewrap`."""
    wrapper: tuple[str, ...]
    """bubblewrap, and as root what becomes nobody before it."""
    python: str
    prefix: str | None
    """Folder of `python` if it lies outside /usr."""

    def run(
        self, argv: Sequence[str], files: Mapping[str, bytes], limits: Limits = DEFAULT
    ) -> SandboxResult:
        """Run a program in a folder with these files. Blocks until all of it is dead.

        Args:
            argv: the program; `python` is the sandbox's own.
            files: by relative path.
            limits: what it may use.

        Raises:
            ToolRefusedError: the files are more than its disk holds.
        """
        answer = self._ask({"argv": list(argv)}, files, limits)
        if answer is None:
            return SandboxResult("", "", None, "sandbox", files, ())
        header, blobs = answer
        return SandboxResult(
            stdout=header["stdout"],
            stderr=header["stderr"],
            exit_code=header["exit_code"],
            limit=header["limit"],
            files=dict(zip(header["names"], blobs, strict=True)),
            left_out=tuple(header["left_out"]),
        )

    def run_tests(
        self, files: Mapping[str, bytes], path: str | None = None, limits: Limits = DEFAULT
    ) -> TestRun:
        """Run tests, unittest's or plain functions, of a file or of all test files.

        The tests are those in the source of the test files, before anything runs: one that the
        tested code keeps from running has failed.

        Raises:
            ToolRefusedError: there is no such file, no test in it, or it is no Python.
        """
        if path is not None and path not in files:
            raise ToolRefusedError(f"{path}: there is no such file")
        answer = self._ask({"argv": None, "path": path}, files, limits)
        if answer is None:
            return TestRun(0, 1, 1, "the tests ended the sandbox", path)
        header, _ = answer
        if "error" in header:
            raise ToolRefusedError(header["error"])
        failed = {name: why for name, why in header["tests"].items() if why is not None}
        if not header["tests"]:
            raise ToolRefusedError(
                f"no tests found in {path or 'files named test*.py or *_test.py'}"
            )
        detail = "\n".join(f"{name}: {why}" for name, why in [*failed.items()][:_DETAIL_LINES])
        total = len(header["tests"])
        return TestRun(total - len(failed), len(failed), total, detail, path)

    def _ask(
        self, request: dict[str, Any], files: Mapping[str, bytes], limits: Limits
    ) -> tuple[dict[str, Any], list[bytes]] | None:
        disk_bytes = limits.disk_mib * 2**20
        if sum(map(len, files.values())) > disk_bytes // 2 or len(files) > limits.file_count:
            raise ToolRefusedError("the files are too large for the sandbox: delete some")
        header = {**request, "limits": dataclasses.asdict(limits), "names": list(files)}
        with self._started(disk_bytes) as herd:
            herd.settimeout(_GRACE_S)
            until = time.monotonic() + limits.wall_s + _GRACE_S
            try:
                herd.sendall(frame(header, list(files.values())))
                return read_frame(functools.partial(_read, herd, until), disk_bytes)
            except (EOFError, OSError, ValueError):
                return None  # killed from inside, or its end sent something else

    @contextmanager
    def _started(self, disk_bytes: int) -> Iterator[socket.socket]:
        herd, guest = socket.socketpair()
        with ExitStack() as stack:
            stack.enter_context(herd)
            stack.enter_context(guest)
            sources = {
                f"/guest/workers/agent/sandbox/guest/{path.name}": _memory(stack, path.read_bytes())
                for path in sorted(_GUEST.glob("*.py"))
            }
            filter_fd = _memory(stack, calls.call_filter(platform.machine()))
            around = bubblewrap.arguments(
                system_binds=system_binds(),
                prefix=self.prefix,
                guest=sources,
                filter_fd=filter_fd,
                disk_bytes=disk_bytes,
            )
            inner = [self.python, "-I", "-B", "-c", bubblewrap.SERVE, str(guest.fileno())]
            process = subprocess.Popen(
                [*self.wrapper, *around, *inner],
                env={},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                pass_fds=(guest.fileno(), filter_fd, *sources.values()),
            )
            guest.close()
            try:
                yield herd
            finally:
                process.kill()
                process.wait()


def _memory(stack: ExitStack, content: bytes) -> int:
    descriptor = os.memfd_create("guest")
    stack.callback(os.close, descriptor)
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _read(herd: socket.socket, until: float, size: int) -> bytes:
    parts = []
    while size:
        herd.settimeout(max(0.001, until - time.monotonic()))
        part = herd.recv(min(size, 2**20))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def system_binds() -> list[str]:
    """Programs and libraries of this host, as arguments of bubblewrap."""
    links = {
        path: str(Path(path).readlink()) if Path(path).is_symlink() else None for path in _LINKS
    }
    return bubblewrap.system({path: to for path, to in links.items() if Path(path).exists()})


@functools.cache
def find_sandbox() -> Sandbox | Unavailable:
    """The sandbox of this host, tried once by running a program in it."""
    if platform.machine() not in calls.machines():
        return Unavailable(f"no filter of system calls for {platform.machine()}")
    bwrap, setpriv = shutil.which("bwrap"), shutil.which("setpriv")
    if not bwrap:
        return Unavailable("install the package bubblewrap (0.8 or newer)")
    if os.geteuid() == 0 and not setpriv:
        return Unavailable("install the package util-linux")
    wrapper = (*(bubblewrap.drop_root(str(setpriv)) if os.geteuid() == 0 else ()), bwrap)
    own = (str(Path(sys.executable).resolve()), sys.base_prefix)
    for python, prefix in (("/usr/bin/python3", None), own):
        sandbox = Sandbox("bubblewrap", wrapper, python, prefix)
        if sandbox.run(["python", "-c", "print(7)"], {}).stdout == "7\n":
            return sandbox
    return Unavailable("bubblewrap (0.8 or newer) cannot make namespaces for this user")
