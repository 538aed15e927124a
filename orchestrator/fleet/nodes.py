"""Which hosts there are: this one on a Ray of its own, or those of a cluster."""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from orchestrator.fleet.bundle import code_digest
from orchestrator.fleet.cluster import CODE_LABEL, HOST_LABEL, Cluster
from orchestrator.fleet.registry import read_registry
from orchestrator.fleet.token import token_path
from warehouse.errors import FleetError
from workers.node.environment import ray_environment
from workers.run_dir import SHARED_MEMORY

_OBJECT_STORE_BYTES = 75 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Node:
    """An incarnation of a host: it comes back under another id."""

    host_id: str
    node_id: str
    refused: str | None = None
    """Why it cannot take part."""


class Nodes(Protocol):
    """The hosts, as they come and go."""

    def present(self) -> tuple[Node, ...]:
        """Those that are there now."""

    def drained(self) -> frozenset[str]:
        """Labels of those that take no more work."""

    def why_gone(self, node: Node) -> str:
        """What is known of the end of one that was there."""


@dataclass(frozen=True, slots=True)
class Alone:
    """This host on an embedded Ray."""

    node: Node

    def present(self) -> tuple[Node, ...]:
        """This one, as long as the driver lives."""
        return (self.node,)

    def drained(self) -> frozenset[str]:
        """Nobody drains the only host."""
        return frozenset()

    def why_gone(self, node: Node) -> str:  # noqa: ARG002 - it is there as long as the driver is
        """It ends with the driver."""
        return "its node is gone"


@dataclass(frozen=True, slots=True)
class Joining:
    """The nodes of a cluster that this process has joined."""

    def present(self) -> tuple[Node, ...]:
        """Those that Ray thinks alive and that have a host's label."""
        return alive(_nodes(), code_digest())

    def drained(self) -> frozenset[str]:
        """As the registry says now."""
        return read_registry().drained

    def why_gone(self, node: Node) -> str:
        """As Ray says it."""
        return death(_nodes(), node)


def _nodes() -> list[dict[str, Any]]:
    from ray import nodes

    ask: Any = nodes
    found: list[dict[str, Any]] = ask()
    return found


def alive(nodes: list[dict[str, Any]], code: str) -> tuple[Node, ...]:
    """The hosts of `ray.nodes()`; `code` is the digest of this driver's own. Pure."""
    labels: list[tuple[Mapping[str, str], str]] = [
        (node["Labels"], node["NodeID"]) for node in nodes if node["Alive"]
    ]
    return tuple(
        Node(each[HOST_LABEL], node_id, _why_refused(each, code))
        for each, node_id in labels
        if HOST_LABEL in each
    )


def _why_refused(labels: Mapping[str, str], code: str) -> str | None:
    if labels.get(CODE_LABEL, code) == code:
        return None
    label = labels[HOST_LABEL]
    return f"{label} runs the code of another herd: run `herd node add {label}` again"


def death(nodes: list[dict[str, Any]], node: Node) -> str:
    """Why a node is gone, by `ray.nodes()`, in one line. Pure."""
    told = next((n.get("DeathReasonMessage") for n in nodes if n["NodeID"] == node.node_id), None)
    return f"its node is gone: {' '.join(told.split())[:200]}" if told else "its node is gone"


@contextmanager
def in_cluster(cluster: Cluster) -> Iterator[Joining]:
    """Be a driver of the cluster.

    Raises:
        FleetError: it does not let this process join.
    """
    with cluster.joined():
        yield Joining()


@contextmanager
def embedded(host_id: str, run_dir: Path) -> Iterator[Alone]:
    """This host alone, on a Ray that starts and ends here.

    Args:
        host_id: its label.
        run_dir: folder for Ray's sockets and logs.

    Raises:
        FleetError: Ray does not start.
    """
    if not os.access(SHARED_MEMORY, os.W_OK):
        raise FleetError(f"{SHARED_MEMORY} is missing or not writable, and Ray needs it: mount it")
    os.environ.update(ray_environment(str(token_path())))
    import ray

    try:
        ray.init(
            num_cpus=1,
            num_gpus=0,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            configure_logging=False,
            object_store_memory=_OBJECT_STORE_BYTES,
            labels={HOST_LABEL: _label(host_id)},
            _temp_dir=str(run_dir / "ray"),
            _node_ip_address="127.0.0.1",
        )
    except Exception as error:  # Ray raises plain ones when a node does not come up
        raise FleetError(f"Ray did not start: {' '.join(str(error).split())[:300]}") from error
    try:
        yield Alone(Node(host_id, ray.get_runtime_context().get_node_id()))
    finally:
        ray.shutdown()


def _label(host_id: str) -> str:
    """A host's name as a Ray label takes it."""
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in host_id)[:63].strip("-_.")
