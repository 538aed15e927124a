"""Keeps a host in the fleet: starts Ray, and starts it again whenever it ends.

`python -m workers.node.supervisor FOLDER`, under systemd or by itself. FOLDER holds:
spec.json (what to run), token, supervisor.lock (held while one runs, its pid in it), log.txt.

When a host was cut off for longer than the head's patience, its raylet is told that it is dead
and ends; nothing but this brings it back. Standard library only.
"""

import ctypes
import fcntl
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

from workers.node import installer

LOG = "log.txt"
SPEC = "spec.json"
_TEMPORARY = "temporary"
"""Names the folder in which Ray runs: its sockets want a short path."""
NODE_IP = "{node_ip}"
"""Stands in a spec for this host's IP on the way to the head."""
_MARK = "HERD_NODE_RUN"
"""In the environment of all that a run starts: tells what it left, whoever adopted it."""
_LONGEST_LOG = 4 * 2**20
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 30.0
_GOOD_RUN_S = 60.0
"""A run that long starts the pauses anew."""
_GRACE_S = 15
_CONNECT_S = 5.0
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def main(folder: Path) -> None:
    """Run until SIGTERM; one supervisor a folder."""
    lock = os.open(folder / installer.LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"{folder} has its supervisor already")
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    if not (folder / installer.LEAVING).exists():
        Supervisor(folder).run()
    if (folder / installer.LEAVING).exists():
        shutil.rmtree(folder)
        installer.tidy()


def next_pause_s(pause_s: float, ran_s: float) -> float:
    """The pause before the next start: doubled each time, until a run was a good one. Pure.

    Args:
        pause_s: the one before; 0: none yet.
        ran_s: how long it ran since.
    """
    if ran_s > _GOOD_RUN_S or not pause_s:
        return _FIRST_PAUSE_S
    return min(2 * pause_s, _LONGEST_PAUSE_S)


class _StoppedError(Exception):
    """SIGTERM while Ray did not run."""


class Supervisor:
    """Starts what the spec says, again and again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._child = 0
        self._stopping = False

    def run(self) -> None:
        """Until SIGTERM."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGALRM, self._kill)
        with suppress(_StoppedError):
            self._live()
        self._remove_temporary()

    def _live(self) -> None:
        pause_s = 0.0
        while not self._stopping:
            began = time.monotonic()
            self._live_once()
            pause_s = next_pause_s(pause_s, time.monotonic() - began)
            if not self._stopping:
                time.sleep(pause_s)

    def _live_once(self) -> None:
        spec = json.loads((self._folder / SPEC).read_text())
        node_ip = ""
        if spec["head"]:
            found = _ip_towards(*spec["head"])
            if found is None:
                self._log("the head at {}:{} cannot be reached".format(*spec["head"]))
                return
            node_ip = found
        self._remove_temporary()
        temporary = tempfile.mkdtemp(prefix="herd-node-", dir=_short_folder())
        (self._folder / _TEMPORARY).write_text(temporary)
        arguments = [a.replace(NODE_IP, node_ip) for a in spec["arguments"]]
        command = [sys.executable, *arguments, f"--temp-dir={temporary}"]
        self._log(f"starting: {' '.join(command)}")
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        try:
            own = {_MARK: temporary}
            self._child = self._spawn(command, {**os.environ, **spec["environment"], **own})
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        status = self._wait()
        self._child = 0
        self._log(f"ended with {os.waitstatus_to_exitcode(status)}")
        _kill_children()

    def _spawn(self, command: list[str], environment: dict[str, str]) -> int:
        parent = os.getpid()
        log = os.open(self._folder / LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        child = os.fork()  # one thread alone runs here
        if child == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
            _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)
            nothing = os.open(os.devnull, os.O_RDONLY)
            for target, source in enumerate((nothing, log, log)):
                os.dup2(source, target)
            os.chdir(self._folder)
            os.execve(command[0], command, environment)  # noqa: S606
        os.close(log)
        return child

    def _wait(self) -> int:
        """The child's status; reaps whatever else ended meanwhile, since orphans come here."""
        while True:
            pid, status = os.waitpid(-1, 0)
            if pid == self._child:
                signal.alarm(0)
                return status

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._stopping = True
        if self._child:
            os.kill(self._child, signal.SIGTERM)
            signal.alarm(_GRACE_S)
        else:  # it sleeps, or looks for the head
            raise _StoppedError

    def _kill(self, _signal: int, _frame: FrameType | None) -> None:
        if self._child:
            os.kill(self._child, signal.SIGKILL)

    def _remove_temporary(self) -> None:
        """End and remove what an earlier run left: it was of this folder, whose lock is held here.

        Ray's agents were seen to outlive a killed raylet, and they keep its ports.
        """
        note = self._folder / _TEMPORARY
        if note.exists():
            temporary = note.read_text()
            _kill_marked(temporary)
            shutil.rmtree(temporary, ignore_errors=True)
            note.unlink()

    def _log(self, line: str) -> None:
        path = self._folder / LOG
        if path.exists() and path.stat().st_size > _LONGEST_LOG:
            path.rename(path.with_suffix(".old"))
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a") as file:
            file.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} supervisor: {line}\n")


def _ip_towards(host: str, port: int) -> str | None:
    """This host's IP on the way there; None: nobody answers there."""
    try:
        with socket.create_connection((host, port), timeout=_CONNECT_S) as connection:
            address: tuple[Any, ...] = connection.getsockname()
            return str(address[0])
    except OSError:
        return None


def _short_folder() -> str:
    """A socket's path is limited to 107 bytes, and Ray adds 70 of them."""
    folder = tempfile.gettempdir()
    return folder if len(folder) <= 16 else "/tmp"  # noqa: S108 - mkdtemp makes a private one in it


def _kill_children() -> None:
    """Whatever outlived Ray on this host was handed to this process: it ends with it."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    deadline = time.monotonic() + _GRACE_S
    while children.exists() and time.monotonic() < deadline:
        for pid in children.read_text().split():
            os.kill(int(pid), signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _kill_marked(temporary: str) -> None:
    mark = f"{_MARK}={temporary}\0".encode()
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # another user's, or gone meanwhile
            if mark in environment.read_bytes():
                os.kill(int(environment.parent.name), signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}) failed")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
