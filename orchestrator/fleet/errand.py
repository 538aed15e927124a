"""Errands: a function that a host of the cluster runs once, beside what it measures."""

from collections.abc import Callable
from typing import Any, cast

from orchestrator.fleet.cluster import HOST_LABEL, Cluster
from warehouse.errors import FleetError

_TIME_LIMIT_S = 120.0


def run_on(cluster: Cluster, label: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """The function's value on that host.

    Args:
        cluster: to join for it.
        label: of the host.
        function: of a module of `workers`, which every node has.
        *arguments: for it.

    Raises:
        FleetError: the host is away, or the function fails.
    """
    with cluster.joined():
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        ids = [
            row["NodeID"]
            for row in cast("Any", ray).nodes()
            if row["Alive"] and row["Labels"].get(HOST_LABEL) == label
        ]
        if not ids:
            raise FleetError(f"{label} is away: `herd node list`")
        pinned = NodeAffinitySchedulingStrategy(ids[-1], soft=False)
        task: Any = ray.remote(num_cpus=0, max_retries=0)(function)
        try:
            return ray.get(
                task.options(scheduling_strategy=pinned).remote(*arguments), timeout=_TIME_LIMIT_S
            )
        except ray.exceptions.RayError as error:
            said = " ".join(str(error).split())[-300:]
            raise FleetError(f"{label}: {said}") from error
