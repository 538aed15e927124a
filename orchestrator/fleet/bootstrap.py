"""A host becomes a node: what is brought there, and how it is seen that it joined."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from orchestrator.fleet.bundle import Part, code_digest, parts
from orchestrator.fleet.cluster import HOST_LABEL, Cluster
from orchestrator.fleet.facts import unfit
from orchestrator.fleet.head import address_towards, is_own_address, start_head
from orchestrator.fleet.ports import Ports
from orchestrator.fleet.probe import ClusterNode
from orchestrator.fleet.ray_start import node_spec
from orchestrator.fleet.registry import HeadRecord, NodeRecord, change_registry, read_registry
from orchestrator.fleet.remote import Remote
from orchestrator.fleet.token import token_path
from warehouse.errors import FleetError

JOIN_S = 90.0
"""Time for a started node to join: Ray starts in 2 to 10 s there."""
_STEP_S = 0.3
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")

Tell = Callable[[str], None]
"""Prints a line to the user."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A node that shall be."""

    label: str
    own_label: str
    """Of the driver's host, which becomes a host of the fleet with the first node."""
    port: int
    head_address: str | None = None
    """IP by which the node reaches the driver's host; None: found out."""


def check_label(label: str) -> None:
    """See that Ray takes it as a label.

    Raises:
        FleetError: it does not.
    """
    if not _LABEL.fullmatch(label):
        raise FleetError(
            f"'{label}' is no name for a node: letters, digits, '-', '_' and '.', at most 63, "
            "with a letter or digit at both ends"
        )


def refuse_other(label: str, kind: str, own_label: str) -> None:
    """See that nothing else has that label.

    Raises:
        FleetError: the driver's host, or a node that came another way.
    """
    for node in read_registry().nodes:
        if node.label == label and node.kind != kind:
            raise FleetError(f"'{label}' is a node already: `herd node remove {label}` first")
    if label == own_label:
        raise FleetError(f"'{label}' is this host: it is in the fleet with the first other node")


def add_over_ssh(wanted: Wanted, remote: Remote, tell: Tell) -> tuple[str, HeadRecord]:
    """Install and start a node, and wait until it has joined; its interpreter, and the head.

    Raises:
        FleetError: it cannot be one, or does not join.
    """
    bundle = parts()
    facts = remote.ask("look", parts=[part.name for part in bundle], head=[])
    missing = lacking(facts, bundle)
    reason = unfit(facts, sum(part.size_mib for part in missing))
    if reason is not None:
        raise FleetError(f"{remote.name}: {reason}")
    peer = facts["peer"]
    address = wanted.head_address or (peer if is_own_address(peer) else address_towards(peer))
    head = start_head(address, wanted.port, wanted.own_label)
    for part in missing:
        packed = part.packed()
        size = f"{packed.stat().st_size / 2**20:.1f} MiB"
        tell(f"{wanted.label}: sending {part.name.partition('/')[0]}, {size}")
        remote.ask("unpack", payload=packed, part=part.name)
    seen = remote.ask("look", parts=[], head=[head.address, head.port])
    refuse_unreachable(remote.name, head, seen["head_error"])
    before = incarnations(wanted.label)
    kept = remote.ask("join", label=wanted.label, **order(wanted.label, head, bundle))
    tell(f"{wanted.label}: kept running by {kept}")
    wait_joined(wanted.label, before, lambda: str(remote.ask("log", label=wanted.label, lines=3)))
    return str(facts["python"]), head


def lacking(facts: Mapping[str, Any], bundle: Sequence[Part]) -> list[Part]:
    """Parts that a host does not have."""
    return [part for part in bundle if part.name not in facts["has"]]


def refuse_unreachable(name: str, head: HeadRecord, error: str | None) -> None:
    """See that a host reaches the head.

    Raises:
        FleetError: it does not.
    """
    if error is not None:
        raise FleetError(
            f"{name} cannot reach the fleet's head at {head.address}:{head.port} ({error}): open "
            "the ports of docs/security.md, or name another address with --head-address"
        )


def order(label: str, head: HeadRecord, bundle: Sequence[Part]) -> dict[str, Any]:
    """What the installer needs to start a node. It holds the token: not for a log."""
    return {
        "parts": [part.name for part in bundle],
        "spec": node_spec(head.address, label, code_digest(), Ports(head.port)),
        "token": token_path().read_text(encoding="utf-8").strip(),
    }


def incarnations(label: str) -> frozenset[str]:
    """Ray's ids of all that had this label so far."""
    return frozenset(node.node_id for node in _nodes() if node.labels.get(HOST_LABEL) == label)


def wait_joined(
    label: str, before: frozenset[str], says: Callable[[], str], limit_s: float = JOIN_S
) -> None:
    """Wait until a new incarnation of a host is in the cluster.

    Args:
        label: the host.
        before: its incarnations before it was started.
        says: the end of its log.
        limit_s: time for it, s.

    Raises:
        FleetError: it is not.
    """
    deadline = time.monotonic() + limit_s
    while not any(
        node.alive and node.labels.get(HOST_LABEL) == label and node.node_id not in before
        for node in _nodes()
    ):
        if time.monotonic() > deadline:
            tail = " | ".join(says().splitlines())[-500:]
            raise FleetError(f"{label} did not join within {limit_s:.0f} s; it says: {tail}")
        time.sleep(_STEP_S)


def enroll(node: NodeRecord) -> None:
    """Write a node down; one that was drained before works again."""
    change_registry(lambda registry: registry.with_node(node))


def new_record(label: str, kind: str, **more: Any) -> NodeRecord:
    """A node as of now."""
    return NodeRecord(label, datetime.now(UTC), kind, **more)


def _nodes() -> tuple[ClusterNode, ...]:
    cluster = Cluster.open()
    if cluster is None:
        raise FleetError("the fleet has no head: add a node first")
    return cluster.nodes()
