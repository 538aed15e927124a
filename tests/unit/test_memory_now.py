"""Memory of a process and of doubled GPUs at one moment."""

import os
import subprocess
import sys

import psutil

from workers.gpu import GpuSample, Nvml
from workers.memory_now import memory_now


class Cards(Nvml):
    """Cards that hold so much."""

    def __init__(self, **used_mib: float | None) -> None:
        self._used = used_mib

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


def test_a_process_that_is_gone_has_none() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    psutil.Process(child.pid)
    # a zombie until it is waited for
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert memory_now(child.pid, (), Cards()).rss_mib is None
    child.wait()
    assert memory_now(child.pid, (), Cards()).private_mib is None
