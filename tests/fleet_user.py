"""A user whose sweeps run on a LAN of hosts (`tests.netns`), and what holds after each of them."""

import hashlib
import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.herd_process import BINARY, Herd, until
from tests.netns import Lan, NetHost

WAIT_S = 120.0
"""For whatever comes: a busy machine must not look like a fault."""


class User(Herd):
    """Works on the LAN's first host."""

    def __init__(self, folder: Path, network: Lan) -> None:
        super().__init__(folder)
        self.lan = network
        self.host = network.hosts.get("a") or network.host("a")
        self.env |= self.host.env | {"HERD_WAREHOUSE": str(self.warehouse)}

    def paced(self, tg_tok_s: float, **more: Any) -> None:
        """Configure `engine=fake`, or change its speed: servers that start later have it."""
        behaviour = self.folder / "behaviour.json"
        draft = behaviour.with_suffix(".draft")
        draft.write_text(json.dumps({"tg_tok_s": tg_tok_s}))
        draft.rename(behaviour)
        self.engine("fake", behaviour=str(behaviour), **more)

    def model_entry(self, name: str, content: bytes) -> None:
        """Put a model with one file of this content into the catalogue."""
        file = {
            "file": f"{name}.gguf",
            "sha256": hashlib.sha256(content).hexdigest(),
            "size_bytes": len(content),
        }
        entry = {
            "defaults": ["model_schema", "_self_"],
            "name": name,
            "default_quant": "F16",
            "files": {"F16": file},
        }
        path = self.conf / "model" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(entry))

    def sweep(
        self, *overrides: str, n_predict: int = 8, model: str | None = None
    ) -> subprocess.Popen[str]:
        """Start a sweep with the fake server `fake`, on the head's host."""
        own = ("model=file", f"model.path={self.model_file()}")
        chosen = own if model is None else (f"model={model}",)
        self.asked = (
            *chosen, "pairing=cpu", "engine=fake",
            "workload.prompt_sizes=[64]", f"workload.n_predict={n_predict}",
            "workload.repetitions=2", "fleet.rejoin_s=60", *overrides,
        )  # fmt: skip
        self.log = (self.folder / "sweep.log").open("w+")
        process = subprocess.Popen(
            self.host.command(BINARY, "sweep", *self.asked),
            env=self.env,
            cwd=self.folder,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._started.append(process)
        return process

    def verb(self, *words: str, **env: str) -> "subprocess.CompletedProcess[str]":
        """Run a verb on the head's host, to its end."""
        return subprocess.run(
            self.host.command(BINARY, *words),
            env=self.env | env,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
        )

    def works_again(self, label: str) -> None:
        """A host succeeds with one cell more."""
        before = self.ok_on(label)
        until(lambda: self.ok_on(label) > before, WAIT_S)

    def told(self) -> str:
        """What the sweep has written."""
        return (self.folder / "sweep.log").read_text()

    def ends(self, process: subprocess.Popen[str]) -> None:
        """It ends well."""
        try:
            code = process.wait(timeout=300)
        except subprocess.TimeoutExpired:
            pytest.fail(f"the sweep goes on and on:\n{self.told()}")
        assert code == 0, self.told()

    def ended(self, *columns: str) -> list[tuple[Any, ...]]:
        """Attempts that are in the warehouse."""
        names = ", ".join(columns)
        if not list(self.warehouse.glob("cells/*/*.parquet")):
            return []
        rows = self.query(f"select {names} from cells order by context, attempt")
        return [tuple(row[name] for name in columns) for row in rows]

    def ok_on(self, label: str) -> int:
        """Cells that succeeded on a host."""
        return self.ended("host_id", "status").count((label, "ok"))


def cut_for(host: NetHost, seconds: float) -> None:
    """Take a host's network away for so long."""
    host.cut()
    time.sleep(seconds)
    host.heal()


def contexts(number: int) -> tuple[list[int], str]:
    """So many cells: their contexts, and the axis."""
    values = [1024 + 256 * i for i in range(number)]
    return values, "context=" + ",".join(map(str, values))


def every_cell_once(user: User, expected: list[int]) -> None:
    """Each of these contexts has succeeded once, and the plan knows of nothing else."""
    ok = [c for c, status in user.ended("context", "status") if status == "ok"]
    assert sorted(ok) == expected, user.told()
    outcomes = user.query("select outcome, count(*) as n from outcomes group by all")
    assert outcomes == [{"outcome": "ok", "n": len(expected)}]


def nothing_left(*hosts: NetHost) -> None:
    """No server and no worker is left on these."""
    until(lambda: not any(host.servers() for host in hosts), 5)
    until(lambda: not any(host.workers() for host in hosts), 30)


def namespace(pid: int) -> str:
    """The network namespace of a process."""
    return str(Path(f"/proc/{pid}/ns/net").readlink())
