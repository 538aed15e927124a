"""What hosts of a fleet suffer from: long cuts, wrong clocks, full disks, missing engines.

The head has the thresholds of every day here.
"""

import json
import os
import re
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from orchestrator.fleet.ray_start import HEALTH_CHECK
from tests.conftest import FAKE
from tests.fleet_user import WAIT_S, User, contexts, every_cell_once, nothing_left
from tests.herd_process import until
from tests.netns import Lan, needs_namespaces

pytestmark = [needs_namespaces, pytest.mark.root, pytest.mark.timeout(600)]

FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
AHEAD_S = 2 * 86400
CUT_S = 90.0
OTHER_RAY = "import ray\nray.__version__ = '2.59.0'\n"
"""As `sitecustomize.py` it makes every Python of a host run another Ray, as far as Ray can see."""


@pytest.fixture(scope="module", autouse=True)
def fleet(network: Lan) -> Lan:
    """The driver's host, for all tests."""
    network.health = dict(HEALTH_CHECK)
    network.start("a")
    return network


def test_a_cut_of_90_s(user: User) -> None:
    user.lan.start("b")
    b = user.lan.hosts["b"]
    user.lan.register()
    user.paced(tg_tok_s=2)
    expected, axis = contexts(24)
    process = user.sweep(axis)
    until(b.servers, WAIT_S)
    b.cut()
    began_s = time.monotonic()
    # the driver's silence alone ends them: nobody can tell them anything
    until(lambda: not b.servers() and not b.workers(), CUT_S - 10)
    until(lambda: "b is lost" in user.told(), CUT_S)
    taken = user.ok_on("b")
    time.sleep(max(0.0, began_s + CUT_S - time.monotonic()))
    assert not b.servers()
    assert user.ok_on("b") == taken
    assert user.ok_on("a"), "the others go on meanwhile"
    b.heal()
    user.works_again("b")
    user.paced(tg_tok_s=200)
    user.ends(process)
    every_cell_once(user, expected)
    lost = user.query("select host_id, failure_class from cells where status <> 'ok'")
    assert lost == [{"host_id": "b", "failure_class": "host_lost"}]
    shown = user.verb("node", "show", "b", "--format", "csv").stdout
    assert "joins,2" in shown.splitlines()
    nothing_left(user.host, b)


@pytest.mark.skipif(FAKETIME is None, reason="a clock of its own: needs faketime")
def test_a_host_whose_clock_is_two_days_ahead(user: User) -> None:
    c = user.lan.host("c")
    # the other clocks of its processes are shifted too: faketime's waiting fails where they are not
    c.own_env = {"LD_PRELOAD": str(FAKETIME), "FAKETIME": f"+{AHEAD_S}s"}
    user.lan.start("c")
    user.paced(tg_tok_s=10)
    expected, axis = contexts(12)
    process = user.sweep(axis)
    until(lambda: user.ok_on("c") and c.servers(), WAIT_S)
    (worker,) = c.workers()
    worker.kill()
    user.works_again("c")
    user.paced(tg_tok_s=200)
    user.ends(process)
    every_cell_once(user, expected)
    assert re.search("the clock of c is 4[78] h [0-9]+ min ahead of this host's", user.told())
    # the rows of a host are by its own clock, and say by how much it is off
    (sweep,) = user.query("select * from sweeps")
    looks = user.query("select * from hosts where host_id = 'c'")
    assert {round(look["clock_offset_s"] / 3600) for look in looks} == {AHEAD_S // 3600}
    assert all(abs(look["seen_at"] - sweep["started_at"]) < timedelta(hours=1) for look in looks)
    starts = user.query("select started_at from launches where host_id = 'c' and status = 'ok'")
    assert all((s["started_at"] - sweep["started_at"]).days in (1, 2) for s in starts)
    assert not user.query("select 1 from launches where ended_at < started_at")
    assert len(user.query("select 1 from launches where failure_class = 'host_lost'")) == 1
    # the same command finds all of it
    user.ends(user.sweep(axis))
    cached = user.query(
        "select outcome, cached_as, host_id is not null as known, count(*) as n from outcomes "
        "where decision = 'cached' and launch_id is not null group by all"
    )
    assert cached == [{"outcome": "cached", "cached_as": "ok", "known": True, "n": len(expected)}]
    nothing_left(user.host, c)


def test_a_host_whose_disks_are_full(user: User) -> None:
    """The one of its run folder gets full while it works; the one of its models is too small."""
    d = user.lan.host("d")
    tmp, store = d.folder / "tmp", d.folder / "data" / "herd" / "models"
    store.mkdir(parents=True)
    d.before = "; ".join(
        f"mount -t tmpfs -o mode=1777,size={size} disk {folder}"
        for folder, size in ((tmp, "1m"), (store, "1m"), ("/dev/shm", "200m"))
    )
    user.lan.start("d")
    user.paced(tg_tok_s=10)
    expected, axis = contexts(24)
    process = user.sweep(axis)
    until(lambda: user.ok_on("d"), WAIT_S)

    def is_given_up() -> bool:
        _fill(d.file(tmp))  # again: each launch that ends leaves some room
        return "d gets nothing for a while" in user.told()

    until(is_given_up, WAIT_S)
    user.paced(tg_tok_s=200)
    user.ends(process)
    every_cell_once(user, expected)
    failed = user.query("select host_id, reason from cells where status <> 'ok'")
    assert {row["host_id"] for row in failed} == {"d"}
    assert all("No space left" in row["reason"] for row in failed)
    (d.file(tmp) / "filler").unlink()
    content = b"GGUF of a model that the disk has no room for" + bytes(4 << 20)
    user.model_entry("big", content)
    there = user.host.folder / "data" / "herd" / "models" / "big" / "big.gguf"
    there.parent.mkdir(parents=True)
    there.write_bytes(content)
    user.paced(tg_tok_s=5)
    process = user.sweep(axis, model="big")
    until(lambda: "d cannot have big.gguf: " in user.told(), WAIT_S)
    user.paced(tg_tok_s=200)
    user.ends(process)
    every = user.query("select host_id, status from cells where model = 'big'")
    assert every == [{"host_id": "a", "status": "ok"}] * len(expected)
    assert re.search("d cannot have big.gguf: .* more on the disk of ", user.told())
    nothing_left(user.host, d)


def _fill(folder: Path) -> None:
    """Leave no byte on the disk of this folder."""
    with (folder / "filler").open("ab", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass


def test_a_host_whose_engine_is_missing(user: User) -> None:
    engines = user.lan.folder / "engines"
    engines.mkdir()
    server = engines / "llama-server"
    server.write_text(f'#!/bin/sh\nexec {FAKE} "$@"\n')
    server.chmod(0o755)
    e = user.lan.host("e")
    e.before = f"mount -t tmpfs nothing {engines}"
    user.lan.start("e")
    user.paced(tg_tok_s=20, binary=str(server))
    expected, axis = contexts(6)
    process = user.sweep(axis)
    user.ends(process)
    ok = [row for row in user.ended("context", "host_id", "status") if row[2] == "ok"]
    assert [row[:2] for row in ok] == [(context, "a") for context in expected]
    failed = user.query("select host_id, failure_class, reason from cells where status <> 'ok'")
    assert {(row["host_id"], row["failure_class"]) for row in failed} == {("e", "engine_missing")}
    assert all(f"no llama-server at {engines}" in row["reason"] for row in failed)
    # and `herd plan`, which starts no Ray, knows that host from the rows
    user.lan.register()
    shown = user.verb("plan", *user.asked, "--format", "json")
    cells = [(cell["host"], cell["decision"]) for cell in json.loads(shown.stdout)]
    assert Counter(cells) == {("a", "cached"): len(expected), ("e", "run"): len(expected)}
    nothing_left(user.host, e)


def test_another_ray_and_a_wrong_token_are_one_line_each(user: User) -> None:
    other = user.folder / "other"
    other.mkdir()
    (other / "sitecustomize.py").write_text(OTHER_RAY)
    f = user.lan.host("f")
    path = os.pathsep.join(filter(None, (str(other), os.environ.get("PYTHONPATH"))))
    f.own_env = {"PYTHONPATH": path}
    user.lan.start("f")
    until(lambda: "Version mismatch" in f.log(), WAIT_S)
    user.lan.register()
    listed = user.verb("node", "list", "--format", "csv").stdout.splitlines()[1:]
    assert [row.split(",")[:2] for row in listed if row.startswith(("a,", "f,"))] == [
        ["a", "free"],
        ["f", "away"],
    ]
    user.paced(tg_tok_s=200)
    expected, axis = contexts(2)
    user.ends(user.sweep(axis))
    every_cell_once(user, expected)
    assert {row[0] for row in user.ended("host_id")} == {"a"}
    asked = ("sweep", "model=file", f"model.path={user.model_file()}", "pairing=cpu")
    # a driver of another version, and one with another fleet's token
    refused = user.verb(*asked, PYTHONPATH=path)
    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert "runs another Ray or Python" in line
    assert "2.59.0" in line
    token = user.host.folder / "state" / "herd" / "ray_token"
    token.unlink()
    token.write_text("0" * 64)
    refused = user.verb(*asked)
    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert "refuses the token" in line
