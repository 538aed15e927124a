"""From a workload's config to the workload."""

from workers.contract import ALONE, WorkloadConfig
from workers.workloads.base import Workload
from workers.workloads.speed.workload import Speed


def workload_for(config: WorkloadConfig) -> Workload:
    """The workload that a config belongs to.

    Raises:
        TypeError: a workload that starts processes of its own (`workers.host`).
    """
    if isinstance(config, ALONE):
        raise TypeError(f"{config.name} is not done to one running server")
    return Speed(config)
