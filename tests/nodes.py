"""`herd node` as a user types it, for tests with a host of their own."""

import json
import socket
from typing import Any

from tests.debian_host import DebianHost
from tests.herd_process import Herd


def free_port() -> str:
    """A first port of a fleet: somewhere below those that Linux hands out."""
    with socket.socket() as listener:
        listener.bind(("", 0))
        return str(10000 + listener.getsockname()[1] % 8000)


def add_node(herd: Herd, box: DebianHost, *more: str) -> Any:
    """`herd node add` over ssh; as it ended."""
    config = str(box.ssh_config)
    return herd.run(
        *("node", "add", box.name, "--ssh", box.name, "--ssh-config", config, *more), timeout_s=400
    )


def list_nodes(herd: Herd) -> list[dict[str, Any]]:
    """`herd node list`."""
    listed = herd.run("node", "list", "--format", "json")
    assert listed.returncode == 0, listed.stderr
    rows: list[dict[str, Any]] = json.loads(listed.stdout)
    return rows


def state_of_node(herd: Herd, label: str) -> str | None:
    """State of one host of the fleet; None: it is not in it."""
    return next((node["state"] for node in list_nodes(herd) if node["node"] == label), None)
