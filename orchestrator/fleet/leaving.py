"""A host leaves the fleet."""

from orchestrator.fleet.cluster import HOST_LABEL, Cluster
from orchestrator.fleet.errand import run_on
from orchestrator.fleet.head import stop_head
from orchestrator.fleet.registry import HEAD, NodeRecord, change_registry
from orchestrator.fleet.remote import ssh_remote
from warehouse.errors import FleetError
from workers.node import installer


def take_away(record: NodeRecord) -> str:
    """Stop a node, remove what was put there, and forget it; what was done, in words.

    With the last one the head ends: the fleet is this host alone again.

    Raises:
        FleetError: it is the head's own host.
    """
    if record.kind == HEAD:
        raise FleetError(
            f"{record.label} is this host, the fleet's head: it leaves with the last node; "
            f"`herd node drain {record.label}` keeps work away from it"
        )
    left = _clear(record)
    registry = change_registry(lambda registry: registry.without(record.label))
    if all(node.kind == HEAD for node in registry.nodes):
        stop_head()
        left += "; no node is left, so the head has ended too"
    return f"{record.label} {left}"


def _clear(record: NodeRecord) -> str:
    try:
        if record.kind == "ssh" and record.ssh:
            remote = ssh_remote(record.ssh, record.ssh_config, record.python)
            remote.ask("remove", label=record.label)
        else:
            _ask_to_leave(record.label)
    except FleetError as error:
        return (
            f"is forgotten, but not cleared ({error}): to do that there, end the process in "
            f"~/.local/share/herd/node/hosts/{record.label}/{installer.LOCK} and remove that folder"
        )
    return "is removed: stopped, and its folder is gone"


def _ask_to_leave(label: str) -> None:
    cluster = Cluster.open()
    if cluster is None or not any(
        node.alive and node.labels.get(HOST_LABEL) == label for node in cluster.nodes()
    ):
        raise FleetError("it is away")
    run_on(cluster, label, installer.leave, label)
