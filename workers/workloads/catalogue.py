"""From a workload's config to the workload."""

from workers.contract import ALONE, WorkloadConfig
from workers.workloads.agent.config import AgentConfig
from workers.workloads.agent.workload import Agent
from workers.workloads.base import Workload
from workers.workloads.concurrency.config import ConcurrencyConfig
from workers.workloads.concurrency.workload import Concurrency
from workers.workloads.depth_curve.config import DepthCurveConfig
from workers.workloads.depth_curve.workload import DepthCurve
from workers.workloads.speed.workload import Speed
from workers.workloads.stability.config import StabilityConfig
from workers.workloads.stability.workload import Stability


def workload_for(config: WorkloadConfig) -> Workload:
    """The workload that a config belongs to.

    Raises:
        TypeError: a workload that starts processes of its own (`workers.host`).
    """
    if isinstance(config, ALONE):
        raise TypeError(f"{config.name} is not done to one running server")
    if isinstance(config, DepthCurveConfig):
        return DepthCurve(config)
    if isinstance(config, ConcurrencyConfig):
        return Concurrency(config)
    if isinstance(config, AgentConfig):
        return Agent(config)
    if isinstance(config, StabilityConfig):
        return Stability(config)
    return Speed(config)
