"""Several hosts on one machine: network namespaces on a bridge, each with a Ray of its own.

They share PID space and files; a temporary, a state and a data folder of its own make each a host
of its own to herd (host lock, hashes, model store). Needs root and iproute2.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from orchestrator.fleet.bundle import code_digest
from orchestrator.fleet.ports import Ports
from orchestrator.fleet.ray_start import head_spec, node_spec
from tests.herd_process import until
from workers.node.environment import ray_environment

PORT = Ports().head
HEALTH = {
    "RAY_health_check_initial_delay_ms": "3000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "3000",
    "RAY_health_check_failure_threshold": "3",
}
"""A cut is seen after some 12 s: a busy machine must not look like one."""

needs_namespaces = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("ip") is None,
    reason="network namespaces: needs root and iproute2",
)


def _ip(*words: str, check: bool = True) -> None:
    subprocess.run(["ip", *words], check=check, capture_output=True)


class NetHost:
    """A host of the LAN."""

    def __init__(self, lan: "Lan", label: str, number: int) -> None:
        self.label = label
        self.lan = lan
        self.ip = f"{lan.subnet}.{10 + number}"
        self.netns = f"{lan.name}{label}"
        self.folder = lan.folder / label
        self.before = ":"
        """Shell command that goes before the node's start, in its own mount namespace."""
        self.own_env: dict[str, str] = {}
        """Of every process of its node."""
        self._started: list[subprocess.Popen[bytes]] = []
        outer = f"{lan.name}v{number}"
        _ip("netns", "add", self.netns)
        _ip("link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", self.netns)
        _ip("link", "set", outer, "master", lan.bridge, "up")
        _ip("-n", self.netns, "addr", "add", f"{self.ip}/24", "dev", "eth0")
        _ip("-n", self.netns, "link", "set", "eth0", "up")
        _ip("-n", self.netns, "link", "set", "lo", "up")
        for name in ("tmp", "state", "data"):
            (self.folder / name).mkdir(parents=True)

    @property
    def env(self) -> dict[str, str]:
        """Of every process on this host."""
        return {
            **os.environ,
            **ray_environment(str(self.lan.token)),
            "TMPDIR": str(self.folder / "tmp"),
            "XDG_STATE_HOME": str(self.folder / "state"),
            "XDG_DATA_HOME": str(self.folder / "data"),
        }

    def command(self, *words: str | Path) -> list[str]:
        """The command line that runs it on this host."""
        return ["ip", "netns", "exec", self.netns, *map(str, words)]

    def start_head(self) -> None:
        """Start the cluster's head, with a node of this host, under its supervisor."""
        health = HEALTH | self.lan.health
        spec = head_spec(self.ip, self.label, Ports(), str(self.lan.token), health)
        self._start_ray(self.folder / "state" / "herd" / "head", spec)

    def start_node(self) -> None:
        """Join the head, under the node's supervisor."""
        spec = node_spec(self.lan.head, self.label, code_digest(), Ports())
        spec["environment"]["RAY_AUTH_TOKEN_PATH"] = str(self.lan.token)
        self._start_ray(self.folder / "data" / "herd" / "node" / self.label, spec)

    def _start_ray(self, folder: Path, spec: dict[str, Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "spec.json").write_text(json.dumps(spec))
        supervisor = (sys.executable, "-m", "workers.node.supervisor", folder)
        self._started.append(
            subprocess.Popen(
                self.command("sh", "-c", f'{self.before}; exec "$@"', "sh", *supervisor),
                env=self.env | self.own_env,
                stdin=subprocess.DEVNULL,
            )
        )

    def processes(self, word: str = "") -> list[psutil.Process]:
        """What runs on this host and has the word in its command line."""
        listed = subprocess.run(
            ["ip", "netns", "pids", self.netns], capture_output=True, text=True, check=True
        )
        found = []
        for pid in map(int, listed.stdout.split()):
            with suppress(psutil.Error):
                process = psutil.Process(pid)
                alive = process.status() != psutil.STATUS_ZOMBIE
                if alive and word in " ".join(process.cmdline()):
                    found.append(process)
        return found

    def servers(self) -> list[psutil.Process]:
        """The llama-servers on this host."""
        words = "--ctx-size"
        found = []
        for process in self.processes(words):
            with suppress(psutil.Error):
                command = process.cmdline()  # empty: it has ended meanwhile
                if command and Path(command[0]).name not in ("sh", "setpriv"):
                    found.append(process)
        return found

    def workers(self) -> list[psutil.Process]:
        """The host actors on this host."""
        return self.processes("ray::HostWorker")

    def file(self, path: Path) -> Path:
        """A file as this host's node sees it, whatever is mounted there."""
        return Path(f"/proc/{self._started[-1].pid}/root{path}")

    def log(self) -> str:
        """What its node's supervisor and Ray have written."""
        log = self.folder / "data" / "herd" / "node" / self.label / "log.txt"
        return log.read_text() if log.exists() else ""

    def cut(self) -> None:
        """Take the network away."""
        _ip("-n", self.netns, "link", "set", "eth0", "down")

    def heal(self) -> None:
        """Give it back."""
        _ip("-n", self.netns, "link", "set", "eth0", "up")

    def kill(self) -> None:
        """End all that runs on this host, as a power cut does."""
        for started in self._started:
            started.kill()
        deadline = 50
        while (left := self.processes()) and deadline:
            for process in left:
                with suppress(psutil.Error):
                    process.send_signal(signal.SIGKILL)
            psutil.wait_procs(left, timeout=0.2)
            deadline -= 1
        for started in self._started:
            started.wait(timeout=10)
        self._started.clear()

    def close(self) -> None:
        """Nothing of it is left."""
        self.kill()
        _ip("netns", "del", self.netns, check=False)


class Lan:
    """A bridge and its hosts; the first is the head's and the driver's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = f"h{random.randrange(16**4):04x}"
        self.bridge = f"{self.name}br"
        self.subnet = f"10.{random.randrange(64, 250)}.{random.randrange(250)}"
        self.token = folder / "token"
        self.hosts: dict[str, NetHost] = {}
        self.health: dict[str, str] = {}
        """Of the head, in place of what is in HEALTH."""
        _ip("link", "add", self.bridge, "type", "bridge")
        _ip("addr", "add", f"{self.subnet}.1/24", "dev", self.bridge)
        _ip("link", "set", self.bridge, "up")
        self.token.write_text("5" * 64)
        self.token.chmod(0o600)

    @property
    def head(self) -> str:
        """IP of the head."""
        return next(iter(self.hosts.values())).ip

    def host(self, label: str) -> NetHost:
        """A further host, with nothing on it."""
        self.hosts[label] = NetHost(self, label, len(self.hosts))
        return self.hosts[label]

    def start(self, *labels: str) -> None:
        """Start Ray on hosts; the first ever is the head, and its user knows of the fleet."""
        for label in labels:
            host = self.hosts.get(label) or self.host(label)
            if host.ip == self.head:
                host.start_head()
                self.register()
                until(lambda: self._answers(), 60)
            else:
                host.start_node()

    def register(self, *drained: str) -> None:
        """Write what `herd node` would have written."""
        state = next(iter(self.hosts.values())).folder / "state" / "herd"
        state.mkdir(exist_ok=True)
        (state / "ray_token").unlink(missing_ok=True)
        (state / "ray_token").symlink_to(self.token)
        since = "2026-11-25T00:00:00+00:00"
        nodes = [
            {"label": label, "since": since, "kind": "command" if number else "head"}
            | {"seen": None, "drained": label in drained}
            for number, label in enumerate(self.hosts)
        ]
        text = json.dumps({"head": {"address": self.head, "port": PORT}, "nodes": nodes})
        draft = state / "fleet.draft"
        draft.write_text(text)
        draft.rename(state / "fleet.json")

    def _answers(self) -> bool:
        head = next(iter(self.hosts.values()))
        knock = f"import socket; socket.create_connection(('{self.head}', {PORT}), 1)"
        done = subprocess.run(
            head.command(sys.executable, "-c", knock), capture_output=True, check=False
        )
        return done.returncode == 0

    def close(self) -> None:
        """Nothing of it is left."""
        for host in self.hosts.values():
            host.close()
        _ip("link", "del", self.bridge, check=False)


@contextmanager
def lan() -> Iterator[Lan]:
    """A LAN without hosts."""
    folder = Path(tempfile.mkdtemp(prefix="hl", dir="/tmp"))  # short: Ray's sockets lie in it
    made = Lan(folder)
    try:
        yield made
    finally:
        made.close()
        shutil.rmtree(folder, ignore_errors=True)
