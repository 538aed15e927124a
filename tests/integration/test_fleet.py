"""A sweep over several hosts, while they come, go, are cut off and are killed."""

import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import netns
from tests.herd_process import BINARY, Herd, until
from tests.netns import Lan, NetHost, lan, needs_namespaces

pytestmark = [needs_namespaces, pytest.mark.root, pytest.mark.timeout(600)]
WAIT_S = 120.0


class User(Herd):
    """Works on the LAN's first host."""

    def __init__(self, folder: Path, network: Lan) -> None:
        super().__init__(folder)
        self.lan = network
        self.host = network.host("a")
        self.env |= self.host.env | {"HERD_WAREHOUSE": str(self.warehouse)}

    def sweep(
        self, *overrides: str, n_predict: int = 8, model: str | None = None
    ) -> subprocess.Popen[str]:
        """Start a sweep with the fake server `fake`, on the head's host."""
        own = ("model=file", f"model.path={self.model_file()}")
        chosen = own if model is None else (f"model={model}",)
        command = (
            "sweep", *chosen, "pairing=cpu", "engine=fake",
            "workload.prompt_sizes=[64]", f"workload.n_predict={n_predict}",
            "workload.repetitions=2", "fleet.rejoin_s=60", *overrides,
        )  # fmt: skip
        self.log = (self.folder / "sweep.log").open("w+")
        process = subprocess.Popen(
            self.host.command(BINARY, *command),
            env=self.env,
            cwd=self.folder,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._started.append(process)
        return process

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


@pytest.fixture
def user(tmp_path: Path) -> Iterator[User]:
    with lan() as network:
        user = User(tmp_path, network)
        yield user
        for host in network.hosts.values():
            host.kill()
        user.close()


def contexts(number: int) -> tuple[list[int], str]:
    values = [1024 + 256 * i for i in range(number)]
    return values, "context=" + ",".join(map(str, values))


def every_cell_once(user: User, expected: list[int]) -> None:
    ok = [c for c, status in user.ended("context", "status") if status == "ok"]
    assert sorted(ok) == expected, user.told()
    outcomes = user.query("select outcome, count(*) as n from outcomes group by all")
    assert outcomes == [{"outcome": "ok", "n": len(expected)}]


def nothing_left(*hosts: NetHost) -> None:
    until(lambda: not any(host.servers() for host in hosts), 5)
    until(lambda: not any(host.workers() for host in hosts), 30)


def namespace(pid: int) -> str:
    return str(Path(f"/proc/{pid}/ns/net").readlink())


def test_a_host_joins_works_in_its_own_namespace_and_leaves(user: User) -> None:
    user.engine("fake", tg_tok_s=20)
    user.lan.start("a")
    expected, axis = contexts(24)
    process = user.sweep(axis)
    until(lambda: user.ok_on("a"), WAIT_S)
    user.lan.start("b")
    b = user.lan.hosts["b"]
    until(lambda: user.ok_on("b"), WAIT_S)
    assert "b joined" in user.told()
    # One may end while the next one starts: both are seen then.
    seen_in = until(lambda: {namespace(server.pid) for server in b.servers()}, 30)
    assert len(seen_in) == 1
    assert not seen_in & {namespace(os.getpid()), namespace(process.pid)}
    b.kill()
    user.ends(process)
    every_cell_once(user, expected)
    lost = user.query("select host_id, failure_class, reason from cells where status <> 'ok'")
    assert [(row["host_id"], row["failure_class"]) for row in lost] in ([("b", "host_lost")], [])
    hosts = Counter(host for host, status in user.ended("host_id", "status") if status == "ok")
    assert set(hosts) == {"a", "b"}
    seen = user.query("select distinct host_id from hosts order by host_id")
    assert [row["host_id"] for row in seen] == ["a", "b"]
    nothing_left(user.host, b)


def test_processes_are_killed_on_either_host(user: User) -> None:
    user.engine("fake", tg_tok_s=20)
    user.lan.start("a", "b")
    b = user.lan.hosts["b"]
    expected, axis = contexts(24)
    process = user.sweep(axis)
    until(lambda: user.ok_on("b") and b.servers(), WAIT_S)
    b.servers()[0].kill()
    until(lambda: user.query("select 1 from cells where failure_class = 'crash'"), WAIT_S)
    until(b.servers, WAIT_S)
    (worker,), servers = b.workers(), b.servers()
    worker.kill()
    until(lambda: not any(server.is_running() for server in servers), 5)
    until(lambda: user.query("select 1 from cells where failure_class = 'host_lost'"), WAIT_S)
    before = user.ok_on("b")
    until(lambda: user.ok_on("b") > before, WAIT_S)
    user.ends(process)
    every_cell_once(user, expected)
    classes = {row[0] for row in user.ended("failure_class")}
    assert classes == {None, "crash", "host_lost"}
    nothing_left(user.host, b)


def test_a_cut_heals_or_ends_the_host_and_its_server(user: User) -> None:
    """5 s are nothing; after 25 s the worker is given up, ended itself, and the host is back."""
    user.engine("fake", tg_tok_s=20)
    user.lan.start("a", "b")
    b = user.lan.hosts["b"]
    expected, axis = contexts(40)
    process = user.sweep(axis, "fleet.dead_man_s=10")
    until(lambda: user.ok_on("b") and b.servers(), WAIT_S)
    b.cut()
    until(lambda: _over(b, 5), 10)
    b.heal()
    before = user.ok_on("b")
    until(lambda: user.ok_on("b") > before, WAIT_S)
    assert "lost" not in user.told()
    until(b.servers, 30)
    b.cut()
    until(lambda: not b.servers() and not b.workers(), 30)
    until(lambda: "b is lost" in user.told(), 60)
    b.heal()
    before = user.ok_on("b")
    until(lambda: user.ok_on("b") > before, WAIT_S)
    user.ends(process)
    every_cell_once(user, expected)
    lost = user.query("select host_id, failure_class from cells where status <> 'ok'")
    assert lost == [{"host_id": "b", "failure_class": "host_lost"}]
    nothing_left(user.host, b)


_CUT_AT: dict[str, float] = {}


def _over(host: NetHost, seconds: float) -> bool:
    """Whether so much time has passed since this was first asked of the host."""
    import time

    began = _CUT_AT.setdefault(host.netns, time.monotonic())
    return time.monotonic() - began > seconds


def test_a_host_is_drained_and_the_driver_killed_and_started_again(user: User) -> None:
    user.engine("fake", tg_tok_s=20)
    user.lan.start("a", "b")
    b = user.lan.hosts["b"]
    expected, axis = contexts(24)
    process = user.sweep(axis)
    until(lambda: user.ok_on("b"), WAIT_S)
    user.lan.register("b")
    until(lambda: not b.workers(), WAIT_S)
    taken = user.ok_on("b")
    before = user.ok_on("a")
    until(lambda: user.ok_on("a") > before + 1, WAIT_S)
    assert user.ok_on("b") == taken, "a drained host takes no more"
    assert not user.query("select 1 from cells where status <> 'ok'"), "and finishes what it runs"
    process.kill()
    process.wait()
    nothing_left(user.host, b)
    user.lan.register()
    again = user.sweep(axis)
    until(lambda: user.ok_on("b") > taken, WAIT_S)
    second = user.run(*("sweep", axis), timeout_s=100)
    assert second.returncode == 1
    assert "pid" in second.stderr
    user.ends(again)
    ok = [c for c, status in user.ended("context", "status") if status == "ok"]
    assert sorted(ok) == expected
    nothing_left(user.host, b)


def test_a_real_server_on_a_host_that_was_waited_for(user: User, real_model: Path) -> None:
    """Nobody takes part at first: the driver's own host is drained."""
    user.lan.start("a")
    user.lan.register("a")
    process = user.sweep(
        f"model.path={real_model}", "engine=default", "engine.threads=1", "context=1024,2048",
        "fleet.wait_for_nodes=true",
    )  # fmt: skip
    until(lambda: "0 cells" in user.told(), WAIT_S)
    user.lan.start("b")
    b = user.lan.hosts["b"]
    (server,) = until(b.servers, WAIT_S)
    assert "llama-server" in server.cmdline()[0]
    assert namespace(server.pid) == namespace(b.workers()[0].pid) != namespace(os.getpid())
    user.ends(process)
    assert user.ended("host_id", "status") == [("b", "ok")] * 2
    assert {row["outcome"] for row in user.query("select outcome from outcomes")} == {"ok"}
    nothing_left(user.host, b)


def test_a_node_with_other_code_takes_no_part(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    user.engine("fake", tg_tok_s=20)
    user.lan.start("a")
    monkeypatch.setattr(netns, "code_digest", lambda: "0ther")
    user.lan.start("b")
    expected, axis = contexts(8)
    process = user.sweep(axis)
    until(lambda: "run `herd node add b` again" in user.told(), WAIT_S)
    user.ends(process)
    every_cell_once(user, expected)
    assert {row[0] for row in user.ended("host_id")} == {"a"}
