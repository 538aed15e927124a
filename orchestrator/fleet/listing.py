"""What `herd node list` shows of a host. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orchestrator.fleet.cluster import CODE_LABEL, HOST_LABEL
from orchestrator.fleet.probe import ClusterNode
from orchestrator.fleet.registry import NodeRecord, Registry


@dataclass(frozen=True, slots=True)
class LastRow:
    """The last row of a host in the warehouse."""

    hardware_class: str
    gpus: tuple[str, ...]
    driver: str | None
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Listed:
    """A host of the fleet."""

    label: str
    state: str
    """free, runs, draining (runs, takes no more), drained, away, or other code (refused by a
    driver until it is added again)."""
    address: str | None
    """IP; None: it never joined this head."""
    hardware: str | None
    gpus: tuple[str, ...]
    engine: str | None
    driver: str | None
    python: str | None
    runs: str | None
    """The cell that it measures."""
    joins: int
    """Times that it joined this head: above one, it was lost or restarted."""
    last_seen: datetime | None
    """None: now."""
    death: str | None
    """Why it is away, as Ray tells it."""


def listed(
    registry: Registry,
    nodes: Sequence[ClusterNode],
    running: Mapping[str, str],
    rows: Mapping[str, LastRow],
    code: str,
) -> list[Listed]:
    """The hosts of the fleet, in the order in which they were added.

    Args:
        registry: the fleet as set up.
        nodes: who is in the cluster.
        running: label to the cell that runs there.
        rows: label to what the warehouse has of it.
        code: digest of the driver's code.
    """
    return [_listed(node, nodes, running, rows.get(node.label), code) for node in registry.nodes]


def _listed(
    node: NodeRecord,
    nodes: Sequence[ClusterNode],
    running: Mapping[str, str],
    row: LastRow | None,
    code: str,
) -> Listed:
    lives = [one for one in nodes if one.labels.get(HOST_LABEL) == node.label]
    alive = next((one for one in lives if one.alive), None)
    seen = node.seen
    return Listed(
        label=node.label,
        state=_state(node, alive, node.label in running, code),
        address=(alive or lives[-1]).address if lives else None,
        hardware=row.hardware_class if row else seen.hardware_class if seen else None,
        gpus=row.gpus if row else seen.gpus if seen else (),
        engine=seen.engine_build if seen else None,
        driver=row.driver if row else seen.driver if seen else None,
        python=seen.python if seen else None,
        runs=running.get(node.label) if alive else None,
        joins=len(lives),
        last_seen=None if alive else row.seen_at if row else node.since,
        death=None if alive or not lives else lives[-1].death,
    )


def _state(node: NodeRecord, alive: ClusterNode | None, runs: bool, code: str) -> str:
    if alive is None:
        return "away"
    if node.drained:
        return "draining" if runs else "drained"
    if alive.labels.get(CODE_LABEL, code) != code:
        return "other code"
    return "runs" if runs else "free"


def running_on(progress: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Label to cell, out of the progress of the sweeps that run."""
    return {
        one["host_id"]: f"{one['cell']}: {one['step']} {one['done']}/{one['total']}"
        for sweep in progress
        for one in sweep["running"]
    }
