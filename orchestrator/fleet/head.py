"""The cluster's head on this host: started once, kept by its supervisor, found again."""

import os
import socket
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from platformdirs import user_state_path

import workers
from orchestrator.fleet.ports import Ports
from orchestrator.fleet.probe import probe
from orchestrator.fleet.ray_start import HEALTH_CHECK, head_spec
from orchestrator.fleet.registry import (
    HEAD,
    HeadRecord,
    NodeRecord,
    Registry,
    change_registry,
    read_registry,
)
from orchestrator.fleet.token import token_path
from warehouse.errors import FleetError
from workers.node import installer
from workers.node.environment import ray_environment

_START_S = 60.0
_STEP_S = 0.2


def address_towards(host: str) -> str:
    """This host's IP on the way to another.

    Raises:
        FleetError: there is no way.
    """
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe_socket:
            probe_socket.connect((host, 9))  # sends nothing
            return str(probe_socket.getsockname()[0])
    except OSError as error:
        raise FleetError(
            f"no way to {host} ({error.strerror or error}): say with --head-address by which "
            "address the node reaches this host"
        ) from error


def is_own_address(address: str) -> bool:
    """Whether it is one of this host, so that the head can have it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as listener:
            listener.bind((address, 0))
    except OSError:
        return False
    return bool(address)


def start_head(address: str, port: int, label: str) -> HeadRecord:
    """Start this user's head, or find it; it is in the registry then.

    Args:
        address: IP by which nodes shall reach it.
        port: of its service, if it is started here.
        label: of this host, which is a host of the fleet too.

    Raises:
        FleetError: it does not start, or there is one under another address.
    """
    there = read_registry().head
    if there is None:
        head = HeadRecord(address, port)
        _refuse_taken(head)
        _start(head, label)
        own = NodeRecord(label, datetime.now(UTC), kind=HEAD)
        change_registry(lambda registry: replace(registry.with_node(own), head=head))
        return head
    if there.address != address:
        raise FleetError(
            f"the fleet's head has the address {there.address}, and this node would reach it at "
            f"{address}: make {there.address} reachable from there, or remove all nodes first"
        )
    keep_head(there)
    return there


def keep_head(head: HeadRecord) -> None:
    """See that the head of the registry runs: after a reboot without systemd nobody else does.

    Raises:
        FleetError: it does not start.
    """
    if not installer.is_running(_folder()):
        label = next(node.label for node in read_registry().nodes if node.kind == HEAD)
        _start(head, label)


def stop_head() -> Registry:
    """End the head, and the cluster with it; the fleet is this host alone again."""
    installer.stop(_folder())
    return change_registry(lambda _: Registry())


def _start(head: HeadRecord, label: str) -> None:
    health = {name: os.environ.get(name, value) for name, value in HEALTH_CHECK.items()}
    spec = head_spec(head.address, label, Ports(head.port), str(token_path()), health)
    code = str(Path(next(iter(workers.__path__))).parent)
    try:
        installer.install(_folder(), spec, "", [code])
    except (installer.InstallError, OSError) as error:
        raise FleetError(f"the head does not start: {error}") from error
    _wait_until_up(head)


def _wait_until_up(head: HeadRecord) -> None:
    deadline = time.monotonic() + _START_S
    environment = ray_environment(str(token_path()))
    while True:
        try:
            if any(node.alive for node in probe(f"{head.address}:{head.port}", environment)):
                return
        except FleetError as error:
            if time.monotonic() > deadline:
                tail = installer.log_tail(_folder(), 1)
                raise FleetError(f"the head does not come up: {error}; it says: {tail}") from error
        time.sleep(_STEP_S)


def _refuse_taken(head: HeadRecord) -> None:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((head.address, head.port))
        except OSError as error:
            raise FleetError(
                f"cannot listen on {head.address}:{head.port} ({error.strerror}): another user's "
                "fleet, or --head-address is not of this host"
            ) from error


def _folder() -> Path:
    return user_state_path("herd", ensure_exists=True) / "head"
