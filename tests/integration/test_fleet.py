"""A sweep over several hosts, while they come, go, are cut off and are killed."""

import os
from collections import Counter
from pathlib import Path

import pytest

from tests import netns
from tests.fleet_user import (
    WAIT_S,
    User,
    contexts,
    cut_for,
    every_cell_once,
    namespace,
    nothing_left,
)
from tests.herd_process import until
from tests.netns import Lan, NetHost, needs_namespaces

pytestmark = [needs_namespaces, pytest.mark.root, pytest.mark.timeout(600)]


@pytest.fixture(scope="module", autouse=True)
def fleet(network: Lan) -> Lan:
    """Two hosts for all tests."""
    network.start("a", "b")
    return network


@pytest.fixture
def b(network: Lan) -> NetHost:
    return network.hosts["b"]


def test_a_host_joins_works_in_its_own_namespace_and_leaves(user: User) -> None:
    user.engine("fake", tg_tok_s=20)
    user.lan.register("b")
    expected, axis = contexts(20)
    process = user.sweep(axis)
    until(lambda: user.ok_on("a"), WAIT_S)
    user.lan.start("c")
    c = user.lan.hosts["c"]
    until(lambda: user.ok_on("c"), WAIT_S)
    assert "c joined" in user.told()
    # One may end while the next one starts: both are seen then.
    seen_in = until(lambda: {namespace(server.pid) for server in c.servers()}, 30)
    assert len(seen_in) == 1
    assert not seen_in & {namespace(os.getpid()), namespace(process.pid)}
    c.kill()
    user.ends(process)
    every_cell_once(user, expected)
    lost = user.query("select host_id, failure_class, reason from cells where status <> 'ok'")
    assert [(row["host_id"], row["failure_class"]) for row in lost] in ([("c", "host_lost")], [])
    hosts = Counter(host for host, status in user.ended("host_id", "status") if status == "ok")
    assert set(hosts) == {"a", "c"}
    seen = user.query("select distinct host_id from hosts order by host_id")
    assert [row["host_id"] for row in seen] == ["a", "c"]
    nothing_left(user.host, c)


def test_processes_are_killed_on_either_host(user: User, b: NetHost) -> None:
    """A server, a worker, a raylet: each alone."""
    user.paced(tg_tok_s=10)
    expected, axis = contexts(24)
    process = user.sweep(axis)
    until(lambda: user.ok_on("b") and b.servers(), WAIT_S)
    b.servers()[0].kill()
    until(lambda: user.query("select 1 from cells where failure_class = 'crash'"), WAIT_S)
    until(b.servers, WAIT_S)
    (worker,), servers = b.workers(), b.servers()
    worker.kill()
    until(lambda: not any(server.is_running() for server in servers), 5)
    lost = "select 1 from cells where failure_class = 'host_lost'"
    until(lambda: len(user.query(lost)) == 1, WAIT_S)
    user.works_again("b")
    (servers,), (raylet,) = [until(b.servers, WAIT_S)], b.processes("raylet/raylet --")
    raylet.kill()
    until(lambda: not any(server.is_running() for server in servers), 5)
    until(lambda: len(user.query(lost)) == 2, WAIT_S)
    user.works_again("b")
    assert b.processes("raylet/raylet --") != [raylet]
    user.paced(tg_tok_s=200)
    user.ends(process)
    every_cell_once(user, expected)
    failed = [row for row in user.ended("host_id", "failure_class") if row[1]]
    assert Counter(failed) == {("b", "crash"): 1, ("b", "host_lost"): 2}
    nothing_left(user.host, b)


def test_a_cut_heals_or_ends_the_host_and_its_server(user: User, b: NetHost) -> None:
    """5 s are nothing; in 15 s the worker ends itself, is given up, and the host comes back."""
    user.paced(tg_tok_s=10)
    expected, axis = contexts(30)
    process = user.sweep(axis, "fleet.dead_man_s=9")
    until(lambda: user.ok_on("b") and b.servers(), WAIT_S)
    cut_for(b, 5)
    user.works_again("b")
    assert "lost" not in user.told()
    until(b.servers, 30)
    cut_for(b, 15)
    # whoever runs there now was started after the cut
    until(lambda: "b is lost" in user.told(), 60)
    user.works_again("b")
    user.paced(tg_tok_s=200)
    user.ends(process)
    every_cell_once(user, expected)
    lost = user.query("select host_id, failure_class from cells where status <> 'ok'")
    assert lost == [{"host_id": "b", "failure_class": "host_lost"}]
    nothing_left(user.host, b)


def test_a_host_is_drained_and_the_driver_killed_and_started_again(user: User, b: NetHost) -> None:
    user.paced(tg_tok_s=20)
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
    user.paced(tg_tok_s=200)
    user.ends(again)
    ok = [c for c, status in user.ended("context", "status") if status == "ok"]
    assert sorted(ok) == expected
    nothing_left(user.host, b)


def test_a_real_server_on_a_host_that_was_waited_for(user: User, real_model: Path) -> None:
    """Nobody takes part at first: both hosts are drained."""
    user.lan.register("a", "b")
    process = user.sweep(
        f"model.path={real_model}", "engine=default", "engine.threads=1", "context=1024,2048",
        "fleet.wait_for_nodes=true",
    )  # fmt: skip
    until(lambda: "0 cells" in user.told(), WAIT_S)
    user.lan.start("d")
    d = user.lan.hosts["d"]
    (server,) = until(d.servers, WAIT_S)
    assert "llama-server" in server.cmdline()[0]
    assert namespace(server.pid) == namespace(d.workers()[0].pid) != namespace(os.getpid())
    user.ends(process)
    assert user.ended("host_id", "status") == [("d", "ok")] * 2
    assert {row["outcome"] for row in user.query("select outcome from outcomes")} == {"ok"}
    nothing_left(user.host, d)


def test_a_node_with_other_code_takes_no_part(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    user.engine("fake", tg_tok_s=20)
    user.lan.register("b")
    monkeypatch.setattr(netns, "code_digest", lambda: "0ther")
    user.lan.start("e")
    expected, axis = contexts(8)
    process = user.sweep(axis)
    until(lambda: "run `herd node add e` again" in user.told(), WAIT_S)
    user.ends(process)
    every_cell_once(user, expected)
    assert {row[0] for row in user.ended("host_id")} == {"a"}
