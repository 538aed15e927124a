"""The process of an agent cell as the worker sees it: started, listened to, ended."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil

from workers.agent.messages import AgentRequest, Said, said_in
from workers.engine.environment import scrub
from workers.engine.spawn import spawn

COMMAND = (sys.executable, "-m", "workers.agent.process")
_XDG = ("DATA", "CACHE", "STATE", "CONFIG")
_END_WAIT_S = 10.0
_TAIL_CHARS = 300


class AgentProcess:
    """Started by `start`; `kill` from any thread, again and again."""

    def __init__(self, request: AgentRequest, command: Sequence[str] = COMMAND) -> None:
        """Nothing is started yet; the request's folder exists."""
        self._request = request
        self._command = command
        self._folder = Path(request.folder)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and tell it what to do; the key goes through its standard input."""
        with self._errors.open("wb") as errors:
            process = spawn(
                self._command,
                env=environment(os.environ, self._folder),
                stdin=subprocess.PIPE,
                stderr=errors.fileno(),
            )
        self._process = process
        if process.stdin is None:
            raise ValueError("the process was started without a pipe")
        with contextlib.suppress(BrokenPipeError), process.stdin as pipe:
            pipe.write(self._request.encoded())

    def said(self) -> Iterator[Said]:
        """What it says, until its end."""
        if self._process is None or self._process.stdout is None:
            raise ValueError("the process was not started")
        for line in self._process.stdout:
            if line.endswith(b"\n"):  # it may be killed in the middle of one
                yield said_in(line)

    def kill(self) -> None:
        """End it and what it started, by SIGKILL; it leaves nothing to be tidied up."""
        if self._process is None or self._process.poll() is not None:
            return
        below: list[psutil.Process] = []
        with contextlib.suppress(psutil.Error):
            below = psutil.Process(self._process.pid).children(recursive=True)
        self._process.kill()
        for each in below:
            with contextlib.suppress(psutil.Error):
                each.kill()

    def end(self) -> int:
        """End it if it still runs; the exit code, negative for a signal."""
        if self._process is None:
            return 0
        self.kill()
        if self._process.stdout:
            self._process.stdout.close()
        return self._process.wait(_END_WAIT_S)

    def wait(self) -> int:
        """Wait for the end of a process that has nothing more to say; the exit code."""
        if self._process is None:
            return 0
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(_END_WAIT_S)
        return self.end()

    def last_words(self) -> str:
        """The last line of its standard error."""
        lines = self._errors.read_text(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")[:_TAIL_CHARS]

    @property
    def _errors(self) -> Path:
        return self._folder / "agent.log"


def environment(environ: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The environment of the process: no key, token or proxy of the worker's.

    What libraries keep for themselves goes into the cell's folder.
    """
    own = {f"XDG_{name}_HOME": str(folder / "xdg" / name.lower()) for name in _XDG}
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return scrub(environ, {**own, "PYTHONPATH": path})
