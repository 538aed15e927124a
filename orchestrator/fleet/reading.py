"""The fleet as it is now: registry, cluster, progress files and warehouse together."""

from datetime import UTC, datetime
from socket import gethostname
from typing import Any

import psutil

from orchestrator.fleet.bundle import code_digest
from orchestrator.fleet.cluster import Cluster
from orchestrator.fleet.listing import LastRow, Listed, listed, running_on
from orchestrator.fleet.probe import ClusterNode
from orchestrator.fleet.registry import read_registry
from orchestrator.progress_file import read_progress, state_of
from warehouse.connection import connect
from warehouse.errors import FleetError
from warehouse.storage import Storage, is_warehouse

_ROWS = """\
select host_id, arg_max(hardware_class, seen_at) as hardware_class,
       arg_max([gpu.name for gpu in gpus], seen_at) as gpus,
       arg_max(driver, seen_at) as driver, max(seen_at) as seen_at
from hosts where source is null group by host_id"""


def read_fleet(storage: Storage) -> tuple[list[Listed], str | None]:
    """Every host of the fleet, and why its head does not answer; empty: no node was ever added.

    Args:
        storage: of the warehouse whose sweeps count as what runs.

    Raises:
        WarehouseError: the warehouse cannot be read.
    """
    nodes: tuple[ClusterNode, ...] = ()
    problem = None
    try:
        cluster = Cluster.open()
        nodes = cluster.nodes() if cluster else ()
    except FleetError as error:
        problem = str(error)
    registry = read_registry()
    if not registry.nodes:
        return [], problem
    there = is_warehouse(storage)
    running = running_on(_live_progress(storage)) if there else {}
    rows = _last_rows(storage) if there else {}
    return listed(registry, nodes, running, rows, code_digest()), problem


def _live_progress(storage: Storage) -> list[dict[str, Any]]:
    now = datetime.now(UTC)
    return [
        progress
        for progress in read_progress(storage, None)
        if not progress["ended"] and state_of(progress, gethostname(), now, psutil.pid_exists)[0]
    ]


def _last_rows(storage: Storage) -> dict[str, LastRow]:
    with connect(storage) as connection:
        rows = connection.query(_ROWS).to_pylist()
    return {
        row["host_id"]: LastRow(
            row["hardware_class"], tuple(row["gpus"] or ()), row["driver"], row["seen_at"]
        )
        for row in rows
    }
