"""A program of llama.cpp that runs to its own end in place of a server: start, wait, kill."""

import os
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

from workers.cancel import when_cancelled
from workers.engine.config import EngineConfig
from workers.engine.environment import scrub
from workers.engine.failures import classify
from workers.engine.spawn import spawn
from workers.engine.supervisor import Supervisor
from workers.failures import CellFailed, Failure, FailureClass

_KILL_WAIT_S = 10.0


class Tool:
    """One run of it; its output goes to a log, both streams.

    Attributes:
        command: program and arguments.
        log: the log file.
    """

    def __init__(self, command: Sequence[str], engine: EngineConfig, log: Path) -> None:
        """Nothing is started yet.

        Args:
            command: program and arguments.
            engine: for environment and limits.
            log: the log file, in a folder that is there.
        """
        self.command = tuple(command)
        self.log = log
        self._engine = engine
        self._life: Supervisor | None = None

    @property
    def exit_code(self) -> int | None:
        """Negative for a signal; None while it runs, or if it was never started."""
        return self._life.exit_code if self._life else None

    def start(self) -> None:
        """Start it; it is killed when this process ends.

        Raises:
            EngineError: util-linux is missing.
        """
        gib = self._engine.address_space_gib
        limit = None if gib is None else int(gib * 2**30)
        env = scrub(os.environ, self._engine.env)
        process = spawn(self.command, env=env, address_space_bytes=limit)
        self._life = Supervisor(process, self.log.open("wb", buffering=0))

    def wait(self, limit_s: float, cancelled: threading.Event) -> int | None:
        """Wait for its end; the exit code, or None after `limit_s`. Killed once `cancelled`."""
        life = self._started()
        with when_cancelled(cancelled, lambda: life.send(signal.SIGKILL)):
            return life.wait_exit(limit_s)

    def wait_heard(self, silence_s: float, cancelled: threading.Event) -> int | None:
        """As `wait`, but None only once it has printed nothing for `silence_s` or a bit longer."""
        heard = -1
        while (exit_code := self.wait(silence_s, cancelled)) is None:
            printed = self.log.stat().st_size
            if printed == heard:
                return None
            heard = printed
        return exit_code

    def kill(self) -> None:
        """End it, if it runs."""
        if self._life is not None:
            self._life.send(signal.SIGKILL)
            self._life.wait_exit(_KILL_WAIT_S)

    def lines(self) -> list[str]:
        """What it printed."""
        if not self.log.is_file():
            return []
        return self.log.read_text(encoding="utf-8", errors="replace").splitlines()

    def _started(self) -> Supervisor:
        if self._life is None:
            raise RuntimeError("the tool is not started yet")
        return self._life


def check_end(exit_code: int | None, lines: Sequence[str], limit_s: float, program: str) -> None:
    """See that a run ended well.

    Raises:
        CellFailed: it did not end, or not with 0.
    """
    if exit_code is None:
        text = f"{program} did not end within {limit_s:g} s"
        raise CellFailed(Failure(FailureClass.RUN_TIMEOUT, text))
    if exit_code != 0:
        raise CellFailed(classify(lines, exit_code, "load", program=program))
