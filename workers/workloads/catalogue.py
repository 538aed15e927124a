"""From a workload's config to the workload."""

from workers.contract import WorkloadConfig
from workers.workloads.base import Workload
from workers.workloads.speed.workload import Speed


def workload_for(config: WorkloadConfig) -> Workload:
    """The workload that a config belongs to."""
    return Speed(config)
