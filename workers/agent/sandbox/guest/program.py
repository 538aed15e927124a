"""A program under limits: its output is kept, and nothing that it started outlives it."""

from __future__ import annotations

import contextlib
import os
import resource
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

_MIB = 2**20
_LOOK_S = 0.05
_PAGE_BYTES = resource.getpagesize()
_OPEN_FILES = 128


@dataclass
class Ended:
    """How it ended."""

    exit_code: int | None = None
    limit: str | None = None
    outputs: dict[int, bytearray] = field(default_factory=dict)
    """By the number of the pipe: 0 stdout, 1 stderr, 2 the reports of the tests."""


def run(
    argv: Sequence[str],
    limits: dict[str, float],
    *,
    folder: str,
    disk: str,
    stdin: bytes = b"",
    report: bool = False,
) -> Ended:
    """Run it until it ends or a limit ends it; then kill all that it left.

    Args:
        argv: the program. With `report`, the number of a pipe to write reports to is appended.
        limits: the fields of `Limits`.
        folder: where it starts.
        disk: the file system that holds all it can write.
        stdin: its standard input, 64 KiB at most.
        report: whether it has a pipe for reports.
    """
    pipes = [os.pipe() for _ in range(3 if report else 2)]
    for reading, _ in pipes:
        os.set_blocking(reading, False)
    ends = [writing for _, writing in pipes]
    command = [*argv, str(ends[2])] if report else list(argv)
    ended = Ended(outputs={number: bytearray() for number in range(len(pipes))})
    try:
        process = _start(command, limits, folder, ends, stdin)
    except OSError as error:
        ended.exit_code = 127
        ended.outputs[1] += f"{argv[0]}: {error.strerror}".encode()
        return ended
    for end in ends:
        os.close(end)
    _follow(
        process, limits, disk, {reading: number for number, (reading, _) in enumerate(pipes)}, ended
    )
    return ended


def _start(
    command: Sequence[str], limits: dict[str, float], folder: str, ends: Sequence[int], stdin: bytes
) -> subprocess.Popen[bytes]:
    reading, writing = os.pipe()
    os.write(writing, stdin)
    os.close(writing)
    try:
        return subprocess.Popen(
            command,
            cwd=folder,
            stdin=reading,
            stdout=ends[0],
            stderr=ends[1],
            pass_fds=ends[2:],
            start_new_session=True,
            preexec_fn=lambda: _limit(limits),  # there is no thread here
        )
    finally:
        os.close(reading)


def _limit(limits: dict[str, float]) -> None:
    memory, disk = int(limits["memory_mib"]) * _MIB, int(limits["disk_mib"]) * _MIB
    cpu = int(limits["cpu_s"])
    for what, soft, hard in (
        (resource.RLIMIT_AS, memory, memory),
        (resource.RLIMIT_CPU, cpu, cpu + 1),
        (resource.RLIMIT_FSIZE, disk, disk),
        (resource.RLIMIT_NOFILE, _OPEN_FILES, _OPEN_FILES),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_MEMLOCK, 0, 0),
        # counted in this user namespace only, and last: it binds this process already
        (resource.RLIMIT_NPROC, int(limits["processes"]), int(limits["processes"])),
    ):
        resource.setrlimit(what, (soft, hard))


def _follow(
    process: subprocess.Popen[bytes],
    limits: dict[str, float],
    disk: str,
    pipes: dict[int, int],
    ended: Ended,
) -> None:
    until = time.monotonic() + limits["wall_s"]
    output_max = int(limits["output_kib"]) * 1024
    with selectors.DefaultSelector() as selector:
        for pipe in pipes:
            selector.register(pipe, selectors.EVENT_READ)
        while ended.limit is None and process.poll() is None:
            # the end of the program is no event of the selector
            for key, _ in selector.select(_LOOK_S):
                if not _drain(key.fd, ended.outputs[pipes[key.fd]], output_max):
                    selector.unregister(key.fd)
            ended.limit = _over(limits, until, disk, ended, output_max)
    kill_all()
    process.wait()
    for pipe, number in pipes.items():
        while _drain(pipe, ended.outputs[number], output_max, all_of_it=True):
            pass
        os.close(pipe)
    if ended.limit is None and _out_of_cpu(process.returncode, limits["cpu_s"]):
        ended.limit = "CPU time"
    if ended.limit is None and any(len(kept) > output_max for kept in ended.outputs.values()):
        ended.limit = "output"
    ended.exit_code = None if ended.limit else process.returncode


def _out_of_cpu(status: int, cpu_s: float) -> bool:
    """It ended by the signal of that limit, or ignored it and was killed a second later."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    stubborn = status == -signal.SIGKILL and used.ru_utime + used.ru_stime >= cpu_s
    return status == -signal.SIGXCPU or stubborn


def _drain(pipe: int, kept: bytearray, kept_max: int, *, all_of_it: bool = False) -> bool:
    """Read what is there, one byte more than may be kept; whether the pipe is still open."""
    try:
        got = os.read(pipe, 65536)
    except BlockingIOError:
        return not all_of_it
    kept += got[: max(0, kept_max + 1 - len(kept))]
    return bool(got)


def _over(
    limits: dict[str, float], until: float, disk: str, ended: Ended, output_max: int
) -> str | None:
    if any(len(kept) > output_max for kept in ended.outputs.values()):
        return "output"
    if time.monotonic() > until:
        return "wall time"
    if _resident_bytes() > limits["memory_mib"] * _MIB:
        return "memory"
    space = os.statvfs(disk)
    return "files" if space.f_files - space.f_ffree > 10 * limits["file_count"] else None


def _others() -> list[int]:
    return [
        int(name)
        for name in os.listdir("/proc")
        if name.isdigit() and int(name) not in (1, os.getpid())
    ]


def _resident_bytes() -> int:
    """Of all processes here but the two that herd brought; shared pages count for each."""
    pages = 0
    for pid in _others():
        with contextlib.suppress(OSError, IndexError), open(f"/proc/{pid}/statm") as statm:
            pages += int(statm.read().split()[1])
    return pages * _PAGE_BYTES


def kill_all() -> None:
    """End every process here but this one and the namespace's first, and wait until they have."""
    while not _alone():
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        time.sleep(0.002)


def _alone() -> bool:
    """Whether all others are gone, or dead and not yet reaped."""
    for pid in _others():
        with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as stat:
            if stat.read().rsplit(")", 1)[1].split()[0] not in ("Z", "X"):
                return False
    return True
