"""Memory of a process and of doubled GPUs at one moment."""

import os
import subprocess
import sys

import psutil

from workers.gpu import GpuProcess, GpuSample, Nvml
from workers.memory_now import memory_now


class Cards(Nvml):
    """Cards that hold so much, of which one process has its own part."""

    def __init__(self, own: GpuProcess | None = None, **used_mib: float) -> None:
        self._own = own
        self._used = used_mib

    def processes(self, uuid: str) -> tuple[GpuProcess, ...] | None:
        return None if self._own is None else (GpuProcess(1, 7.0), self._own)

    def sample(self, uuid: str) -> GpuSample:
        return GpuSample(vram_used_mib=self._used.get(uuid))


def test_a_process_has_private_memory_and_files() -> None:
    before = memory_now(os.getpid(), (), Cards())
    held = bytearray(b"x" * (64 << 20))
    after = memory_now(os.getpid(), (), Cards())
    assert before.private_mib is not None
    assert after.private_mib is not None
    assert after.rss_mib is not None
    assert after.private_mib - before.private_mib >= 63
    # the interpreter's own libraries are files
    assert after.rss_mib > after.private_mib
    assert after.vram_mib is None
    assert len(held) == 64 << 20


def test_memory_of_the_leased_cards_is_added() -> None:
    cards = Cards(a=1000.0, b=500.0, c=9.0)
    assert memory_now(os.getpid(), ("a", "b"), cards).vram_mib == 1500.0
    assert memory_now(os.getpid(), ("a", "unknown"), cards).vram_mib is None


def test_a_process_has_its_own_part_of_a_card_where_the_driver_tells_it() -> None:
    own, untold = GpuProcess(os.getpid(), 300.0), GpuProcess(os.getpid(), None)
    assert memory_now(os.getpid(), ("a", "b"), Cards(own, a=1000.0, b=500.0)).vram_mib == 600.0
    assert memory_now(os.getpid(), ("a",), Cards(untold, a=1000.0)).vram_mib == 1000.0


def test_a_process_that_is_gone_has_none() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    psutil.Process(child.pid)
    # a zombie until it is waited for
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert memory_now(child.pid, (), Cards()).rss_mib is None
    child.wait()
    assert memory_now(child.pid, (), Cards()).private_mib is None
