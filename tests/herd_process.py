"""`herd` run as a user runs it: a process of its own, with folders of its own."""

import fcntl
import json
import os
import pty
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil

from tests.conftest import FAKE
from warehouse.connection import connect

BINARY = Path(sys.executable).parent / "herd"


class Herd:
    """A user of herd; everything that is written lies under one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.warehouse = folder / "warehouse"
        self.conf = folder / "conf"
        # Sockets of Ray lie in it, and their paths are limited to 107 bytes.
        self.tmp = Path(tempfile.mkdtemp(prefix="hd", dir="/tmp"))
        self.env = {
            **os.environ,
            "HERD_WAREHOUSE": str(self.warehouse),
            "XDG_STATE_HOME": str(folder / "state"),
            "TMPDIR": str(self.tmp),
        }
        self._started: list[subprocess.Popen[str]] = []

    def close(self) -> None:
        """End what still runs, and see that nothing of it is left."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.wait(timeout=30)
        self.wait_gone(self.processes, 30)
        shutil.rmtree(self.tmp, ignore_errors=True)

    def run(
        self, *args: str, timeout_s: float = 100, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a verb to its end."""
        return subprocess.run(
            [BINARY, *args],
            env=self.env,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            input=stdin,
            check=False,
        )

    def start(self, *args: str) -> subprocess.Popen[str]:
        """Start a verb."""
        process = subprocess.Popen(
            [BINARY, *args],
            env=self.env,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._started.append(process)
        return process

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Rows of the warehouse."""
        with connect(self.warehouse) as connection:
            rows: list[dict[str, Any]] = connection.query(sql).to_pylist()
        return rows

    def engine(self, name: str, **behaviour: Any) -> None:
        """Configure `engine=NAME` as a fake llama-server that behaves so.

        `behaviour` is the path of a file that says how.
        """
        timeouts: dict[str, Any] = {
            key: behaviour.pop(key)
            for key in ("start_timeout_s", "stop_timeout_s", "request_timeout_s")
            if key in behaviour
        }
        binary = behaviour.pop("binary", str(FAKE))
        told = behaviour.pop("behaviour", None) or json.dumps(behaviour)
        config: dict[str, Any] = {
            "defaults": ["engine_schema", "_self_"],
            "name": name,
            "binary": binary,
            "threads": 1,
            "env": {"FAKE_LLAMA": told},
            **timeouts,
        }
        path = self.conf / "engine" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(config))  # JSON is YAML

    def model_file(self, name: str = "model.gguf", content: bytes = b"GGUF for the fake") -> str:
        """A file that the fake server takes for a model."""
        path = self.folder / name
        path.write_bytes(content)
        return str(path)

    def processes(self) -> list[psutil.Process]:
        """Everything of this user that runs: llama-servers and Ray, not `herd` itself."""
        return [p for p in _of_folder(self.tmp) if p.pid not in {s.pid for s in self._started}]

    def servers(self) -> list[psutil.Process]:
        """The llama-servers of this user that run; not the shells that a start may go through."""
        return [p for p in self.processes() if _is_server(_command(p))]

    def workers(self) -> list[psutil.Process]:
        """The host actors of this user that run."""
        return [p for p in self.processes() if _command(p)[:1] == ["ray::HostWorker.run"]]

    def wait_gone(self, what: Callable[[], Sequence[object]], timeout_s: float) -> None:
        """Wait until there is none of them."""
        until(lambda: not what(), timeout_s)


def until(condition: Callable[[], Any], timeout_s: float = 60) -> Any:
    """Wait for a condition of other processes; its value."""
    deadline = time.monotonic() + timeout_s
    pause = threading.Event()
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"waited {timeout_s} s in vain"
        pause.wait(0.02)


class Terminal:
    """A verb on a terminal of its own, as a user sits before it."""

    def __init__(self, herd: Herd, *args: str) -> None:
        self.text = ""
        self._ended = False
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # tests in the background ignore it
            os.chdir(herd.folder)
            env = {"TERM": "xterm", "COLUMNS": "150", "PROMPT_TOOLKIT_NO_CPR": "1"}
            os.execve(BINARY, [str(BINARY), *args], {**herd.env, **env})
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 150, 0, 0))
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._fd, 4096)
            except OSError:  # the other end is closed
                return
            if not data:
                return
            self.text += data.decode(errors="replace")

    def write(self, text: str) -> None:
        """Type it."""
        os.write(self._fd, text.encode())

    def press_ctrl_c(self) -> None:
        """Ctrl-C goes to every process of the terminal's foreground group."""
        self.write("\x03")

    def cpu_s(self) -> float:
        """Processor time that it has used, s."""
        times = psutil.Process(self.pid).cpu_times()
        return float(times.user + times.system)

    def kill(self) -> None:
        """End it, whatever it does."""
        if not self._ended:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()

    def wait(self, timeout_s: float = 60) -> int:
        """Exit code."""
        _, status = until(lambda: _reaped(self.pid), timeout_s)
        self._ended = True
        self._reader.join(timeout=10)
        os.close(self._fd)
        return os.waitstatus_to_exitcode(status)


def _reaped(pid: int) -> tuple[int, int] | None:
    reaped, status = os.waitpid(pid, os.WNOHANG)
    return (reaped, status) if reaped else None


def _of_folder(folder: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("TMPDIR") == str(folder) and _is_alive(process):
                found.append(process)
        except psutil.Error:
            continue
    return found


def _is_alive(process: psutil.Process) -> bool:
    return bool(process.status() != psutil.STATUS_ZOMBIE)


def _command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def _is_server(command: Sequence[str]) -> bool:
    return "--ctx-size" in command and Path(command[0]).name not in ("sh", "bash", "setpriv")


def interrupt(process: subprocess.Popen[str]) -> None:
    """SIGINT to the driver alone."""
    process.send_signal(signal.SIGINT)
