"""Watch over a started process: its output goes to a log file, its port and its end are noticed."""

import contextlib
import os
import select
import signal
import subprocess
import threading
from collections.abc import Callable
from typing import IO

from workers.engine.log import listening_port

_CHUNK = 1 << 16


class Supervisor:
    """A thread that sleeps in poll(2) on the process's output and on its end.

    It waits for the end through a pidfd, not for the end of the output: a debugger that the
    process started in a crash may hold that open for seconds.

    Attributes:
        pid: Process id.
        port: The port that the log says the process listens on, once it does.
        exit_code: Negative for a signal; None while it runs. By then the log is complete.
    """

    def __init__(self, process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
        """Takes over the process, whose output is one pipe, and the log, which it closes."""
        if process.stdout is None:
            raise ValueError("the process was started without a pipe")
        self.pid = process.pid
        self.port: int | None = None
        self.exit_code: int | None = None
        self._process = process
        self._pipe = process.stdout
        self._log = log
        self._partial = b""
        self._changed = threading.Condition()
        self._pidfd = os.pidfd_open(process.pid)
        threading.Thread(target=self._watch, name=f"supervisor-{process.pid}", daemon=True).start()

    def wait_port(self, timeout_s: float) -> None:
        """Wait until the port is known or the process has ended, or `timeout_s`."""
        self._wait(lambda: self.port is not None or self.exit_code is not None, timeout_s)

    def wait_exit(self, timeout_s: float) -> int | None:
        """Wait for the end; the exit code, or None after `timeout_s`."""
        self._wait(lambda: self.exit_code is not None, timeout_s)
        return self.exit_code

    def send(self, number: signal.Signals) -> None:
        """Send a signal; nothing if the process has ended (its id may be another's by now)."""
        with self._changed:
            if self.exit_code is None:
                signal.pidfd_send_signal(self._pidfd, number)

    def _wait(self, condition: Callable[[], bool], timeout_s: float) -> None:
        with self._changed:
            self._changed.wait_for(condition, timeout_s)

    def _watch(self) -> None:
        pipe = self._pipe.fileno()
        os.set_blocking(pipe, False)
        poller = select.poll()
        poller.register(pipe, select.POLLIN)
        poller.register(self._pidfd, select.POLLIN)
        ended = False
        while not ended:
            ready = {fd for fd, _ in poller.poll()}
            ended = self._pidfd in ready
            if pipe in ready and not self._drain(pipe) and not ended:
                poller.unregister(pipe)  # closed by a process that lives on
        self._drain(pipe)
        self._finish()

    def _drain(self, pipe: int) -> bool:
        """Read what is there; False at the end of the output."""
        while True:
            try:
                data = os.read(pipe, _CHUNK)
            except BlockingIOError:
                return True
            if not data:
                return False
            self._keep(data)

    def _keep(self, data: bytes) -> None:
        # With a full disk the log ends here, but a server that nobody reads would hang.
        with contextlib.suppress(OSError):
            self._log.write(data)
        if self.port is None:
            self._look_for_port(data)

    def _look_for_port(self, data: bytes) -> None:
        *lines, self._partial = (self._partial + data).split(b"\n")
        found = (listening_port(line.decode(errors="replace")) for line in lines)
        if port := next((port for port in found if port), None):
            with self._changed:
                self.port = port
                self._changed.notify_all()

    def _finish(self) -> None:
        self._pipe.close()
        self._log.close()
        with self._changed:
            self.exit_code = self._process.wait()
            os.close(self._pidfd)
            self._changed.notify_all()
