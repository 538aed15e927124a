"""`herd node` with a host that shares nothing with this one but a network."""

import json
import re
import socket
import threading
import time
from pathlib import Path

import psutil
import pytest

from orchestrator.fleet.probe import TIME_LIMIT_S, probe
from tests.debian_host import DebianHost, skip_reason
from tests.herd_process import Herd, until
from tests.nodes import add_node, free_port, list_nodes, state_of_node
from warehouse.errors import FleetError
from workers.node import installer
from workers.node.environment import ray_environment

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(skip_reason() is not None, reason=str(skip_reason())),
    pytest.mark.timeout(900),
]


def test_a_host_is_added_lost_found_and_removed(fleet: Herd, box: DebianHost) -> None:
    port = free_port()
    added = add_node(fleet, box, "--head-port", port)
    assert added.returncode == 0, added.stderr
    assert "sending site" in added.stderr
    assert re.search(r"^engine +ok .*/home/bench/", added.stdout, re.MULTILINE)
    here, there = list_nodes(fleet)
    assert (here["node"], here["address"]) == (socket.gethostname(), box.driver_address)
    assert (there["node"], there["state"], there["address"]) == ("box", "free", box.address)

    # What it has of ours: the token alone for its user, and nowhere in sight.
    token = (fleet.folder / "state" / "herd" / "ray_token").read_text()
    folder = "~/.local/share/herd/node/hosts/box"
    assert box.ssh(f"cat {folder}/token").stdout == token
    assert box.ssh(f"stat -c %a {folder}/token {folder}").stdout.split() == ["600", "700"]
    assert token not in box.ssh(f"ps -eo args; cat {folder}/log.txt {folder}/spec.json").stdout
    assert token not in added.stdout + added.stderr

    _who_has_no_token_gets_nothing(fleet, box, int(port))

    # A second time nothing is sent that is there.
    again = add_node(fleet, box)
    assert again.returncode == 0, again.stderr
    assert "sending" not in again.stderr

    # Whatever ends Ray there, the supervisor brings it back; the host stays the same.
    raylet = box.pids("raylet/rayle[t]")
    box.kill("raylet/rayle[t]")
    until(lambda: box.pids("raylet/rayle[t]") not in ([], raylet), 120)
    until(lambda: state_of_node(fleet, "box") == "free", 120)

    assert fleet.run("node", "drain", "box").returncode == 0
    assert state_of_node(fleet, "box") == "drained"
    removed = fleet.run("node", "remove", "box")
    assert "removed" in removed.stdout, removed.stderr
    assert list_nodes(fleet) == []
    assert box.pids("supervisor|raylet") == []
    assert box.ssh("find ~/.local/share/herd/node -type f").stdout == ""
    assert box.ssh("ls -A /tmp").stdout == ""
    with socket.socket() as listener:
        # what it had accepted may wait for its last packets: that is nobody who listens
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((box.driver_address, int(port)))  # the head has ended with the last node


def _who_has_no_token_gets_nothing(fleet: Herd, box: DebianHost, port: int) -> None:
    wrong = fleet.folder / "wrong_token"
    wrong.write_text("0" * 64)
    address = f"{box.driver_address}:{port}"
    began = time.monotonic()
    with pytest.raises(FleetError, match="refuses the token") as refused:
        probe(address, ray_environment(str(wrong)))
    assert "\n" not in str(refused.value)
    assert time.monotonic() - began < TIME_LIMIT_S
    with pytest.raises(FleetError, match="refuses the token"):
        probe(address, {**ray_environment(str(wrong)), "RAY_AUTH_MODE": "disabled"})
    with pytest.raises(FleetError, match="no token at"):
        probe(address, ray_environment(str(fleet.folder / "nowhere")))
    for host in (box.driver_address, box.address):
        url = f"http://{host}:{port + 3}/get_runtime_envs_info"
        asked = box.ssh(f"python3 -c \"import urllib.request as r; r.urlopen('{url}', b'')\"")
        assert "401" in asked.stderr
    listening = box.ssh("cat /proc/net/tcp /proc/net/tcp6").stdout
    ports = {int(p, 16) for p in re.findall(r":([0-9A-F]{4}) 0+:0000 0A", listening)}
    assert ports >= {port + 1, port + 2, port + 3}
    outside = ports - {22} - set(range(port + 1, port + 4)) - set(range(port + 10, port + 74))
    assert not outside, "documented in docs/security.md"


def test_a_host_comes_back_after_a_cut_that_the_head_took_for_its_end(
    fleet: Herd, box: DebianHost
) -> None:
    added = add_node(fleet, box, "--head-port", free_port())
    assert added.returncode == 0, added.stderr
    with box.cut_off():
        until(lambda: state_of_node(fleet, "box") == "away", 60)
    until(lambda: state_of_node(fleet, "box") == "free", 90)
    shown = json.loads(fleet.run("node", "show", "box", "--format", "json").stdout)
    assert {row["fact"]: row["value"] for row in shown}["joins"] == 2


def test_a_host_joins_by_a_pasted_command(fleet: Herd, box: DebianHost) -> None:
    port = free_port()
    add = fleet.start(
        "node", "add", "box", "--head-address", box.driver_address, "--head-port", port
    )
    assert add.stdout is not None
    command = next(line for line in add.stdout if line.startswith("printf "))
    rest: list[str] = []
    reader = threading.Thread(target=lambda: rest.extend(add.stdout or ()))
    reader.start()
    changed = command.replace("hexdigest()=='", "hexdigest()=='0")
    assert "changed on its way" in box.ssh(changed).stderr
    box.copy(Path("scripts/join-node").absolute(), "join-node")
    address = f"{box.driver_address}:{int(port) - 1}"
    wrong = box.ssh(f"echo wrong | python3 join-node {address} {'0' * 64}")
    assert wrong.stderr.startswith("herd: the driver does not know that key")
    pasted = box.ssh(command)
    assert "kept running by" in pasted.stdout, pasted.stderr
    assert add.wait(120) == 0, rest
    reader.join()
    assert any("box joined" in line for line in rest)
    assert state_of_node(fleet, "box") == "free"
    assert "removed" in fleet.run("node", "remove", "box").stdout
    until(lambda: not box.pids("supervisor|raylet"), 60)
    until(lambda: not box.ssh("find ~/.local/share/herd/node -type f").stdout, 30)


def test_what_stands_in_the_way_is_one_line(fleet: Herd, box: DebianHost) -> None:
    known = Path(box.ssh_config.parent / "box.known").read_text()
    box.forget_key()
    unknown = add_node(fleet, box)
    assert unknown.returncode == 1
    assert unknown.stderr.splitlines()[-1].startswith("herd: box: its ssh host key is not known")
    (box.ssh_config.parent / "box.known").write_text(known)

    closed = fleet.run("node", "add", "box", "--ssh", "nobody@127.0.0.1:1")
    assert closed.returncode == 1
    assert len(closed.stderr.splitlines()) == 1

    elsewhere = add_node(fleet, box, "--head-address", "192.0.2.77")
    assert elsewhere.returncode == 1
    assert "--head-address is not of this host" in elsewhere.stderr
    assert list_nodes(fleet) == []


def test_a_head_that_was_killed_comes_back_and_its_nodes_to_it(
    fleet: Herd, box: DebianHost
) -> None:
    added = add_node(fleet, box, "--head-port", free_port())
    assert added.returncode == 0, added.stderr
    lock = fleet.folder / "state" / "herd" / "head" / installer.LOCK
    head = psutil.Process(int(lock.read_text()))
    below = head.children(recursive=True)
    head.kill()
    until(lambda: state_of_node(fleet, "box") == "free", 240)
    assert int(lock.read_text()) != head.pid
    left = [p for p in below if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
    assert not left, "nothing of the killed one lives on beside the new one"
