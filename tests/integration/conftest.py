"""What the integration tests run on: `herd` as a user runs it."""

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent_world import opened_browser
from tests.debian_host import DebianHost
from tests.fleet_user import User, nothing_left
from tests.herd_process import Herd
from tests.netns import Lan, lan
from tests.nodes import list_nodes
from workers.agent.sandbox.limits import Unavailable
from workers.agent.sandbox.sandbox import Sandbox, find_sandbox
from workers.agent.tools.browser import BrowserHost
from workers.node import installer


@pytest.fixture
def herd(tmp_path: Path) -> Iterator[Herd]:
    """The command line with a warehouse, a state and a temporary folder of its own."""
    user = Herd(tmp_path)
    yield user
    user.close()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 KiB: a real file system, so root is needed."""
    path = tmp_path / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(path)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this system lets root mount no tmpfs: {done.stderr.strip()}")
    yield path
    subprocess.run(["umount", str(path)], check=True)


@pytest.fixture
def box(tmp_path: Path) -> Iterator[DebianHost]:
    """A host that shares nothing with this one but a network."""
    host = DebianHost(tmp_path, "box", 60 + os.getpid() % 100)
    try:
        host.start()
        yield host
    finally:
        host.stop()


@pytest.fixture
def fleet(herd: Herd, box: DebianHost) -> Iterator[Herd]:
    """A user whose fleet ends with the test, before the host does."""
    yield herd
    for node in list_nodes(herd):
        if node["node"] != socket.gethostname():
            herd.run("node", "remove", node["node"], "--force", timeout_s=200)
    installer.stop(herd.folder / "state" / "herd" / "head")


@pytest.fixture(scope="module")
def network() -> Iterator[Lan]:
    """A LAN whose hosts are started once for the tests of a module."""
    with lan() as made:
        yield made


@pytest.fixture
def user(tmp_path: Path, network: Lan) -> Iterator[User]:
    """Somebody on the LAN's first host, with a warehouse of their own.

    Hosts that the test adds are gone when it ends.
    """
    there = set(network.hosts)
    made = User(tmp_path, network)
    yield made
    made.close()
    for label, host in network.hosts.items():
        if label != "a" and label not in there:
            host.kill()
        nothing_left(host)
    network.register()


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    found = find_sandbox()
    if isinstance(found, Unavailable):
        pytest.skip(found.reason)
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[BrowserHost]:
    host = opened_browser()
    yield host
    host.close()
