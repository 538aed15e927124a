"""A host that is to be a node, reached by a command that gives a shell there: ssh."""

import json
import shlex
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from warehouse.errors import FleetError
from workers.node import installer

_CONNECT_S = 10
_TIME_LIMIT_S = 1800.0
"""Of one step, the transfer of the bundle included."""
_WANTED = sys.version_info[:2]


@dataclass(frozen=True, slots=True)
class Remote:
    """Runs the installer on a host."""

    name: str
    """What the user calls it, for errors."""
    shell: tuple[str, ...]
    """A command that takes one more argument, a shell's command line, and runs it there."""
    python: str | None = None
    """Interpreter there; None: `python3.MINOR` of the driver, else `python3`."""

    def ask(self, do: str, *, payload: Path | None = None, **order: Any) -> Any:
        """Have a step of the installer done.

        Args:
            do: name of the step (`workers.node.installer.serve`).
            payload: file that follows.
            **order: its arguments.

        Raises:
            FleetError: the host cannot be reached, has no fit Python, or says why not.
        """
        program = Path(installer.__file__).read_bytes()
        call = b"\nserve(sys.stdin.buffer)\n"
        line = json.dumps({"do": do, **order}).encode() + b"\n"
        command = [*self.shell, remote_command(len(program + call), self.python)]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        said, errors = _exchange(process, program + call + line, payload)
        if process.returncode != 0:
            raise FleetError(refusal(self.name, process.returncode, errors))
        return json.loads(said.splitlines()[-1])["answer"]


def _exchange(
    process: "subprocess.Popen[bytes]", start: bytes, payload: Path | None
) -> tuple[bytes, str]:
    with suppress(BrokenPipeError):  # it ended: what it said tells why
        _send(cast("IO[bytes]", process.stdin), start, payload)
    try:
        said, errors = process.communicate(timeout=_TIME_LIMIT_S)
    except subprocess.TimeoutExpired as error:
        process.kill()
        raise FleetError("the host took too long to answer: try again") from error
    return said, errors.decode(errors="replace")


def _send(stdin: IO[bytes], start: bytes, payload: Path | None) -> None:
    stdin.write(start)
    if payload is not None:
        with payload.open("rb") as file:
            shutil.copyfileobj(file, stdin, 2**20)
    stdin.flush()


def remote_command(length: int, python: str | None) -> str:
    """The shell's command line there: a program comes through standard input. Pure.

    Nothing of the program is in it, so nothing secret shows in a list of processes.

    Args:
        length: of the program, bytes; what follows it is its own input.
        python: interpreter; None: look for one.
    """
    major, minor = _WANTED
    check = (
        "import sys; v = sys.version_info; "
        f"v[:2] == ({major}, {minor}) or "
        f"sys.exit('its Python is %d.%d, and the driver runs {major}.{minor}: install "
        f"python{major}.{minor} there' % v[:2]); "
        f"exec(compile(sys.stdin.buffer.read({length}), 'installer', 'exec'))"
    )
    if python is not None:
        return f"exec {shlex.quote(python)} -c {shlex.quote(check)}"
    script = (
        f"p=$(command -v python{major}.{minor} || command -v python3) || "
        f'{{ echo "it has no python3: install python{major}.{minor} there" >&2; exit 1; }}; '
        f'exec "$p" -c {shlex.quote(check)}'
    )
    return f"exec sh -c {shlex.quote(script)}"


def ssh_remote(
    ssh: str, config: str | None, python: str | None = None, *, program: str = "ssh"
) -> Remote:
    """The host behind an ssh destination: never asks, never trusts an unknown host key."""
    options = ["BatchMode=yes", "StrictHostKeyChecking=yes", f"ConnectTimeout={_CONNECT_S}"]
    options += ["ServerAliveInterval=15", "ServerAliveCountMax=4"]
    flags = [flag for option in options for flag in ("-o", option)]
    if config:
        flags += ["-F", config]
    return Remote(ssh, (program, *flags, "--", ssh), python)


def refusal(name: str, code: int, errors: str) -> str:
    """One line on why a step failed, out of what ssh or the installer said. Pure."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    last = lines[-1] if lines else f"exit code {code}"
    if "Host key verification failed" in errors:
        return (
            f"{name}: its ssh host key is not known here, or has changed: log in once by hand "
            f"(`ssh {name}`), compare the fingerprint, and accept it"
        )
    if "Permission denied" in errors and code == 255:
        return f"{name}: ssh without a password does not work: `ssh-copy-id {name}`"
    if code == 255:
        return f"{name}: ssh cannot reach it: {last}"
    return f"{name}: {last}"
