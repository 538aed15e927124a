"""What is done on a host to take it into the fleet, and out of it.

Travels as one text over ssh (or a pasted command), so it imports nothing but the standard
library. Here too it sets up the head. Every step is a function; `serve` runs one by name.
"""

import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, BinaryIO

LOCK = "supervisor.lock"
_STOP_S = 30.0
_MARK = "# herd node "
LEAVING = "leaving"
"""Its supervisor removes the folder in which this lies."""


class InstallError(Exception):
    """What the user is told, in one line."""


def base() -> Path:
    """The folder of everything that herd puts on a node."""
    data = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(data) / "herd" / "node"


def look(parts: list[str], head: list[Any]) -> dict[str, Any]:
    """What this host is, and what of the bundle it has.

    Args:
        parts: folders below `base` that hold the bundle's parts.
        head: host and port; none there yet: an empty list.
    """
    there = next(p for p in (base(), *base().parents) if p.exists())
    return {
        "python": sys.executable,
        "version": list(sys.version_info[:3]),
        "machine": platform.machine(),
        "system": platform.system(),
        "libc": list(platform.libc_ver()),
        "free_mib": shutil.disk_usage(there).free // 2**20,
        "shared_memory": os.access("/dev/shm", os.W_OK),  # noqa: S108
        "peer": (os.environ.get("SSH_CONNECTION") or " ").split(" ")[0],
        "has": [part for part in parts if (base() / part).is_dir()],
        "head_error": _unreachable(head),
    }


def _unreachable(head: list[Any]) -> str | None:
    if not head:
        return None
    try:
        socket.create_connection((head[0], head[1]), timeout=5).close()
    except OSError as error:
        return error.strerror or str(error)
    return None


def unpack(part: str, stream: BinaryIO) -> None:
    """Take a part of the bundle; it appears under its name when it is complete.

    Args:
        part: its folder below `base`.
        stream: a gzipped tar file.
    """
    folder = base() / part
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = folder.parent / f".{folder.name}.{os.getpid()}"
    try:
        with tarfile.open(fileobj=stream, mode="r|gz") as archive:
            archive.extractall(draft)  # noqa: S202 - the driver's own bundle
        if not folder.is_dir():
            draft.rename(folder)
    except (OSError, EOFError, tarfile.TarError) as error:
        raise InstallError(f"the bundle did not arrive whole: {error}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def install(folder: Path, spec: dict[str, Any], token: str, path: list[str]) -> str:
    """Write what the supervisor needs, and start it; how it is kept running, in words.

    Args:
        folder: of this node.
        spec: what the supervisor runs.
        token: of the cluster.
        path: where Python finds the supervisor.
    """
    stop(folder)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    if token:
        _write_private(folder / "token", token)
    _write_private(folder / "spec.json", json.dumps(spec, indent=1))
    return _start(folder, path)


def _write_private(path: Path, text: str) -> None:
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.rename(path)


def _start(folder: Path, path: list[str]) -> str:
    if _systemd_lingers():
        return _start_unit(folder, path)
    command = [sys.executable, "-m", "workers.node.supervisor", str(folder)]
    with (folder / "log.txt").open("ab") as log:
        subprocess.Popen(
            command,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    return f"a supervisor of its own, {_start_at_boot(folder, path, command)}"


def _start_at_boot(folder: Path, path: list[str], command: list[str]) -> str:
    """An entry of cron, where there is one."""
    if shutil.which("crontab") is None:
        return "which a reboot ends (no systemd user session that lingers, no crontab)"
    quoted = " ".join(_quoted(word) for word in command)
    python_path = _quoted(os.pathsep.join(path))
    line = f"@reboot PYTHONPATH={python_path} {quoted} >/dev/null 2>&1 {_MARK}{folder.name}"
    _write_crontab([*_crontab_without(folder.name), line.replace("%", "\\%")])
    return "started at boot by cron"


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"


def _crontab_without(name: str) -> list[str]:
    there = subprocess.run(["crontab", "-l"], capture_output=True, text=True, check=False)
    lines = there.stdout.splitlines() if there.returncode == 0 else []
    return [line for line in lines if not line.endswith(f"{_MARK}{name}")]


def _write_crontab(lines: list[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    subprocess.run(["crontab", "-"], input=text, text=True, check=True)


def unit_text(folder: Path, path: list[str], python: str) -> str:
    """A systemd user unit for this node."""

    def quoted(text: str) -> str:
        return '"' + re.sub(r'(["\\])', r"\\\1", text).replace("%", "%%") + '"'

    return f"""\
[Unit]
Description=herd node {folder.name}
StartLimitIntervalSec=0

[Service]
Environment={quoted("PYTHONPATH=" + os.pathsep.join(path))}
ExecStart={quoted(python)} -m workers.node.supervisor {quoted(str(folder))}
Restart=on-failure
RestartSec=5
TimeoutStopSec=30
OOMPolicy=continue

[Install]
WantedBy=default.target
"""


def _unit_path(folder: Path) -> Path:
    config = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(config) / "systemd" / "user" / f"herd-{folder.name}.service"


def _start_unit(folder: Path, path: list[str]) -> str:
    unit = _unit_path(folder)
    unit.parent.mkdir(parents=True, exist_ok=True)
    unit.write_text(unit_text(folder, path, sys.executable))
    _systemctl("daemon-reload")
    _systemctl("enable", "--now", unit.name)
    return f"systemd user unit {unit.name}"


def _systemctl(*arguments: str) -> None:
    done = subprocess.run(
        ["systemctl", "--user", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise InstallError(f"systemctl --user {' '.join(arguments)}: {done.stderr.strip()}")


def _systemd_lingers() -> bool:
    """Whether this user's systemd runs here and goes on without a login."""
    if shutil.which("systemctl") is None or shutil.which("loginctl") is None:
        return False
    try:
        reached = _asks("systemctl", "--user", "show-environment")
        user = str(os.getuid())
        _asks("loginctl", "enable-linger")
        return reached is not None and _asks("loginctl", "show-user", user, "-PLinger") == "yes"
    except subprocess.TimeoutExpired:
        return False


def _asks(*command: str) -> str | None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def is_running(folder: Path) -> bool:
    """Whether this node's supervisor runs."""
    return _supervisor(folder) is not None


def _supervisor(folder: Path) -> int | None:
    """Its process; the lock says that it lives, so the pid is its own."""
    try:
        lock = os.open(folder / LOCK, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return int(os.pread(lock, 20, 0) or b"0") or None
    finally:
        os.close(lock)
    return None


def stop(folder: Path) -> None:
    """End this node's supervisor and all that it started, and let nothing start it again."""
    unit = _unit_path(folder)
    if unit.exists():
        _systemctl("disable", "--now", unit.name)
        unit.unlink()
        _systemctl("daemon-reload")
    if shutil.which("crontab"):
        _remove_from_crontab(folder.name)
    pid = _supervisor(folder)
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_S
    while is_running(folder):
        if time.monotonic() > deadline:
            raise InstallError(f"the supervisor (pid {pid}) does not end")
        time.sleep(0.05)


def _remove_from_crontab(name: str) -> None:
    kept = _crontab_without(name)
    there = subprocess.run(["crontab", "-l"], capture_output=True, text=True, check=False)
    if there.returncode == 0 and there.stdout.splitlines() != kept:
        _write_crontab(kept)


def leave(label: str) -> None:
    """As `remove`, from a process that the node itself runs: its supervisor does the rest."""
    folder = base() / "hosts" / label
    unit = _unit_path(folder)
    if unit.exists():
        _systemctl("disable", unit.name)
        unit.unlink()
    if shutil.which("crontab"):
        _remove_from_crontab(folder.name)
    (folder / LEAVING).touch()
    pid = _supervisor(folder)
    if pid is not None:
        # a moment later, so that the driver still hears of it; forked twice, since Ray ends its
        # worker's children and its process group with the worker
        later = ["sh", "-c", f"(sleep 1; kill {pid}) &"]
        subprocess.run(later, start_new_session=True, check=True)


def remove(folder: Path) -> None:
    """Take this node's folder away, and the parts of bundles that no other node uses."""
    stop(folder)
    shutil.rmtree(folder, ignore_errors=True)
    tidy()


def tidy() -> None:
    """Remove parts of bundles that no node here uses."""
    specs = [json.loads(path.read_text()) for path in base().glob("hosts/*/spec.json")]
    used = {part for spec in specs for part in spec.get("parts", [])}
    for kind in ("site", "code"):
        for folder in (base() / kind).glob("*"):
            if f"{kind}/{folder.name}" not in used:
                shutil.rmtree(folder, ignore_errors=True)


def log_tail(folder: Path, lines: int) -> str:
    """The end of what the supervisor and Ray said."""
    path = folder / "log.txt"
    text = path.read_text(errors="replace") if path.exists() else ""
    return "\n".join(text.splitlines()[-lines:])


def join(label: str, order: dict[str, Any]) -> str:
    """Start a node out of parts that are here; how it is kept running, in words.

    Args:
        label: of the node.
        order: `parts` (folders below `base`), `spec`, `token`.
    """
    folder = base() / "hosts" / label
    spec = {**order["spec"], "parts": order["parts"]}
    spec["environment"] = {
        **spec["environment"],
        "RAY_AUTH_TOKEN_PATH": str(folder / "token"),
        "PYTHONPATH": os.pathsep.join(str(base() / part) for part in order["parts"]),
    }
    kept = install(folder, spec, order["token"], [str(base() / part) for part in order["parts"]])
    tidy()
    return kept


def fetch(url: str, label: str, digests: dict[str, str]) -> None:
    """Join a fleet from a pasted command: what ssh would bring is fetched from the driver.

    Args:
        url: of the driver's server, with its key.
        label: of this node.
        digests: parts of the bundle and the sha256 of their files.
    """
    try:
        missing = _posted(f"{url}/look", look(list(digests), []))
        for part in missing:
            with urllib.request.urlopen(f"{url}/{part}") as stream:  # noqa: S310 - http is all it is
                _unpack_checked(part, stream, digests[part])
        order = _posted(f"{url}/order", {})
        kept = join(label, order)
        _posted(f"{url}/joined", {"python": sys.executable})
    except urllib.error.HTTPError as error:
        sys.exit("herd: " + error.read().decode())
    except (InstallError, OSError) as error:
        sys.exit(f"herd: {error}")
    sys.stdout.write(f"herd: {label} is kept running by {kept}\n")


def _posted(url: str, value: Any) -> Any:
    with urllib.request.urlopen(url, json.dumps(value).encode()) as answer:  # noqa: S310
        return json.load(answer)


def _unpack_checked(part: str, stream: BinaryIO, digest: str) -> None:
    with tempfile.TemporaryFile() as file:
        found = hashlib.sha256()
        for block in iter(lambda: stream.read(2**20), b""):
            found.update(block)
            file.write(block)
        if found.hexdigest() != digest:
            raise InstallError(f"{part} was changed on its way: paste the command again")
        file.seek(0)
        unpack(part, file)


def serve(stream: BinaryIO) -> None:
    """Do what the line that follows in the stream says; the answer is a line of JSON."""
    order = json.loads(stream.readline())
    answer: Any = None
    try:
        do = order["do"]
        if do == "look":
            answer = look(order["parts"], order["head"])
        elif do == "unpack":
            unpack(order["part"], stream)
        elif do == "join":
            answer = join(order["label"], order)
        elif do == "remove":
            remove(base() / "hosts" / order["label"])
        elif do == "log":
            answer = log_tail(base() / "hosts" / order["label"], order["lines"])
    except (InstallError, OSError) as error:
        sys.exit(str(error))
    sys.stdout.write("\n" + json.dumps({"answer": answer}) + "\n")
