"""The configuration room: Hydra composes here, typed dataclasses leave it."""

from orchestrator.config.compose import Composer, load_catalogue, split_overrides
from orchestrator.config.schema import GROUPS, FleetConfig, HerdConfig, PlanConfig, WarehouseConfig

__all__ = [
    "GROUPS",
    "Composer",
    "FleetConfig",
    "HerdConfig",
    "PlanConfig",
    "WarehouseConfig",
    "load_catalogue",
    "split_overrides",
]
