"""The supervisor of a node, with a program of ours in the place of Ray."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.herd_process import until
from workers.node import installer
from workers.node.supervisor import next_pause_s

_ROOT = str(Path(__file__).parents[2])
_LIVES = "import sys,time,pathlib; pathlib.Path('lives').open('a').write('x'); time.sleep(60)"
_LEAVES_AN_ORPHAN = """\
import pathlib, subprocess, sys
orphan = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"],
                          start_new_session=True)
pathlib.Path("orphan").write_text(str(orphan.pid))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "hosts" / "box"
    path.mkdir(parents=True)
    yield path
    pid = installer._supervisor(path)
    if pid:
        psutil.Process(pid).kill()


def _start(folder: Path, program: str, head: list[Any] | None = None) -> psutil.Process:
    spec = {"head": head or [], "arguments": ["-c", program], "environment": {}}
    (folder / "spec.json").write_text(json.dumps(spec))
    process = subprocess.Popen(
        [sys.executable, "-m", "workers.node.supervisor", str(folder)],
        env={**os.environ, "PYTHONPATH": _ROOT},
    )
    until(lambda: installer.is_running(folder), 20)
    return psutil.Process(process.pid)


def _has_ended(process: psutil.Process) -> bool:
    """Ended, if not yet reaped by whoever adopted it."""
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def _lives(folder: Path) -> int:
    path = folder / "lives"
    return len(path.read_text()) if path.exists() else 0


def test_what_ends_is_started_again_and_sigterm_ends_both(folder: Path) -> None:
    supervisor = _start(folder, _LIVES)
    until(lambda: _lives(folder) == 1, 20)
    (child,) = supervisor.children()
    child.kill()
    until(lambda: _lives(folder) == 2, 20)
    (child,) = supervisor.children()
    temporary = Path((folder / "temporary").read_text())
    assert temporary.is_dir()
    installer.stop(folder)
    assert _has_ended(child)
    assert not temporary.exists()
    assert "ended with -9" in (folder / "log.txt").read_text()


def test_pauses_grow_until_a_run_was_a_good_one() -> None:
    pauses = [0.0]
    for _ in range(7):
        pauses.append(next_pause_s(pauses[-1], 2.0))
    assert pauses[1:] == [1, 2, 4, 8, 16, 30, 30]
    assert next_pause_s(30, 61) == 1


def test_killed_it_takes_its_child_along_and_the_next_one_clears_up(folder: Path) -> None:
    supervisor = _start(folder, f"{_LEAVES_AN_ORPHAN}\n{_LIVES}")
    until(lambda: _lives(folder) == 1, 20)
    child = supervisor.children()[0]
    orphan = psutil.Process(int((folder / "orphan").read_text()))
    temporary = Path((folder / "temporary").read_text())
    supervisor.kill()
    supervisor.wait(10)
    psutil.wait_procs([child], timeout=5)
    assert not child.is_running()
    assert orphan.is_running()
    _start(folder, _LIVES)
    until(lambda: _lives(folder) == 2, 20)
    assert not temporary.exists()
    assert _has_ended(orphan)


def test_an_orphan_of_its_child_ends_with_it(folder: Path) -> None:
    _start(folder, _LEAVES_AN_ORPHAN)
    pid = int(until(lambda: (folder / "orphan").exists() and (folder / "orphan").read_text(), 20))
    until(lambda: "ended with 0" in (folder / "log.txt").read_text(), 20)
    until(lambda: not psutil.pid_exists(pid), 5)


def test_a_second_one_is_refused(folder: Path) -> None:
    _start(folder, _LIVES)
    done = subprocess.run(
        [sys.executable, "-m", "workers.node.supervisor", str(folder)],
        env={**os.environ, "PYTHONPATH": _ROOT},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 1
    assert "has its supervisor already" in done.stderr


def test_it_waits_for_the_head_before_it_starts_anything(folder: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        supervisor = _start(folder, _LIVES, ["127.0.0.1", port])
        log = folder / "log.txt"
        until(lambda: log.exists() and "cannot be reached" in log.read_text(), 20)
        assert _lives(folder) == 0
        listener.listen()
        until(lambda: _lives(folder) == 1, 20)
    supervisor.send_signal(signal.SIGTERM)
    supervisor.wait(10)


def test_who_leaves_takes_its_folder_along(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    own = installer.base() / "hosts" / "box"
    own.parent.mkdir(parents=True)
    folder.rename(own)
    used, unused = installer.base() / "site" / "used", installer.base() / "site" / "unused"
    used.mkdir(parents=True)
    unused.mkdir()
    (installer.base() / "hosts" / "other").mkdir()
    other = {"parts": ["site/used"]}
    (installer.base() / "hosts" / "other" / "spec.json").write_text(json.dumps(other))
    _start(own, _LIVES)
    until(lambda: _lives(own) == 1, 20)
    installer.leave("box")
    until(lambda: not own.exists(), 20)
    until(lambda: not unused.exists(), 5)
    assert used.exists()


def test_the_unit_is_one_that_systemd_takes(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is missing: no systemd here")
    folder = tmp_path / "a folder 100% full" / 'with "quotes"'
    unit = tmp_path / "herd-box.service"
    unit.write_text(installer.unit_text(folder, [_ROOT, "/x y"], sys.executable))
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", str(unit)],
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "herd-box" not in done.stderr, done.stderr


def test_unpacked_halfway_nothing_appears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    half = tmp_path / "half.tar.gz"
    (tmp_path / "file").write_bytes(os.urandom(2**20))
    subprocess.run(["tar", "-czf", half, "-C", tmp_path, "file"], check=True)
    content = half.read_bytes()
    half.write_bytes(content[: len(content) // 2])
    with half.open("rb") as stream, pytest.raises(installer.InstallError, match="arrive whole"):
        installer.unpack("site/x", stream)
    assert list((installer.base() / "site").iterdir()) == []
    half.write_bytes(content)
    with half.open("rb") as stream:
        installer.unpack("site/x", stream)
    assert (installer.base() / "site/x/file").stat().st_size == 2**20
