"""No process that herd starts outlives it."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from warehouse.errors import EngineError
from workers.engine.spawn import spawn

ROOT = Path(__file__).parents[2]
WORKER = """
import sys
from pathlib import Path
from tests.servers import Servers
from workers.engine.config import EngineConfig
engine = EngineConfig(binary=sys.argv[1], threads=1)
server = Servers(Path(sys.argv[2])).make(engine, Path(sys.argv[3]))
server.start()
print(server.pid, flush=True)
sys.stdin.read()
"""


def test_a_killed_worker_takes_its_server_along(tmp_path: Path, any_model: Path) -> None:
    fake = ROOT / "tests" / "fakes" / "llama_server.py"
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(fake), str(tmp_path), str(any_model)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert worker.stdout is not None
        server = psutil.Process(int(worker.stdout.readline()))
        assert server.is_running()
        worker.kill()
        _, alive = psutil.wait_procs([server], timeout=2)
        assert not alive
    finally:
        worker.kill()
        worker.communicate()


def test_a_child_whose_parent_died_before_the_guard_was_set_ends(tmp_path: Path) -> None:
    """The race between fork and prctl: the child finds another parent than the one named."""
    mark = tmp_path / "ran"
    started = spawn(["/bin/sh", "-c", f"touch {mark}"], env=dict(os.environ))
    started.communicate()
    assert mark.exists()
    mark.unlink()
    assert isinstance(started.args, list)
    orphaned = ["1" if word == str(os.getpid()) else word for word in started.args]
    assert subprocess.run(orphaned, check=False).returncode != 0
    assert not mark.exists()


def test_the_end_of_the_asking_thread_ends_nothing() -> None:
    started: list[subprocess.Popen[bytes]] = []
    sleep = ["/bin/sleep", "60"]
    thread = threading.Thread(target=lambda: started.append(spawn(sleep, env={})))
    thread.start()
    thread.join()
    process = psutil.Process(started[0].pid)
    # PDEATHSIG would have struck when the thread ended: give the kernel a chance to.
    with pytest.raises(psutil.TimeoutExpired):
        process.wait(0.2)
    assert process.cmdline() == sleep
    started[0].kill()
    started[0].communicate()


def test_the_address_space_is_limited() -> None:
    shell = ["/bin/sh", "-c", "ulimit -v"]
    started = spawn(shell, env={}, address_space_bytes=2**32)
    assert int(started.communicate()[0]) == 2**32 // 1024


def test_without_util_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(EngineError, match=r"setpriv is missing.*util-linux"):
        spawn(["/bin/true"], env={})
