"""One life of one llama-server process."""

import http.client
import os
import secrets
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from workers.engine.build import EngineBuild
from workers.engine.config import EngineConfig
from workers.engine.environment import scrub
from workers.engine.failures import Phase, classify
from workers.engine.flags import bookkeeping_arguments
from workers.engine.log import message
from workers.engine.spawn import spawn
from workers.engine.supervisor import Supervisor
from workers.failures import Failure, FailureClass

_HEALTH_INTERVAL_S = 0.02
_HEALTH_TIMEOUT_S = 5.0
_READY = ("/health", "/slots")


class LaunchFailed(Exception):  # noqa: N818 - an outcome that becomes a row, not an error of ours
    """The server did not become ready; for the caller's rows, never shown to the user."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


class LlamaServer:
    """A llama-server on loopback: start, watch, stop. From any thread.

    Attributes:
        command: The exact command line of llama-server.
        api_key: Random; the server reads it from a file that is gone once it is ready.
        base_url: `http://127.0.0.1:PORT`, once ready; before, empty.
        pid: Process id, once started; before, 0.
        slot_folder: Where it writes saved slots.
        load_ms: From the start of the process to ready, ms.
        log_path: The server's log, standard output and standard error as they came.
    """

    def __init__(
        self,
        build: EngineBuild,
        engine: EngineConfig,
        arguments: Sequence[str],
        *,
        log_path: Path,
        run_dir: Path,
    ) -> None:
        """Nothing is started yet.

        Args:
            build: The binary, as `probe` found it.
            engine: Environment, limits and timeouts are taken from it.
            arguments: Those of `flags.server_arguments`.
            log_path: Where the log goes; its folder exists.
            run_dir: A private folder for the key and the slot files, best in memory. Made if
                missing; the caller removes it when the server is gone.
        """
        self._engine = engine
        self._run_dir = run_dir
        self._key_file = run_dir / "api-key"
        self.slot_folder = run_dir / "slots"
        own = bookkeeping_arguments(
            build.known_flags,
            api_key_file=str(self._key_file),
            slot_save_path=f"{self.slot_folder}/",
        )
        self.command: tuple[str, ...] = (str(build.path), *arguments, *own)
        self.api_key = secrets.token_urlsafe(32)
        self.base_url = ""
        self.pid = 0
        self.load_ms = 0.0
        self.log_path = log_path
        self._life: Supervisor | None = None
        self._stopping = threading.Lock()
        self._terminated = False
        self._oom_kills = 0

    def start(self) -> None:
        """Start the process and wait until it is ready.

        Raises:
            LaunchFailed: It ended, or is not ready within `start_timeout_s` (and was killed).
            EngineError: It cannot be started at all on this host.
        """
        self.slot_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            _write_private(self._key_file, self.api_key)
            began = time.monotonic()
            self._life = self._launch()
            self.pid = self._life.pid
            self._await_ready(self._life, began + self._engine.start_timeout_s)
            self.load_ms = (time.monotonic() - began) * 1000
        except BaseException:  # whatever it is (Ctrl-C too), no server is left behind
            self.kill()
            raise
        finally:
            self._key_file.unlink(missing_ok=True)

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._life.exit_code if self._life else None

    def wait_exit(self, timeout_s: float) -> int | None:
        """Wait for the end, whatever causes it; the exit code, or None after `timeout_s`."""
        return self._life.wait_exit(timeout_s) if self._life else None

    def stop(self) -> int:
        """End it by one SIGTERM, and by SIGKILL after `stop_timeout_s`; the exit code.

        A second SIGTERM would lose the memory breakdown, so however often and from however
        many threads this is called, one is sent. -9 is also what is said of a process that the
        kernel cannot end (a hung driver), and 0 of one that was never started.
        """
        if self._life is None:
            return 0
        with self._stopping:
            if not self._terminated:
                self._terminated = True
                self._life.send(signal.SIGTERM)
            if self.wait_exit(self._engine.stop_timeout_s) is None:
                self.kill()
        code = self.poll()
        return -signal.SIGKILL if code is None else code

    def kill(self) -> None:
        """End it by SIGKILL and wait until it is gone, at most `stop_timeout_s`."""
        if self._life:
            self._life.send(signal.SIGKILL)
            self._life.wait_exit(self._engine.stop_timeout_s)

    def failure(self) -> Failure:
        """Why it ended, from its log; for a server that ended without being asked to.

        Raises:
            ValueError: It still runs.
        """
        code = self.poll()
        if code is None:
            raise ValueError("the server has not ended")
        oom_killed = _oom_kills() > self._oom_kills
        phase: Phase = "run" if self.base_url else "load"
        return classify(self.log_lines(), code, phase, oom_killed=oom_killed)

    def log_text(self) -> str:
        """The log so far."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def log_lines(self) -> list[str]:
        """The lines of the log so far."""
        return self.log_text().splitlines()

    def log_tail(self, max_bytes: int = 8192) -> str:
        """The end of the log, whole lines of at most `max_bytes` together."""
        if not self.log_path.exists():
            return ""
        with self.log_path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - max_bytes))
            tail = file.read()
        if size > max_bytes:
            tail = tail.partition(b"\n")[2]
        return tail.decode(errors="replace")

    def _launch(self) -> Supervisor:
        gib = self._engine.address_space_gib
        self._oom_kills = _oom_kills()
        log = self.log_path.open("wb", buffering=0)
        try:
            process = spawn(
                self.command,
                env=scrub(os.environ, self._engine.env),
                address_space_bytes=None if gib is None else int(gib * 2**30),
            )
        except BaseException:
            log.close()
            raise
        return Supervisor(process, log)

    def _await_ready(self, life: Supervisor, deadline: float) -> None:
        life.wait_port(deadline - time.monotonic())
        while life.exit_code is None and not self._answers(life.port):
            if time.monotonic() >= deadline:
                raise LaunchFailed(self._timed_out())
            life.wait_exit(_HEALTH_INTERVAL_S)
        if life.exit_code is not None:
            raise LaunchFailed(self.failure())
        self.base_url = f"http://127.0.0.1:{life.port}"

    def _answers(self, port: int | None) -> bool:
        """Whether the model is loaded (`/health`), and the loop that works on requests runs.

        A SIGTERM between the two is lost: the server goes on for ever, and only a second one
        ends it, without the memory breakdown. `/slots` is answered by that loop.
        """
        return port is not None and all(_get(port, path, self.api_key) for path in _READY)

    def _timed_out(self) -> Failure:
        said = next((text for line in reversed(self.log_lines()) if (text := message(line))), "")
        limit = f"not ready within {self._engine.start_timeout_s:g} s"
        reason = f"{limit}; its last line: {said[:200]}" if said else limit
        return Failure(FailureClass.START_TIMEOUT, reason)


def _get(port: int, path: str, api_key: str) -> bool:
    """Whether a GET is answered by 200; 503 while the model loads."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_HEALTH_TIMEOUT_S)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {api_key}"})
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _write_private(path: Path, text: str) -> None:
    """Write a new file that only this user can read."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text + "\n")


def _oom_kills() -> int:
    """How often the kernel's OOM killer struck on this host since it started."""
    try:
        words = Path("/proc/vmstat").read_text().split()
    except OSError:
        return 0
    return int(words[words.index("oom_kill") + 1]) if "oom_kill" in words else 0
